"""What workers tell Prometheus of deliveries, by the type of a destination and never by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import psycopg
from prometheus_client import Counter, Gauge, Histogram

if TYPE_CHECKING:
    from observability.delivery_batch import Settlement

TRACES = Counter("headgate_delivery_traces", "Traces by what became of them", ["type", "outcome"])
BATCHES = Counter("headgate_delivery_batches", "Batches by what became of them", ["type", "outcome"])
BATCH_TRACES = Histogram(
    "headgate_delivery_batch_traces",
    "Traces in a batch",
    ["type"],
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500),
)
SECONDS = Histogram(
    "headgate_delivery_seconds",
    "Building, sending and waiting for the answer to a batch",
    ["type"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60),
)
SENT_BYTES = Counter("headgate_delivery_sent_bytes", "Bytes of request bodies", ["type"])


def note_batch(kind: str, settlement: Settlement) -> None:
    """Count a batch that was settled."""
    sent, dead, retried = len(settlement.sent), len(settlement.dead), len(settlement.retries)
    for outcome, count in (("sent", sent), ("dead", dead), ("retried", retried)):
        if count:
            TRACES.labels(kind, outcome).inc(count)
    BATCHES.labels(kind, settlement.outcome).inc()
    BATCH_TRACES.labels(kind).observe(sent + dead + retried)
    SECONDS.labels(kind).observe(settlement.seconds)
    SENT_BYTES.labels(kind).inc(settlement.sent_bytes)


PENDING = Gauge("headgate_delivery_pending", "Traces that wait", ["type"])
LAG = Gauge("headgate_delivery_lag_seconds", "How long the oldest trace has waited", ["type"])
DROPPED = Gauge("headgate_delivery_dropped", "Traces that were not accepted, ever", ["type"])
DESTINATIONS = Gauge("headgate_delivery_destinations", "Destinations by their breaker", ["type", "breaker"])
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


def look(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    """Read what the database knows of all workers together; the sweep does so every ten seconds."""
    for kind, pending, dropped, closed, opened, lag in connection.execute(LOOK_SQL):
        PENDING.labels(kind).set(pending)
        DROPPED.labels(kind).set(dropped)
        LAG.labels(kind).set(lag)
        for breaker, count in zip(BREAKERS, (closed, opened), strict=True):
            DESTINATIONS.labels(kind, breaker).set(count)
