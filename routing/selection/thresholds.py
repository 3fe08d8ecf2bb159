"""Preferred speeds: who is known to be slower than asked for is tried after all others, of whatever model."""

from __future__ import annotations

from routing.call import Cutoffs, ProviderPreferences
from routing.catalog_snapshot import EndpointEntry
from routing.decision import EndpointStats, Percentiles, Stats

_UNKNOWN = EndpointStats()


def is_slow(endpoint: EndpointEntry, wishes: ProviderPreferences, stats: Stats) -> bool:
    """Whether the endpoint misses any of the preferred speeds; what is not known misses none."""
    known = stats.get(endpoint.id, _UNKNOWN)
    return _misses(known.throughput, wishes.preferred_min_throughput, is_least=True) or _misses(
        known.latency, wishes.preferred_max_latency, is_least=False
    )


def _misses(known: Percentiles | None, cutoffs: Cutoffs, *, is_least: bool) -> bool:
    if known is None:
        return False
    for percentile, cutoff in cutoffs:
        value = getattr(known, percentile)
        if value < cutoff if is_least else value > cutoff:
            return True
    return False
