"""The workspaces app in the Django admin; importing the modules registers their classes."""

from workspaces.admin import api_keys, key_matters, money, workspaces

__all__ = ["api_keys", "key_matters", "money", "workspaces"]
