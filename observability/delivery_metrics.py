"""What workers tell Prometheus of deliveries, by the type of a destination and never by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Counter, Histogram

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
