"""People, organizations, what they may do, and what they own in credits."""

from accounts.models.audit_event import AuditEvent
from accounts.models.checkout import StripeCheckout, StripeEvent
from accounts.models.credit import LedgerEntry
from accounts.models.idempotency import IdempotentAnswer
from accounts.models.invitation import Invitation
from accounts.models.invoice import BillingDetails, Invoice
from accounts.models.management_key import ManagementKey
from accounts.models.membership import Membership
from accounts.models.notification import (
    AlertState,
    Notification,
    NotificationChannel,
    NotificationDelivery,
    NotificationRule,
)
from accounts.models.organization import Organization
from accounts.models.privacy import PrivacySettings
from accounts.models.revision import Revision, Version
from accounts.models.user import User

__all__ = [
    "AlertState",
    "AuditEvent",
    "BillingDetails",
    "IdempotentAnswer",
    "Invitation",
    "Invoice",
    "LedgerEntry",
    "ManagementKey",
    "Membership",
    "Notification",
    "NotificationChannel",
    "NotificationDelivery",
    "NotificationRule",
    "Organization",
    "PrivacySettings",
    "Revision",
    "StripeCheckout",
    "StripeEvent",
    "User",
    "Version",
]
