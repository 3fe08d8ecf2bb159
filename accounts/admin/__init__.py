"""The accounts app in the Django admin; importing the modules registers their classes."""

from accounts.admin import ledger, management_keys, organizations, people, privacy, revisions

__all__ = ["ledger", "management_keys", "organizations", "people", "privacy", "revisions"]
