"""How endpoints did lately, as this process saw it; what the order of attempts follows (SPEC §6)."""

from __future__ import annotations

import time

from msgspec.structs import replace

from routing.decision import EndpointStats

WEIGHT = 0.2
"""Of the newest observation in the running averages."""
UNKNOWN = EndpointStats()


class Health:
    """Statistics by endpoint id; `stats` is what the decision reads."""

    def __init__(self) -> None:
        self.stats: dict[int, EndpointStats] = {}

    def fail(self, endpoint_id: int) -> None:
        """Note that an endpoint did not answer as it should."""
        self.stats[endpoint_id] = replace(self.stats.get(endpoint_id, UNKNOWN), last_failure_at=time.time())

    def succeed(self, endpoint_id: int, *, latency: float, tokens: int, seconds: float) -> None:
        """Note an answer: seconds to the first token, and so many tokens in so many seconds after it."""
        known = self.stats.get(endpoint_id, UNKNOWN)
        speed = tokens / seconds if tokens and seconds > 0 else None
        self.stats[endpoint_id] = EndpointStats(
            known.last_failure_at,
            _average(known.latency_seconds, latency),
            known.tokens_per_second if speed is None else _average(known.tokens_per_second, speed),
        )


def _average(known: float | None, seen: float) -> float:
    return seen if known is None else known + WEIGHT * (seen - known)
