"""Quality first ("exacto"): endpoints by how well their tool calls fit, their benchmarks, and how fast they are.

The signals are the contract's (guides/routing/auto-exacto); how they are weighed against each other is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from routing.catalog_snapshot import EndpointEntry
from routing.decision import EndpointStats, Stats

PRIOR_ERRORS, PRIOR_REQUESTS = 1, 20
"""What is assumed of everybody before anything was seen: whoever did well often is put before the unknown."""
SPEED_SHARE = 0.2
"""Of the score, at most so much is speed."""

_UNKNOWN = EndpointStats()


def scores(endpoints: Sequence[EndpointEntry], stats: Stats) -> dict[int, float] | None:
    """The score of each endpoint by its id, the best the highest; None where nothing is known of any of them."""
    known = {endpoint.id: stats.get(endpoint.id, _UNKNOWN) for endpoint in endpoints}
    benchmarks = [one.benchmark_score for one in endpoints if one.benchmark_score is not None]
    speeds = [one.throughput.p50 for one in known.values() if one.throughput is not None]
    if not benchmarks and not speeds and not any(one.tool_requests for one in known.values()):
        return None
    usual, fastest = (median(benchmarks) if benchmarks else 1.0), max(speeds, default=0.0)
    return {one.id: _score(one, known[one.id], usual, fastest) for one in endpoints}


def _score(endpoint: EndpointEntry, known: EndpointStats, usual: float, fastest: float) -> float:
    errors = (known.tool_errors + PRIOR_ERRORS) / (known.tool_requests + PRIOR_REQUESTS)
    benchmark = usual if endpoint.benchmark_score is None else endpoint.benchmark_score
    speed = known.throughput.p50 / fastest if known.throughput is not None and fastest > 0 else 0.0
    return (1 - errors) * benchmark * (1 - SPEED_SHARE + SPEED_SHARE * speed)
