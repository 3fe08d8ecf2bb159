"""What an organization was told, and what became of it; kept for a year."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Prefetch, QuerySet
from django.utils import timezone

from accounts.models import Notification, NotificationChannel, NotificationDelivery
from config.lib.jobs import ROWS_AT_ONCE
from config.lib.scoping import unscoped

KEPT = timedelta(days=365)


def told(organization_id: int) -> QuerySet[Notification]:
    """All notifications with their deliveries, in no order yet."""
    deliveries = NotificationDelivery.objects.for_organization(organization_id)
    with_channels = deliveries.select_related("channel").order_by("pk")
    rows: QuerySet[Notification] = Notification.objects.for_organization(organization_id)
    return rows.prefetch_related(Prefetch("deliveries", with_channels))


def last_deliveries(channels: list[NotificationChannel]) -> dict[int, NotificationDelivery]:
    """The newest delivery of each channel that has one, by the channel's id."""
    if not channels:
        return {}
    rows = NotificationDelivery.objects.for_organization(channels[0].organization_id)
    newest = rows.filter(channel__in=channels).order_by("channel", "-pk").distinct("channel")
    return {delivery.channel_id: delivery for delivery in newest if delivery.channel_id is not None}


def forget_old() -> int:
    """Delete some of what was told more than a year ago; returns how many notifications that were."""
    with unscoped(reason="every organization's history is kept for the same time"):
        old = Notification.objects.filter(created_at__lt=timezone.now() - KEPT).order_by("pk")
        chosen = list(old.values_list("pk", flat=True)[:ROWS_AT_ONCE])
        Notification.objects.filter(pk__in=chosen).delete()
    return len(chosen)
