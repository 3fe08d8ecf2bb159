"""What endpoints did, counted over rolling windows: histograms of ten seconds each, summed as they come and go.

A histogram's bins are eighths of a power of two, so a percentile is true to 5 %.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import msgspec

from routing.decision import EndpointStats, Percentiles

SLOT_SECONDS = 10
RECENT_SLOTS = 30
"""Five minutes: what routing goes by."""
PERIOD_SECONDS, PERIODS = 300, 6
"""Half an hour, in parts of five minutes: what `/models/…/endpoints` shows."""
LONG_SECONDS, LONGS = 1800, 48
"""A day, in halves of an hour: of it only the uptime is kept."""
BINS = 8
LEAST, MOST = 2.0**-20, 2.0**20
SHARES = (0.5, 0.75, 0.9, 0.99)


def bin_of(value: float) -> int:
    """The bin of a positive value."""
    return round(math.log2(min(max(value, LEAST), MOST)) * BINS)


def percentiles(bins: Mapping[int, int], *, is_least: bool) -> Percentiles | None:
    """What half, three quarters … of the values keep to: at most that, or with `is_least` at least that."""
    total = sum(bins.values())
    if not total:
        return None
    ordered = sorted(bins.items(), reverse=is_least)
    return Percentiles(*[_reached(ordered, share * total) for share in SHARES])


def _reached(ordered: Iterable[tuple[int, int]], count: float) -> float:
    reached = 0
    for edge, seen in ordered:
        reached, count = edge, count - seen
        if count <= 0:
            break
    return float(2.0 ** (reached / BINS))


class Counts(msgspec.Struct, array_like=True):
    """What was counted in some time: answers and failures, speeds by bin, requests that ended in tool calls."""

    good: int = 0
    bad: int = 0
    latency: dict[int, int] = msgspec.field(default_factory=dict)
    throughput: dict[int, int] = msgspec.field(default_factory=dict)
    tool_requests: int = 0
    tool_errors: int = 0

    def add(self, other: Counts, sign: int = 1) -> None:
        """Add what another counted, or take it away."""
        self.good += sign * other.good
        self.bad += sign * other.bad
        self.tool_requests += sign * other.tool_requests
        self.tool_errors += sign * other.tool_errors
        for bins, others in ((self.latency, other.latency), (self.throughput, other.throughput)):
            for edge, count in others.items():
                left = bins.get(edge, 0) + sign * count
                if left > 0:
                    bins[edge] = left
                else:
                    bins.pop(edge, None)

    @property
    def uptime(self) -> float | None:
        """The share of the requests that were answered."""
        return self.good / (self.good + self.bad) if self.good + self.bad else None


class Window:
    """One endpoint's counts: of the last five minutes as a sum, of the last half hour and of the last day in parts."""

    __slots__ = ("_longs", "_periods", "_slots", "recent")

    def __init__(self) -> None:
        self.recent = Counts()
        self._slots: dict[int, Counts] = {}
        self._periods: dict[int, Counts] = {}
        self._longs: dict[int, Counts] = {}

    def add(self, counts: Counts, at: float) -> None:
        """Add what was counted at a time (Unix seconds)."""
        self.recent.add(counts)
        self._slots.setdefault(int(at // SLOT_SECONDS), Counts()).add(counts)
        self._periods.setdefault(int(at // PERIOD_SECONDS), Counts()).add(counts)
        answers = Counts(counts.good, counts.bad)
        self._longs.setdefault(int(at // LONG_SECONDS), Counts()).add(answers)

    def forget(self, now: float) -> bool:
        """Drop what is too old; whether nothing is left."""
        for slot in _older(self._slots, now // SLOT_SECONDS - RECENT_SLOTS):
            self.recent.add(self._slots.pop(slot), -1)
        for period in _older(self._periods, now // PERIOD_SECONDS - PERIODS):
            del self._periods[period]
        for long in _older(self._longs, now // LONG_SECONDS - LONGS):
            del self._longs[long]
        return not self._longs

    def since(self, moment: float) -> Counts:
        """What was counted since a moment of the last five minutes, to ten seconds."""
        found = Counts()
        for slot, counts in self._slots.items():
            if slot >= moment // SLOT_SECONDS:
                found.add(counts)
        return found

    def half_hour(self) -> Counts:
        """What was counted in the last half hour."""
        return _sum(self._periods.values())

    def day(self) -> Counts:
        """Answers and failures of the last day."""
        return _sum(self._longs.values())

    def stats(self, last_failure_at: float | None) -> EndpointStats:
        """What routing goes by."""
        recent = self.recent
        return EndpointStats(
            last_failure_at,
            percentiles(recent.latency, is_least=False),
            percentiles(recent.throughput, is_least=True),
            recent.uptime,
            recent.tool_requests,
            recent.tool_errors,
        )


def _older(parts: Mapping[int, Counts], bound: float) -> list[int]:
    return [part for part in parts if part <= bound]


def _sum(parts: Iterable[Counts]) -> Counts:
    found = Counts()
    for part in parts:
        found.add(part)
    return found
