"""What is accepted for each destination: never more than it may have waiting, and always counted.

Deliveries and their counts change in one transaction, so that accepted = sent + dead + pending holds at every moment.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import psycopg

from config.lib.environment import environment
from observability.array_literals import numbers

if TYPE_CHECKING:
    from observability.ingest_writes import NewDelivery

# Locked in order: two ingesters, or one and a worker, meet on these rows.
PENDING_SQL = """
SELECT destination_id, accepted - sent - dead FROM delivery_state
 WHERE destination_id = ANY(%s) ORDER BY destination_id FOR NO KEY UPDATE
"""
COUNT_SQL = """
INSERT INTO delivery_state AS known (destination_id, organization_id, accepted, dropped, last_error)
SELECT destination.id, destination.organization_id, more.accepted, more.dropped, ''
  FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) more (id, accepted, dropped)
  JOIN destination USING (id) ORDER BY destination.id
ON CONFLICT (destination_id) DO UPDATE
   SET accepted = known.accepted + excluded.accepted, dropped = known.dropped + excluded.dropped
"""
FULL_SQL = "SELECT destination_id FROM delivery_state WHERE accepted - sent - dead >= %s"

Cursor = psycopg.Cursor[tuple[Any, ...]]


def accept(cursor: Cursor, rows: Iterable[NewDelivery], most: int | None = None) -> list[NewDelivery]:
    """Count these deliveries and return those that there is room for; the transaction must write exactly them."""
    wanted: dict[int, list[NewDelivery]] = defaultdict(list)
    for row in rows:
        wanted[row.destination_id].append(row)
    if not wanted:
        return []
    most = environment().delivery_most_pending if most is None else most
    pending: dict[int, int] = dict(cursor.execute(PENDING_SQL, [numbers(wanted)]).fetchall())
    accepted: list[NewDelivery] = []
    counts: list[tuple[int, int, int]] = []
    for destination, deliveries in sorted(wanted.items()):
        judged = [row for row in deliveries if row.is_judged]
        taken = judged[: max(0, most - pending.get(destination, 0))]
        accepted += taken
        counts.append((destination, len(taken), len(deliveries) - len(taken)))
    cursor.execute(COUNT_SQL, [numbers(column) for column in zip(*counts, strict=True)])
    return accepted


def full_destinations(cursor: Cursor) -> frozenset[int]:
    """The destinations that have no room now: nothing needs to be kept for them."""
    rows = cursor.execute(FULL_SQL, [environment().delivery_most_pending])
    return frozenset(destination for (destination,) in rows)
