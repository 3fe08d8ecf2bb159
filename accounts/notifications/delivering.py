"""Getting notifications to where they go: at least once, with the same identifier each time, and not for ever."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import Membership, NotificationChannel, NotificationDelivery
from accounts.notifications import channels
from accounts.notifications.channel_types import CHANNEL_TYPES, Refused, Unreachable
from accounts.notifications.channel_types.email import send_mail
from accounts.notifications.kinds import CHANNEL_DISABLED, TEST
from accounts.notifications.messages import message_of
from accounts.notifications.reporting import report
from accounts.revisions import Actor
from config.lib.scoping import tenant, unscoped

RETRY_SECONDS = (10, 60, 300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600)
"""Before the second try, the third, …; after as many tries the delivery is dead."""
MOST_REFUSALS = 3
"""Tries of what is refused, and dead deliveries in a row after which a channel is disabled."""
LEASE = timedelta(minutes=2)
"""How long a try may take before another one is made: more than any type of channel waits."""
AT_ONCE = 200
WORKER = Actor(door="worker", reason="refused notifications again and again")
EVERYBODYS = "deliveries of all organizations are made by the same tasks"


@dataclass(frozen=True)
class Outcome:
    """What became of a try; no error: it arrived."""

    error: str = ""
    is_refused: bool = False
    is_for_good: bool = False
    wait_seconds: int = 0


def claim_due() -> list[tuple[int, int]]:
    """Deliveries whose time has come, with the tries that were made; nobody else is given them for a while."""
    now = timezone.now()
    with transaction.atomic(), unscoped(reason=EVERYBODYS):
        due = NotificationDelivery.objects.filter(
            status=NotificationDelivery.PENDING, next_attempt_at__lte=now
        )
        rows = list(due.select_for_update(skip_locked=True).order_by("next_attempt_at", "pk")[:AT_ONCE])
        claimed = NotificationDelivery.objects.filter(pk__in=[row.pk for row in rows])
        claimed.update(next_attempt_at=now + LEASE)
    return [(row.pk, row.attempts) for row in rows]


def deliver(*, delivery_id: int, attempt: int, is_last: bool = False) -> None:
    """Make a try, if so many were made before and nobody else has begun this one. `is_last`: there is no other."""
    delivery = _take(delivery_id, attempt)
    if delivery is None:
        return
    outcome = _try(delivery)
    with tenant(delivery.organization_id):
        _note(delivery, outcome, is_last=is_last)


def _take(delivery_id: int, attempt: int) -> NotificationDelivery | None:
    with unscoped(reason=EVERYBODYS):
        rows = NotificationDelivery.objects.filter(pk=delivery_id)
        mine = rows.filter(status=NotificationDelivery.PENDING, attempts=attempt)
        if not mine.update(attempts=F("attempts") + 1, next_attempt_at=timezone.now() + LEASE):
            return None
        found: NotificationDelivery = rows.select_related("notification", "channel", "organization").get()
        return found


def _try(delivery: NotificationDelivery) -> Outcome:
    try:
        _send(delivery)
    except Refused as error:
        return Outcome(str(error), is_refused=True, is_for_good=error.is_for_good)
    except Unreachable as error:
        return Outcome(str(error), wait_seconds=error.wait_seconds)
    return Outcome()


def _send(delivery: NotificationDelivery) -> None:
    """Send the notification. Raises Unreachable, Refused."""
    message, channel = message_of(delivery.notification, delivery.organization), delivery.channel
    if channel is None:
        addresses = _administrators(delivery.organization_id)
        if not addresses:
            raise Refused("There is no administrator to mail to.")
        send_mail(message, addresses)
        return
    if channel.deleted_at is not None:
        raise Refused("The channel was deleted.", is_for_good=True)
    if channel.is_disabled and delivery.notification.kind != TEST.slug:
        raise Refused("The channel is disabled.", is_for_good=True)
    kind, config = CHANNEL_TYPES[channel.type], channels.opened(channel)
    if not kind.required | kind.secrets <= config.keys():
        raise Refused("The channel has lost its secret; set it again.", is_for_good=True)
    kind.send(message, config)


def _administrators(organization_id: int) -> list[str]:
    with tenant(organization_id):
        members = Membership.objects.for_organization(organization_id).administrators()
        active = members.filter(user__is_active=True).order_by("pk")
        return list(active.values_list("user__email", flat=True))


def _note(delivery: NotificationDelivery, outcome: Outcome, *, is_last: bool) -> None:
    """Write down what became of the try, and what follows from it for the channel."""
    now = timezone.now()
    rows = NotificationDelivery.objects.for_organization(delivery.organization_id)
    mine = rows.filter(pk=delivery.pk, status=NotificationDelivery.PENDING, attempts=delivery.attempts)
    if not outcome.error:
        mine.update(status=NotificationDelivery.DELIVERED, delivered_at=now, error="", is_refused=False)
        return
    is_dead = is_last or _is_hopeless(outcome, delivery.attempts)
    mine.update(
        status=NotificationDelivery.DEAD if is_dead else NotificationDelivery.PENDING,
        error=outcome.error,
        is_refused=outcome.is_refused,
        next_attempt_at=now + timedelta(seconds=_wait(outcome, delivery.attempts)),
    )
    if is_dead and delivery.channel is not None and delivery.notification.kind != TEST.slug:
        _judge_channel(delivery.channel, outcome)


def _is_hopeless(outcome: Outcome, attempts: int) -> bool:
    most = MOST_REFUSALS if outcome.is_refused else len(RETRY_SECONDS)
    return outcome.is_for_good or attempts >= most


def _wait(outcome: Outcome, attempts: int) -> float:
    """Seconds until the next try, a little more or less, so that not everybody comes at once."""
    planned = RETRY_SECONDS[min(attempts, len(RETRY_SECONDS)) - 1]
    return max(outcome.wait_seconds, planned * random.uniform(0.8, 1.2))  # noqa: S311  # nothing to guess


def _judge_channel(channel: NotificationChannel, outcome: Outcome) -> None:
    """Disable a channel that has refused deliveries in a row, or said that it is gone; and tell so, elsewhere."""
    if channel.is_disabled or channel.deleted_at is not None or not outcome.is_refused:
        return
    rows = NotificationDelivery.objects.for_organization(channel.organization_id).filter(channel=channel)
    finished = rows.exclude(status=NotificationDelivery.PENDING).exclude(notification__kind=TEST.slug)
    last = list(finished.order_by("-pk").values_list("status", "is_refused")[:MOST_REFUSALS])
    if outcome.is_for_good or last == [(NotificationDelivery.DEAD, True)] * MOST_REFUSALS:
        disable_hopeless(channel, outcome.error)


def disable_hopeless(channel: NotificationChannel, error: str) -> None:
    """Disable the channel and report it."""
    try:
        channels.switch(channel=channel, is_disabled=True, by=WORKER, reason=error)
    except channels.ChannelGone:
        return
    report(
        organization_id=channel.organization_id,
        kind=CHANNEL_DISABLED,
        subject=f"channel:{channel.pk}",
        facts={
            "name": channel.name,
            "channel_id": str(channel.public_id),
            "type": channel.type,
            "error": error,
        },
    )
