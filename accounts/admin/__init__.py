"""The accounts app in the Django admin; importing the modules registers their classes."""

from accounts.admin import billing, ledger, management_keys, organizations, people, revisions

__all__ = ["billing", "ledger", "management_keys", "organizations", "people", "revisions"]
