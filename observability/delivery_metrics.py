"""What workers tell Prometheus of deliveries, by the type of a destination and never by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import psycopg

from config.lib.metrics import WORK, Level, Seconds, Total

if TYPE_CHECKING:
    from observability.delivery_batch import Settlement

TRACES = Total(
    "headgate_delivery_traces_total", "Traces by type of destination and outcome.", ["type", "outcome"]
)
BATCHES = Total("headgate_delivery_batches_total", "Batches of traces, likewise.", ["type", "outcome"])
SECONDS = Seconds(
    "headgate_delivery_seconds", "Seconds to build a batch, send it and have its answer.", ["type"], WORK
)
SENT_BYTES = Total("headgate_delivery_sent_bytes_total", "Bytes of request bodies, uncompressed.", ["type"])
PENDING = Level("headgate_delivery_pending", "Traces that wait.", ["type"])
LAG = Level("headgate_delivery_lag_seconds", "Seconds that the oldest trace has waited.", ["type"])
DROPPED = Level("headgate_delivery_dropped", "Traces that were not accepted, ever.", ["type"])
DESTINATIONS = Level(
    "headgate_delivery_destinations", "Destinations by their breaker, closed or open.", ["type", "breaker"]
)
BREAKERS: Final = ("closed", "open")

LOOK_SQL = """
SELECT type, sum(accepted - sent - dead)::bigint, sum(dropped)::bigint,
       count(*) FILTER (WHERE openings = 0), count(*) FILTER (WHERE openings > 0),
       coalesce(extract(epoch FROM now() - min(waiting.since)), 0)::float8
  FROM delivery_state JOIN destination ON destination.id = destination_id
  LEFT JOIN LATERAL (SELECT min(accepted_at) AS since FROM delivery
                      WHERE delivery.destination_id = destination.id AND status = 'pending'
                        AND accepted > sent + dead) waiting ON true
 WHERE deleted_at IS NULL GROUP BY type
"""


def note_batch(kind: str, settlement: Settlement) -> None:
    """Count a batch that was settled."""
    outcomes = {"sent": settlement.sent, "dead": settlement.dead, "retried": settlement.retries}
    for outcome, traces in outcomes.items():
        if traces:
            TRACES.add(kind, outcome, count=len(traces))
    BATCHES.add(kind, settlement.outcome)
    SECONDS.observe(settlement.seconds, kind)
    SENT_BYTES.add(kind, count=settlement.sent_bytes)


def look(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    """Read what the database knows of all workers together; the sweep does so every ten seconds."""
    found = connection.execute(LOOK_SQL).fetchall()
    for kind, pending, dropped, closed, opened, lag in found:
        PENDING.set(pending, kind)
        DROPPED.set(dropped, kind)
        LAG.set(lag, kind)
        for breaker, count in zip(BREAKERS, (closed, opened), strict=True):
            DESTINATIONS.set(count, kind, breaker)
    kinds = {(kind,) for kind, *_ in found}
    for level in (PENDING, DROPPED, LAG):
        level.forget_others(kinds)
    DESTINATIONS.forget_others({(kind, breaker) for (kind,) in kinds for breaker in BREAKERS})
