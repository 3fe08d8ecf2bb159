"""How a destination fares, for people: its state, its deliveries, its batches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection
from django.utils import timezone

from config.lib.ids import parse_generation_id
from config.lib.keyset import Page, UnknownCursor
from observability.models import (
    Delivery,
    DeliveryJob,
    DeliveryReceipt,
    DeliveryState,
    Destination,
    Generation,
)

STATUSES: Final = (Delivery.PENDING, Delivery.SENT, Delivery.DEAD)
OUTCOMES: Final = ("sent", "partial", "retried", "refused", "misconfigured")
CLOSED, OPEN, HALF_OPEN, PAUSED = "closed", "open", "half_open", "paused"
LARGEST_ID: Final = 2**63 - 1

OLDEST_SQL = """SELECT destination_id, min(accepted_at) FROM delivery
 WHERE destination_id = ANY(%s) AND status = 'pending' GROUP BY 1"""


@dataclass(frozen=True, slots=True)
class Faring:
    """A destination's state. `lag_seconds`: how long the oldest that waits has waited; 0 when nothing does."""

    state: DeliveryState
    lag_seconds: float

    @property
    def pending(self) -> int:
        """How many wait."""
        return self.state.accepted - self.state.sent - self.state.dead

    @property
    def lag_ms(self) -> int:
        """The same for pages, which write durations."""
        return int(self.lag_seconds * 1000)

    @property
    def breaker(self) -> str:
        """Whether it is sent to: closed means yes, as in a circuit."""
        is_waiting = self.state.open_until is not None and self.state.open_until > timezone.now()
        if self.state.openings:
            return OPEN if is_waiting else HALF_OPEN
        return PAUSED if is_waiting else CLOSED


def faring_of(destination: Destination) -> Faring:
    """The state of a destination; one that was never sent to has an empty one."""
    [faring] = farings_of([destination])
    return faring


def farings_of(destinations: list[Destination]) -> list[Faring]:
    """The states of destinations of one organization, in their order; two queries."""
    if not destinations:
        return []
    states = DeliveryState.objects.for_organization(destinations[0].organization_id)
    known = states.in_bulk([destination.pk for destination in destinations])
    waiting = _waiting_since([destination.pk for destination in destinations])
    now = timezone.now()
    return [
        Faring(
            known.get(destination.pk) or _never(destination),
            max(0.0, (now - waiting.get(destination.pk, now)).total_seconds()),
        )
        for destination in destinations
    ]


def _waiting_since(destination_ids: list[int]) -> dict[int, datetime]:
    with connection.cursor() as cursor:
        cursor.execute(OLDEST_SQL, [destination_ids])
        return dict(cursor.fetchall())


def _never(destination: Destination) -> DeliveryState:
    zeros = dict.fromkeys(("failures", "openings", "accepted", "sent", "dead", "dropped"), 0)
    return DeliveryState(
        destination=destination, organization_id=destination.organization_id, recent=1, is_slow=False, **zeros
    )


def deliveries(destination: Destination, *, status: str, before: str, size: int) -> Page[Delivery]:
    """Generations for a destination, the newest first; the cursor is a generation's id. Raises UnknownCursor."""
    rows = Delivery.objects.for_workspace(destination.workspace_id).filter(destination_id=destination.pk)
    if status:
        rows = rows.filter(status=status)
    if before:
        last = parse_generation_id(before)
        if last is None:
            raise UnknownCursor(before[:50])
        rows = rows.filter(generation_id__lt=last)
    found = list(rows.order_by("-generation_id")[: size + 1])
    return Page(found[:size], found[size - 1].public_generation_id if len(found) > size else None)


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a generation at one destination."""

    destination: Destination
    delivery: Delivery


def deliveries_of(generation: Generation) -> list[Told]:
    """What became of a generation at each destination that it was for; deleted ones are left out."""
    rows = Delivery.objects.for_workspace(generation.workspace_id).filter(generation_id=generation.pk)
    found = {row.destination_id: row for row in rows}
    live = (
        Destination.objects.for_workspace(generation.workspace_id)
        .live()
        .filter(pk__in=found)
        .select_related("workspace")
    )
    return [Told(one, found[one.pk]) for one in live.order_by("name", "pk")]


def receipts(destination: Destination, *, outcome: str, before: str, size: int) -> Page[DeliveryReceipt]:
    """Batches for a destination, the newest first; the cursor is a receipt's id. Raises UnknownCursor."""
    rows = DeliveryReceipt.objects.for_workspace(destination.workspace_id).filter(
        destination_id=destination.pk
    )
    if outcome:
        rows = rows.filter(outcome=outcome)
    if before:
        if not (before.isascii() and before.isdigit()) or int(before[:20]) > LARGEST_ID:
            raise UnknownCursor(before[:50])
        rows = rows.filter(pk__lt=int(before))
    found = list(rows.order_by("-pk")[: size + 1])
    return Page(found[:size], str(found[size - 1].pk) if len(found) > size else None)


def jobs_of(destination: Destination, page: slice) -> tuple[list[DeliveryJob], int]:
    """Replays, discards and back-fills of a destination, the newest first, and how many there are."""
    rows = DeliveryJob.objects.for_workspace(destination.workspace_id).filter(destination=destination)
    return list(rows.order_by("-pk")[page]), rows.count()
