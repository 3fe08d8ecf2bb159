"""Writing notifications down, with a delivery for each channel, in the transaction that found out (at least once)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from accounts.models import Notification, NotificationChannel, NotificationDelivery, NotificationRule
from accounts.notifications.kinds import KINDS, kind_of
from accounts.notifications.rules import channels_of, concerns, default_rule


def post(
    *,
    rule: NotificationRule,
    subject: str,
    facts: Mapping[str, Any],
    threshold: int = 0,
    workspace: str | None = None,
) -> Notification | None:
    """Write a notification of the rule's kind, to be delivered as the rule says; None if the rule wants none.

    It says nothing about having been told before: that is the marks' business, in the same transaction.
    """
    if rule.is_disabled or not concerns(rule, workspace):
        return None
    channels = [channel for channel in channels_of(rule) if not channel.is_disabled]
    notification = Notification.objects.create(
        organization_id=rule.organization_id,
        kind=rule.kind,
        subject=subject,
        threshold=threshold,
        workspace=workspace,
        title=kind_of(rule.kind).title(facts),
        facts=dict(facts),
    )
    deliver_through(notification, [*channels, None] if rule.is_mailed_to_administrators else channels)
    notification.refresh_from_db(fields=["created_at"])
    return notification


def deliver_through(notification: Notification, channels: Iterable[NotificationChannel | None]) -> None:
    """Put the notification on its way; None is the mail to the administrators."""
    NotificationDelivery.objects.bulk_create(
        NotificationDelivery(
            organization_id=notification.organization_id, notification=notification, channel=channel
        )
        for channel in channels
    )


def stored_rule(organization_id: int, kind: str) -> NotificationRule:
    """The organization's rule for a kind, or what holds without one."""
    rows = NotificationRule.objects.for_organization(organization_id)
    found: NotificationRule | None = rows.filter(kind=kind).first()
    return found or default_rule(organization_id, KINDS[kind])
