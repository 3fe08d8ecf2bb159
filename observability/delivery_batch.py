"""Claiming a batch of deliveries and settling it: each is one short transaction, with no call of anybody in between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

import psycopg

from observability.array_literals import numbers, texts
from observability.batch_growth import SLOW_SECONDS
from observability.breaker import Breaker
from observability.contents import forget_delivered
from observability.delivery_lease import LEASE, Leased

Connection = psycopg.Connection[tuple[Any, ...]]

MOST_ATTEMPTS: Final = 12
LONGEST_TRYING: Final = timedelta(hours=24)
TRACE_BYTES: Final = 4_096
"""What a trace takes without its content, roughly; sealed content is a third longer than what it holds."""

# The index of what is due gives them in their order.
DUE_SQL = """
SELECT generation_id, coalesce(octet_length(content.sealed), 0), due.attempts, due.tried_at
  FROM delivery due LEFT JOIN generation_content content
    USING (generation_id)
 WHERE due.destination_id = %(destination)s AND due.status = 'pending' AND due.next_at <= now()
 ORDER BY due.next_at, generation_id LIMIT %(most)s
   FOR NO KEY UPDATE OF due SKIP LOCKED
"""
CLAIM_SQL = """
UPDATE delivery SET next_at = now() + %(lease)s, tried_at = coalesce(tried_at, now()), attempts = attempts + 1
 WHERE destination_id = %(destination)s AND generation_id = ANY(%(ids)s)
   AND generation_id BETWEEN %(first)s AND %(last)s
"""
RECEIPT_SQL = """
INSERT INTO delivery_receipt (organization_id, workspace_id, destination_id, outcome, traces, delivered,
                              sent_bytes, http_status, duration_ms, error)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id
"""
# Only what is still pending is settled: whoever took over a batch from a worker that was slow, not dead, has it.
SETTLE_SQL = """
WITH given AS (
  SELECT * FROM unnest(%(ids)s::uuid[], %(statuses)s::text[], %(waits)s::float8[], %(back)s::int[],
                       %(errors)s::text[]) given (id, status, wait, back, error)),
settled AS (
  UPDATE delivery SET status = given.status, next_at = now() + given.wait * interval '1 second',
         settled_at = CASE WHEN given.status <> 'pending' THEN now() END, receipt_id = %(receipt)s,
         attempts = attempts - given.back, last_error = nullif(given.error, '')
    FROM given
   WHERE destination_id = %(destination)s AND generation_id = given.id AND delivery.status = 'pending'
     AND generation_id BETWEEN %(first)s AND %(last)s
  RETURNING delivery.status)
SELECT count(*) FILTER (WHERE status = 'sent'), count(*) FILTER (WHERE status = 'dead') FROM settled
"""
STATE_SQL = """
UPDATE delivery_state SET sent = sent + %(sent)s, dead = dead + %(dead)s,
       leased_until = CASE WHEN leased_until = %(until)s THEN %(lease)s ELSE leased_until END,
       failures = %(failures)s, recent = %(recent)s, openings = %(openings)s, opened_at = %(opened_at)s,
       open_until = %(open_until)s, failing_since = %(failing_since)s, is_slow = %(is_slow)s,
       most_traces = %(most_traces)s,
       last_delivered_at = CASE WHEN %(sent)s > 0 THEN now() ELSE last_delivered_at END,
       last_error = %(error)s
 WHERE destination_id = %(destination)s
