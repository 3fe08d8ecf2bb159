"""Who is told what: channels, rules, what has been told, and what became of it (SPEC §10)."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from config.lib.ids import uuid7
from config.lib.scoping import ScopedQuerySet, TenantModel


class NotificationChannelQuerySet(ScopedQuerySet["NotificationChannel"]):
    """Channels by their state."""

    def live(self) -> NotificationChannelQuerySet:
        """Channels that were not deleted."""
        return self.filter(deleted_at=None)


class NotificationChannel(TenantModel):
    """A way to tell people or programs; `type` names a class of accounts.notifications.channel_types.

    `config` holds what may be shown; the secrets are sealed together, and `hints` says how each is shown. Deleting
    wipes the secrets and keeps the row, which the history names.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    organization = models.ForeignKey("accounts.Organization", models.CASCADE, related_name="+")
    type = models.CharField(max_length=20)
    name = models.CharField(max_length=100)
    config = models.JSONField(default=dict, blank=True)
    hints = models.JSONField(default=dict, blank=True, editable=False)
    sealed_secret = models.TextField(default="", editable=False)
    is_disabled = models.BooleanField(default=False)
    disabled_reason = models.CharField(max_length=200, default="", blank=True, editable=False)
    created_by = models.ForeignKey(
        "accounts.User", models.SET_NULL, null=True, related_name="+", editable=False
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(null=True, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)

    objects = NotificationChannelQuerySet.as_manager()  # type: ignore[misc]  # narrower than the base

    class Meta(TenantModel.Meta):
        db_table = "notification_channel"
        constraints = [
            models.CheckConstraint(
                condition=Q(deleted_at=None) | Q(sealed_secret=""), name="deleted_channel_secret_is_wiped"
            ),
        ]
        indexes = [models.Index(fields=["organization", "-id"], name="channel_by_organization")]

    def __str__(self) -> str:
        return self.name

    @property
    def secret_identity(self) -> str:
        """What the sealed secrets belong to; in another row, or for another type, they do not open."""
        return f"notification_channel:{self.organization_id}:{self.public_id}:{self.type}"


class NotificationRule(TenantModel):
    """When the organization is told of one kind of event, and how; no row says what the kind's defaults say.

    `thresholds` are percentages, nano-dollars or days, as the kind counts. `workspaces` holds public ids of workspaces,
    which lie above this app; None: all of them. `channel_ids` are ids of channels.
    """

    organization = models.ForeignKey("accounts.Organization", models.CASCADE, related_name="+")
    kind = models.CharField(max_length=40)
    thresholds = models.JSONField(default=list, blank=True)
    workspaces = models.JSONField(null=True, blank=True)
    channel_ids = models.JSONField(default=list, blank=True)
    is_mailed_to_administrators = models.BooleanField(default=True)
    is_disabled = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(null=True, editable=False)

    class Meta(TenantModel.Meta):
        db_table = "notification_rule"
        constraints = [
            models.UniqueConstraint(fields=["organization", "kind"], name="one_notification_rule_per_kind")
        ]

    def __str__(self) -> str:
        return self.kind


class AlertState(TenantModel):
    """A threshold that was told of and is not to be told of again, until it is armed: then the row is gone.

    `subject` says of what (`workspace:7/m`); `window_start` is the window of its budget, None where nothing rolls.
    """

    organization = models.ForeignKey("accounts.Organization", models.CASCADE, related_name="+")
    kind = models.CharField(max_length=40)
    subject = models.CharField(max_length=300)
    threshold = models.BigIntegerField(default=0)
    window_start = models.DateTimeField(null=True)
    fired_at = models.DateTimeField(db_default=Now())

    class Meta(TenantModel.Meta):
        db_table = "alert_state"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "kind", "subject", "threshold"], name="one_alert_per_crossing"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject} {self.threshold}"


class Notification(TenantModel):
    """Something the organization was told, with the facts as they were then. `workspace` is a public id."""

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    organization = models.ForeignKey("accounts.Organization", models.CASCADE, related_name="+")
    kind = models.CharField(max_length=40)
    subject = models.CharField(max_length=300)
    threshold = models.BigIntegerField(default=0)
    workspace = models.UUIDField(null=True)
    title = models.CharField(max_length=300)
    facts = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta(TenantModel.Meta):
        db_table = "notification"
        indexes = [models.Index(fields=["organization", "-id"], name="notification_by_organization")]

    def __str__(self) -> str:
        return self.title


class NotificationDelivery(TenantModel):
    """A notification on its way through one channel; without a channel it is the mail to the administrators."""

    PENDING, DELIVERED, DEAD = "pending", "delivered", "dead"

    organization = models.ForeignKey("accounts.Organization", models.CASCADE, related_name="+")
    notification = models.ForeignKey(Notification, models.CASCADE, related_name="deliveries")
    channel = models.ForeignKey(NotificationChannel, models.CASCADE, null=True, related_name="deliveries")
    status = models.CharField(max_length=10, default=PENDING)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(db_default=Now())
    is_refused = models.BooleanField(default=False)
    error = models.CharField(max_length=200, default="")
    delivered_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        db_table = "notification_delivery"
        verbose_name_plural = "notification deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["notification", "channel"], nulls_distinct=False, name="one_delivery_per_channel"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["pending", "delivered", "dead"]), name="notification_delivery_status"
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"], condition=Q(status="pending"), name="notification_delivery_due"
            ),
            models.Index(fields=["channel", "-id"], name="notification_delivery_channel"),
        ]

    def __str__(self) -> str:
        return f"{self.status} after {self.attempts}"
