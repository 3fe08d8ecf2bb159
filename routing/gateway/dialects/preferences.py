"""The `provider` object of a request: which endpoints may serve it, and which are preferred (SPEC §6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from routing.call import NO_PREFERENCES, Cutoffs, ProviderPreferences
from routing.gateway.dialects.parameters import (
    Check,
    check,
    is_flag,
    is_number,
    is_number_or_object,
    is_object,
    is_text,
    is_text_or_object,
    is_texts,
    refused,
)

PREFERENCES: dict[str, Check] = {
    "order": is_texts,
    "only": is_texts,
    "ignore": is_texts,
    "allow_fallbacks": is_flag,
    "sort": is_text_or_object,
    "require_parameters": is_flag,
    "data_collection": is_text,
    "zdr": is_flag,
    "enforce_distillable_text": is_flag,
    "quantizations": is_texts,
    "max_price": is_object,
    "preferred_min_throughput": is_number_or_object,
    "preferred_max_latency": is_number_or_object,
}
LISTS = ("order", "only", "ignore", "quantizations")
SORTS = ("price", "throughput", "latency", "exacto")
PARTITIONS = ("model", "none")
PERCENTILES = ("p50", "p75", "p90", "p99")
MAX_NAMES = 500
"""Every name of a list is compared with every endpoint."""


def read_preferences(body: Mapping[str, Any]) -> ProviderPreferences:
    """The `provider` object. Raises RefusedError."""
    given = body.get("provider")
    if given is None:
        return NO_PREFERENCES
    if not isinstance(given, dict):
        raise refused("provider", "must be an object")
    return preferences_of(given)


def preferences_of(given: Mapping[str, Any]) -> ProviderPreferences:
    """What a `provider` object says. Raises RefusedError."""
    check(given, PREFERENCES, "provider.")
    if given.get("data_collection") not in (None, "allow", "deny"):
        raise refused("provider.data_collection", "must be 'allow' or 'deny'")
    for name in LISTS:
        if len(given.get(name) or ()) > MAX_NAMES:
            raise refused(f"provider.{name}", f"may have at most {MAX_NAMES} entries")
    sort, partition = _read_sort(given.get("sort"))
    return ProviderPreferences(
        order=tuple(given.get("order") or ()),
        only=tuple(given.get("only") or ()),
        ignore=tuple(given.get("ignore") or ()),
        allow_fallbacks=given.get("allow_fallbacks"),
        sort=sort,
        partition=partition,
        require_parameters=bool(given.get("require_parameters")),
        data_collection=given.get("data_collection"),
        zdr=given.get("zdr"),
        enforce_distillable_text=bool(given.get("enforce_distillable_text")),
        quantizations=tuple(given.get("quantizations") or ()),
        max_price=_read_prices(given.get("max_price")),
        preferred_min_throughput=_read_cutoffs("preferred_min_throughput", given),
        preferred_max_latency=_read_cutoffs("preferred_max_latency", given),
    )


def _read_sort(given: str | dict[str, Any] | None) -> tuple[str | None, str | None]:
    """What to sort by, and within what."""
    sort, partition = (given.get("by"), given.get("partition")) if isinstance(given, dict) else (given, None)
    if sort is not None and sort not in SORTS:
        raise refused("provider.sort", f"must be one of {', '.join(SORTS)}")
    if partition is not None and partition not in PARTITIONS:
        raise refused("provider.sort.partition", "must be 'model' or 'none'")
    return sort, partition


def _read_cutoffs(name: str, given: Mapping[str, Any]) -> Cutoffs:
    """A number, which is the median's, or one for each of some percentiles."""
    value = given.get(name)
    if value is None:
        return ()
    cutoffs = value if isinstance(value, dict) else {"p50": value}
    for percentile, cutoff in cutoffs.items():
        if percentile not in PERCENTILES:
            raise refused(f"provider.{name}", f"may have {', '.join(PERCENTILES)}")
        if cutoff is not None and not (is_number(cutoff) and 0 <= cutoff < float("inf")):
            raise refused(f"provider.{name}.{percentile}", "must be a number from 0 on")
    return tuple([(percentile, cutoff) for percentile, cutoff in cutoffs.items() if cutoff is not None])


def _read_prices(given: dict[str, Any] | None) -> dict[str, float] | None:
    """Dollars per million tokens (per request, per image); numbers, or strings of them."""
    if given is None:
        return None
    prices = {}
    for name, value in given.items():
        try:
            price = float(value) if isinstance(value, str) or is_number(value) else -1.0
        except (ValueError, OverflowError):
            price = -1.0
        if value is not None and not 0 <= price < float("inf"):
            raise refused(f"provider.max_price.{name}"[:100], "must be a price")
        if value is not None:
            prices[name] = price
    return prices
