"""Fixtures of this folder."""

from tests.workspaces.lease_world import purse_database, purses, world

__all__ = ["purse_database", "purses", "world"]
