"""In which order the remaining endpoints of one model are tried."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from routing.call import ProviderPreferences
from routing.catalog_snapshot import EndpointEntry
from routing.decision import EndpointStats, Stats
from routing.pricing import typical_femto
from routing.selection.filters import names

OUTAGE_SECONDS = 30
"""A provider that failed within this time is tried after those that did not."""

_UNKNOWN = EndpointStats()
_MASK = (1 << 64) - 1
_Priced: TypeAlias = tuple[int, str, EndpointEntry]
"""Price and tag, which is unique within a model, so that two endpoints are never compared themselves."""


def order_endpoints(
    endpoints: Sequence[EndpointEntry],
    wishes: ProviderPreferences,
    default_sort: str | None,
    stats: Stats,
    seed: int,
    now_seconds: float,
) -> list[EndpointEntry]:
    """The endpoints as they are to be tried: the caller's order, or a sort, or the weighted draw by price."""
    if len(endpoints) < 2 and not wishes.order:
        return list(endpoints)
    priced = sorted([(typical_femto(endpoint.price), endpoint.tag, endpoint) for endpoint in endpoints])
    ordered = [endpoint for _, _, endpoint in priced]
    if wishes.order:
        return _as_named(ordered, wishes)
    sort = wishes.sort or default_sort
    if sort in _SORTS:
        ordered.sort(key=_SORTS[sort](stats))
    elif len(ordered) > 1:
        ordered = _balance(priced, stats, seed, now_seconds)
    return ordered if wishes.allow_fallbacks else ordered[:1]


def draw(seed: int) -> float:
    """A number in [0, 1) that a seed always gives (the finalizer of splitmix64)."""
    mixed = (seed + 0x9E3779B97F4A7C15) & _MASK
    mixed = ((mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9) & _MASK
    mixed = ((mixed ^ mixed >> 27) * 0x94D049BB133111EB) & _MASK
    return ((mixed ^ mixed >> 31) >> 11) / (1 << 53)


def _as_named(endpoints: list[EndpointEntry], wishes: ProviderPreferences) -> list[EndpointEntry]:
    left = endpoints
    named: list[EndpointEntry] = []
    for name in wishes.order:
        named += [endpoint for endpoint in left if names(name, endpoint)]
        left = [endpoint for endpoint in left if not names(name, endpoint)]
    return named + left if wishes.allow_fallbacks else named


def _balance(priced: list[_Priced], stats: Stats, seed: int, now: float) -> list[EndpointEntry]:
    """Draw the first among the healthy ones by 1/price², and keep the rest, cheapest first, as fallbacks."""
    healthy, failing = priced, []
    if stats:
        healthy = [one for one in priced if not _failed_lately(one[2], stats, now)]
        failing = [one[2] for one in priced if _failed_lately(one[2], stats, now)]
    ordered = [endpoint for _, _, endpoint in healthy]
    if len(ordered) > 1:
        ordered.insert(0, ordered.pop(_drawn([price for price, _, _ in healthy], draw(seed))))
    return ordered + failing


def _drawn(prices: list[int], point: float) -> int:
    """The index that the point falls on. What is free is drawn before anything that costs."""
    free = prices.count(0)
    if free:
        return int(point * free)
    weights = [1.0 / (price * price) for price in prices]
    point *= sum(weights)
    for index, weight in enumerate(weights):
        point -= weight
        if point < 0:
            return index
    return len(prices) - 1


def _failed_lately(endpoint: EndpointEntry, stats: Stats, now: float) -> bool:
    failed_at = stats.get(endpoint.id, _UNKNOWN).last_failure_at
    return failed_at is not None and now - failed_at < OUTAGE_SECONDS


def _by_throughput(stats: Stats) -> Callable[[EndpointEntry], float]:
    return lambda endpoint: -(stats.get(endpoint.id, _UNKNOWN).tokens_per_second or 0.0)


def _by_latency(stats: Stats) -> Callable[[EndpointEntry], float]:
    def seconds(endpoint: EndpointEntry) -> float:
        known = stats.get(endpoint.id, _UNKNOWN).latency_seconds
        return float("inf") if known is None else known

    return seconds


def _as_is(stats: Stats) -> Callable[[EndpointEntry], float]:
    return lambda endpoint: 0.0


_SORTS: dict[str | None, Callable[[Stats], Callable[[EndpointEntry], float]]] = {
    "price": _as_is,
    "throughput": _by_throughput,
    "latency": _by_latency,
}
