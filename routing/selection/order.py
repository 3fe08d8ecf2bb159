"""In which order the remaining endpoints are tried: those of one model, or of several that are sorted as one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TypeAlias

from routing.catalog_snapshot import EndpointEntry
from routing.decision import EndpointStats, Stats
from routing.pricing import typical_femto
from routing.selection.exacto import scores
from routing.selection.filters import names

OUTAGE_SECONDS = 30
"""A provider that failed within this time is tried after those that did not."""

_UNKNOWN = EndpointStats()
_MASK = (1 << 64) - 1
_Priced: TypeAlias = tuple[int, str, str, EndpointEntry]
"""Price, model and tag, which is unique within a model, so that two endpoints are never compared themselves."""


def order_endpoints(
    endpoints: Sequence[EndpointEntry],
    order: Sequence[str],
    sort: str | None,
    stats: Stats,
    seed: int,
    now_seconds: float,
) -> list[EndpointEntry]:
    """The endpoints as they are to be tried: the named order, or a sort, or the weighted draw by price."""
    if len(endpoints) < 2:
        return list(endpoints)
    priced = sorted(
        [(typical_femto(endpoint.price), endpoint.model, endpoint.tag, endpoint) for endpoint in endpoints]
    )
    if order:
        return _as_named([one[3] for one in priced], order)
    if sort == "exacto":
        best_first = _by_quality(priced, stats, now_seconds)
        if best_first is not None:
            return best_first
    elif sort in _SORTS:
        return sorted([one[3] for one in priced], key=_SORTS[sort](stats))
    return _balance(priced, stats, seed, now_seconds)


def prefer(
    endpoints: list[EndpointEntry], wanted: Collection[int], stats: Stats, now_seconds: float
) -> list[EndpointEntry]:
    """The endpoints with those wanted, by id, before all others, but for one that failed lately."""
    first = [
        one
        for one in endpoints
        if one.id in wanted and not (stats and _failed_lately(one, stats, now_seconds))
    ]
    if not first:
        return endpoints
    ids = {one.id for one in first}
    return first + [one for one in endpoints if one.id not in ids]


def draw(seed: int) -> float:
    """A number in [0, 1) that a seed always gives (the finalizer of splitmix64)."""
    mixed = (seed + 0x9E3779B97F4A7C15) & _MASK
    mixed = ((mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9) & _MASK
    mixed = ((mixed ^ mixed >> 27) * 0x94D049BB133111EB) & _MASK
    return ((mixed ^ mixed >> 31) >> 11) / (1 << 53)


def _as_named(endpoints: list[EndpointEntry], order: Sequence[str]) -> list[EndpointEntry]:
    left = endpoints
    named: list[EndpointEntry] = []
    for name in order:
        named += [endpoint for endpoint in left if names(name, endpoint)]
        left = [endpoint for endpoint in left if not names(name, endpoint)]
        if not left:
            break
    return named + left


def _by_quality(priced: list[_Priced], stats: Stats, now: float) -> list[EndpointEntry] | None:
    """The best tool callers first, who failed lately last; None where nothing is known of any of them."""
    endpoints = [one[3] for one in priced]
    found = scores(endpoints, stats)
    if found is None:
        return None
    return sorted(endpoints, key=lambda one: (_failed_lately(one, stats, now), -found[one.id]))


def _balance(priced: list[_Priced], stats: Stats, seed: int, now: float) -> list[EndpointEntry]:
    """Draw the first among the healthy ones by 1/price², and keep the rest, cheapest first, as fallbacks."""
    healthy, failing = priced, []
    if stats:
        healthy = [one for one in priced if not _failed_lately(one[3], stats, now)]
        failing = [one[3] for one in priced if _failed_lately(one[3], stats, now)]
    ordered = [one[3] for one in healthy]
    if len(ordered) > 1:
        ordered.insert(0, ordered.pop(_drawn([one[0] for one in healthy], draw(seed))))
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


def _by_price(stats: Stats) -> Callable[[EndpointEntry], float]:
    return lambda endpoint: typical_femto(endpoint.price)


_SORTS: dict[str | None, Callable[[Stats], Callable[[EndpointEntry], float]]] = {
    "price": _by_price,
    "throughput": _by_throughput,
    "latency": _by_latency,
}
