"""How endpoints did lately, as this and other processes saw it; what the order of attempts follows (SPEC §6).

The request path only appends what happened; once in a while it is counted, and told to the other processes.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

from msgspec.structs import replace

from routing.decision import EndpointStats
from routing.gateway.windows import SLOT_SECONDS, Counts, Window, bin_of

OUTAGE_SECONDS = 30.0
OUTAGE_SHARE = 0.1
"""From this share of failures in the last 30 seconds on, a failure is an outage; a single one of many is not."""
LEAST_TOKENS = 10
"""Shorter answers say nothing about an endpoint's speed."""
MOST_WAITING = 100_000
UNKNOWN = EndpointStats()


class Seen(NamedTuple):
    """One thing that happened at an endpoint; what is None was not seen."""

    endpoint_id: int
    is_good: bool | None = None
    latency: float | None = None
    throughput: float | None = None
    is_tool_error: bool | None = None


class Told(NamedTuple):
    """What happened since the last time: counts by endpoint, and outages (Unix seconds)."""

    at: float
    counts: dict[int, Counts]
    outages: dict[int, float]


class Health:
    """Statistics by endpoint id; `stats` is what the decision reads."""

    def __init__(self) -> None:
        self.stats: dict[int, EndpointStats] = {}
        self._windows: dict[int, Window] = {}
        self._waiting: deque[Seen] = deque(maxlen=MOST_WAITING)
        self._outages: dict[int, float] = {}
        self._slot = 0

    def fail(self, endpoint_id: int, *, is_counted: bool = True) -> None:
        """Note that an endpoint did not answer; `is_counted` False: it only could not take more."""
        now = time.time()
        if is_counted:
            self._waiting.append(Seen(endpoint_id, is_good=False))
        window = self._windows.get(endpoint_id)
        if window is not None:
            lately = window.since(now - OUTAGE_SECONDS)
            if lately.bad + 1 < OUTAGE_SHARE * (lately.good + lately.bad + 1):
                return
        self._outages[endpoint_id] = now
        self._hear_of_outage(endpoint_id, now)

    def succeed(self, endpoint_id: int, *, latency: float, tokens: int, seconds: float) -> None:
        """Note an answer: seconds to the first token, and so many tokens in so many seconds."""
        speed = tokens / seconds if tokens >= LEAST_TOKENS and seconds > 0 else None
        self._waiting.append(Seen(endpoint_id, True, latency, speed))

    def note_tool_calls(self, endpoint_id: int, *, is_error: bool) -> None:
        """Note an answer that ended in tool calls, and whether any of them was none of the caller's tools."""
        self._waiting.append(Seen(endpoint_id, is_tool_error=is_error))

    def refresh(self) -> Told | None:
        """Count what happened since the last time, and return it for the others; None: nothing did."""
        now = time.time()
        counts: dict[int, Counts] = {}
        while self._waiting:
            seen = self._waiting.popleft()
            _count(counts.setdefault(seen.endpoint_id, Counts()), seen)
        outages, self._outages = self._outages, {}
        told = Told(now, counts, outages) if counts or outages else None
        self._forget(now)
        if told is not None:
            self._add(counts, now)
        return told

    def hear(self, told: Told) -> None:
        """Count what happened in another process."""
        self._add(told.counts, told.at)
        for endpoint_id, at in told.outages.items():
            self._hear_of_outage(endpoint_id, at)

    def window(self, endpoint_id: int) -> Window | None:
        """All that is known of an endpoint."""
        return self._windows.get(endpoint_id)

    def _add(self, counts: Mapping[int, Counts], at: float) -> None:
        for endpoint_id, more in counts.items():
            window = self._windows.setdefault(endpoint_id, Window())
            window.add(more, at)
            self._show(endpoint_id, window)

    def _forget(self, now: float) -> None:
        slot = int(now // SLOT_SECONDS)
        if slot == self._slot:
            return
        self._slot = slot
        for endpoint_id, window in list(self._windows.items()):
            if window.forget(now):
                del self._windows[endpoint_id]
                self.stats.pop(endpoint_id, None)
            else:
                self._show(endpoint_id, window)

    def _show(self, endpoint_id: int, window: Window) -> None:
        known = self.stats.get(endpoint_id, UNKNOWN)
        self.stats[endpoint_id] = window.stats(known.last_failure_at)

    def _hear_of_outage(self, endpoint_id: int, at: float) -> None:
        known = self.stats.get(endpoint_id, UNKNOWN)
        if known.last_failure_at is None or known.last_failure_at < at:
            self.stats[endpoint_id] = replace(known, last_failure_at=at)


def _count(counts: Counts, seen: Seen) -> None:
    if seen.is_good is not None:
        counts.good += seen.is_good
        counts.bad += not seen.is_good
    if seen.is_tool_error is not None:
        counts.tool_requests += 1
        counts.tool_errors += seen.is_tool_error
    for value, bins in ((seen.latency, counts.latency), (seen.throughput, counts.throughput)):
        if value is not None:
            edge = bin_of(value)
            bins[edge] = bins.get(edge, 0) + 1
