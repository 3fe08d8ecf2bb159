"""What the gateway counts for Prometheus; no label names a tenant."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

REGISTRY = CollectorRegistry(auto_describe=True)
CONTENT_TYPE = CONTENT_TYPE_LATEST.encode()

BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, float("inf"))


class RequestSeconds(Collector):
    """A histogram that every request is counted in, with plain numbers: the event loop's thread is the only writer."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, int], list[int]] = {}
        self._sums: dict[tuple[str, int], float] = {}

    def observe(self, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        labels = (route, status)
        if labels not in self._counts:
            self._counts[labels], self._sums[labels] = [0] * len(BUCKETS), 0.0
        self._counts[labels][bisect_left(BUCKETS, seconds)] += 1
        self._sums[labels] += seconds

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """The histogram as Prometheus wants it, with counts that add up from bucket to bucket."""
        family = HistogramMetricFamily(
            "headgate_request_seconds",
            "Seconds from a request's head to the end of its answer, by route and HTTP status (0: the client left).",
            labels=["route", "status"],
        )
        for (route, status), counts in self._counts.items():
            buckets = zip(map(floatToGoString, BUCKETS), accumulate(counts), strict=True)
            family.add_metric([route, str(status)], list(buckets), self._sums[route, status])
        yield family


SECONDS = RequestSeconds()
REGISTRY.register(SECONDS)
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
LOST_CONTENTS = Gauge(
    "headgate_lost_contents", "Prompts and answers that were wanted and could not be kept.", registry=REGISTRY
)


def exposition() -> bytes:
    """Everything in Prometheus's text format."""
    return generate_latest(REGISTRY)
