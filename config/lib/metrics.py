"""What a process counts for Prometheus: one registry, and metrics made of plain numbers.

No label names a tenant, and none has more than MOST_SETS sets of values: what is beyond them is counted as `other`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import accumulate
from threading import Lock

from prometheus_client import (
    CollectorRegistry,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MOST_SETS = 500
OTHER = "other"
INFINITE = float("inf")

ANSWERS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, INFINITE)
"""Buckets in seconds for what waits for a model."""
OWN_WORK = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, INFINITE)
"""Buckets in seconds for what Headgate does itself."""
WORK = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, INFINITE)
"""Buckets in seconds for what happens in the background."""

disable_created_metrics()  # type: ignore[no-untyped-call]
REGISTRY = CollectorRegistry(auto_describe=True)
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)


class Numbers(Collector):
    """Numbers by labels; any thread may count and read."""

    def __init__(
        self, name: str, about: str, labels: Sequence[str] = (), registry: CollectorRegistry = REGISTRY
    ) -> None:
        self.name, self.about, self.labels = name, about, tuple(labels)
        self._values: dict[tuple[str, ...], float] = {} if labels else {(): 0.0}
        self._lock = Lock()
        registry.register(self)

    def describe(self) -> Iterable[CounterMetricFamily | GaugeMetricFamily]:
        """Its name, for the registry."""
        return [self._family()]

    def add(self, *labels: str, count: float = 1) -> None:
        """Count so much more."""
        known = self._values
        with self._lock:
            if labels not in known and len(known) >= MOST_SETS:
                labels = (OTHER,) * len(labels)
            known[labels] = known.get(labels, 0.0) + count

    def set(self, value: float, *labels: str) -> None:
        """Say how much it is."""
        self._values[labels] = value

    def forget_others(self, wanted: Collection[tuple[str, ...]]) -> None:
        """Keep only these labels: nothing else is there any more."""
        for labels in [known for known in list(self._values) if known not in wanted]:
            del self._values[labels]

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """As Prometheus wants it."""
        family = self._family()
        for labels, value in list(self._values.items()):
            family.add_metric(labels, value)
        yield family

    def _family(self) -> CounterMetricFamily | GaugeMetricFamily:
        raise NotImplementedError


class Total(Numbers):
    """What only grows; its name ends in `_total` where it is told."""

    def _family(self) -> CounterMetricFamily:
        return CounterMetricFamily(self.name, self.about, labels=self.labels)


class Level(Numbers):
    """What goes up and down."""

    def _family(self) -> GaugeMetricFamily:
        return GaugeMetricFamily(self.name, self.about, labels=self.labels)


class Seconds(Collector):
    """A histogram of durations that costs well under a microsecond to count in."""

    def __init__(
        self,
        name: str,
        about: str,
        labels: Sequence[str],
        buckets: Sequence[float],
        registry: CollectorRegistry | None = REGISTRY,
    ) -> None:
        self.name, self.about, self.labels, self.buckets = name, about, tuple(labels), tuple(buckets)
        self._counts: dict[tuple[str, ...], list[int]] = {}
        self._sums: dict[tuple[str, ...], float] = {}
        self._lock = Lock()
        if registry is not None:
            registry.register(self)

    def describe(self) -> Iterable[HistogramMetricFamily]:
        """Its name, for the registry."""
        return [HistogramMetricFamily(self.name, self.about, labels=self.labels)]

    def observe(self, seconds: float, *labels: str) -> None:
        """Count a duration."""
        with self._lock:
            counts = self._counts.get(labels)
            if counts is None:
                if len(self._counts) >= MOST_SETS:
                    labels = (OTHER,) * len(labels)
                counts = self._counts.setdefault(labels, [0] * len(self.buckets))
                self._sums.setdefault(labels, 0.0)
            counts[bisect_left(self.buckets, seconds)] += 1
            self._sums[labels] += seconds

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """As Prometheus wants it, with counts that add up from bucket to bucket."""
        family = HistogramMetricFamily(self.name, self.about, labels=self.labels)
        for labels, counts in list(self._counts.items()):
            edges = zip(map(floatToGoString, self.buckets), accumulate(list(counts)), strict=True)
            family.add_metric(list(labels), list(edges), self._sums[labels])
        yield family


HEARTBEAT = Level(
    "headgate_heartbeat_timestamp_seconds",
    "When the process's main loop last went round (Unix time); stands still when it hangs.",
)


def exposition() -> str:
    """Everything of this process in Prometheus's text format."""
    return generate_latest(REGISTRY).decode()
