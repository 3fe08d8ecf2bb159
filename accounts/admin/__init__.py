"""The accounts app in the Django admin; importing the modules registers their classes."""

from accounts.admin import (
    audit_events,
    billing,
    invitations,
    ledger,
    management_keys,
    notifications,
    organizations,
    people,
    privacy,
    revisions,
)

__all__ = [
    "audit_events",
    "billing",
    "invitations",
    "ledger",
    "management_keys",
    "notifications",
    "organizations",
    "people",
    "privacy",
    "revisions",
]
