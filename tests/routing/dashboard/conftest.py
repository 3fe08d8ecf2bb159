"""Fixtures of the dashboard's tests."""

from tests.dashboard_pages import uncollected_files, viewers

__all__ = ["uncollected_files", "viewers"]