"""


class Claimed(NamedTuple):
    """A delivery that is ours to make; `attempts` were made before this one."""

    id: UUID
    content_bytes: int
    attempts: int
    tried_at: datetime | None

    def is_last(self, now: datetime) -> bool:
        """Whether another try after this one would be too many."""
        since = self.tried_at or now
        return self.attempts + 1 >= MOST_ATTEMPTS or now - since >= LONGEST_TRYING


@dataclass(slots=True)
class Settlement:
    """What is to be written about a batch. `retries`: seconds to wait, and whether the try counts.

    `most_traces`: how many the next one may have; None is all that the vendor takes.
    """

    sent: list[UUID] = field(default_factory=list)
    dead: dict[UUID, str] = field(default_factory=dict)
    retries: dict[UUID, tuple[float, bool]] = field(default_factory=dict)
    outcome: str = "sent"
    error: str = ""
    http_status: int | None = None
    sent_bytes: int = 0
    seconds: float = 0.0
    most_traces: int | None = None


def claim(connection: Connection, destination_id: int, *, most: int, most_bytes: int) -> list[Claimed]:
    """Take the next due deliveries for as long as a lease, so many and about so many bytes, one at least."""
    given = {"destination": destination_id, "most": most}
    with connection.transaction():
        due = [Claimed(*row) for row in connection.execute(DUE_SQL, given)]
        taken = _that_fit(due, most_bytes)
        if taken:
            ids = [each.id for each in taken]
            bounds = {"first": min(ids), "last": max(ids), "ids": ids}
            connection.execute(CLAIM_SQL, {"destination": destination_id, "lease": LEASE, **bounds})
    return taken


def _that_fit(due: Sequence[Claimed], most_bytes: int) -> list[Claimed]:
    size = 0
    for count, each in enumerate(due):
        size += TRACE_BYTES + each.content_bytes
        if size > most_bytes and count:
            return list(due[:count])
    return list(due)


def settle(connection: Connection, leased: Leased, settlement: Settlement, breaker: Breaker) -> datetime:
    """Write down what became of a batch; returns until when the lease holds now."""
    until = datetime.now(UTC) + LEASE
    with connection.transaction(), connection.cursor() as cursor:
        count = len(settlement.sent) + len(settlement.dead) + len(settlement.retries)
        receipt = cursor.execute(RECEIPT_SQL, _receipt(leased, settlement, count)).fetchone()
        sent, dead = 0, 0
        if count:
            changed = cursor.execute(SETTLE_SQL, _rows(leased, settlement, receipt)).fetchone()
            sent, dead = changed or (0, 0)
        cursor.execute(STATE_SQL, _state(leased, settlement, breaker, until) | {"sent": sent, "dead": dead})
        if settlement.sent:
            forget_delivered(cursor, settlement.sent)
    return until


def _receipt(leased: Leased, settlement: Settlement, count: int) -> list[Any]:
    return [
        leased.organization_id,
        leased.workspace_id,
        leased.destination_id,
        settlement.outcome,
        count,
        len(settlement.sent),
        settlement.sent_bytes,
        settlement.http_status,
        round(settlement.seconds * 1000),
        settlement.error,
    ]


def _rows(leased: Leased, settlement: Settlement, receipt: Any) -> Mapping[str, Any]:  # the row of its id
    retries = settlement.retries
    ids = [*settlement.sent, *settlement.dead, *retries]
    statuses = ["sent"] * len(settlement.sent) + ["dead"] * len(settlement.dead) + ["pending"] * len(retries)
    done = len(ids) - len(retries)
    errors = [""] * len(settlement.sent) + [*settlement.dead.values()] + [settlement.error] * len(retries)
    return {
        "ids": f"{{{','.join(map(str, ids))}}}",
        "statuses": f"{{{','.join(statuses)}}}",
        "waits": f"{{{','.join(['0'] * done + [f'{wait:.3f}' for wait, _ in retries.values()])}}}",
        "back": numbers([0] * done + [int(not is_counted) for _, is_counted in retries.values()]),
        "errors": texts(errors),
        "receipt": receipt[0],
        "destination": leased.destination_id,
        "first": min(ids),
        "last": max(ids),
    }


def _state(leased: Leased, settlement: Settlement, breaker: Breaker, until: datetime) -> dict[str, Any]:
    return {
        "destination": leased.destination_id,
        "until": leased.until,
        "lease": until,
        "failures": breaker.failures,
        "recent": breaker.recent,
        "openings": breaker.openings,
        "opened_at": breaker.opened_at,
        "open_until": breaker.open_until,
        "failing_since": breaker.failing_since,
        "is_slow": settlement.seconds > SLOW_SECONDS,
        "most_traces": settlement.most_traces,
        "error": settlement.error,
    }
