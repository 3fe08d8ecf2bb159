"""What the gateway counts for Prometheus; no label names a tenant."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

REGISTRY = CollectorRegistry(auto_describe=True)
CONTENT_TYPE = CONTENT_TYPE_LATEST.encode()

SECONDS = Histogram(
    "headgate_request_seconds",
    "Seconds from a request's head to the end of its answer, by route and HTTP status (0: the client left).",
    ["route", "status"],
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300),
    registry=REGISTRY,
)
REFUSALS = Counter("headgate_refusals", "Refused requests by rule.", ["rule"], registry=REGISTRY)
UPSTREAM_FAILURES = Counter(
    "headgate_upstream_failures",
    "Attempts that failed, by provider and type of error.",
    ["provider", "error_type"],
    registry=REGISTRY,
)
OPEN_REQUESTS = Gauge("headgate_open_requests", "Requests being served.", registry=REGISTRY)
KNOWN_POLICIES = Gauge("headgate_known_policies", "Policies in the cache.", registry=REGISTRY)
LEASE_CALLS = Gauge("headgate_lease_calls", "Calls made to the database for leases.", registry=REGISTRY)
LEASED_PURSES = Gauge("headgate_leased_purses", "Purses that a lease is held on.", registry=REGISTRY)
DATABASE_SILENCE = Gauge(
    "headgate_database_silence_seconds", "Seconds since the database last answered.", registry=REGISTRY
)
OPEN_IN_JOURNAL = Gauge("headgate_journal_open", "Generations begun and not ended.", registry=REGISTRY)
LOST_REFUSALS = Gauge(
    "headgate_journal_lost_refusals", "Refusals that a full disk kept out of the journal.", registry=REGISTRY
)


def exposition() -> bytes:
    """Everything in Prometheus's text format."""
    return generate_latest(REGISTRY)
