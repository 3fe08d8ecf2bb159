"""Trying a channel out, which is also how a disabled one is enabled again."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts.models import Notification, NotificationChannel, NotificationDelivery
from accounts.notifications import channels
from accounts.notifications.delivering import deliver
from accounts.notifications.kinds import CHANNEL_DISABLED, TEST
from accounts.notifications.posting import deliver_through
from accounts.notifications.reporting import resolve
from accounts.revisions import Actor

MOST_TESTS = 30
"""An hour, so that nobody uses us to fill strangers' mailboxes."""


class TooManyTests(Exception):
    """So many tests would be a nuisance to whoever gets them."""


class TestFailed(Exception):
    """The test did not arrive; the message says why."""

    __test__ = False


def send_test(*, channel: NotificationChannel) -> NotificationDelivery:
    """Send a test right away, once, and answer what became of it. Raises ChannelGone, TooManyTests."""
    with transaction.atomic():
        locked = channels.lock(channel)
        _check_number(locked.organization_id)
        facts = {"name": locked.name, "channel_id": str(locked.public_id), "type": locked.type}
        notification = Notification.objects.create(
            organization_id=locked.organization_id,
            kind=TEST.slug,
            subject=f"channel:{locked.pk}",
            title=TEST.title(facts),
            facts=facts,
        )
        deliver_through(notification, [locked])
        delivery = NotificationDelivery.objects.for_organization(locked.organization_id).get(
            notification=notification
        )
        deliver(delivery_id=delivery.pk, attempt=0, is_last=True)
        delivery.refresh_from_db()
    return delivery


def enable(*, channel: NotificationChannel, by: Actor) -> NotificationChannel:
    """Use a disabled channel again, if a test arrives. Raises ChannelGone, TooManyTests, TestFailed."""
    delivery = send_test(channel=channel)
    if delivery.status != NotificationDelivery.DELIVERED:
        raise TestFailed(f"The test did not arrive: {delivery.error}")
    enabled = channels.switch(channel=channel, is_disabled=False, by=by)
    resolve(organization_id=channel.organization_id, kind=CHANNEL_DISABLED, subject=f"channel:{channel.pk}")
    return enabled


def _check_number(organization_id: int) -> None:
    made = Notification.objects.for_organization(organization_id).filter(
        kind=TEST.slug, created_at__gt=timezone.now() - timedelta(hours=1)
    )
    if made.count() >= MOST_TESTS:
        raise TooManyTests(f"An organization may send {MOST_TESTS} tests an hour.")
