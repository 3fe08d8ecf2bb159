"""What a request and its workspace together prefer."""

from __future__ import annotations

from msgspec.structs import replace

from routing.call import NO_PREFERENCES, ProviderPreferences
from routing.selection.variants import Variant


def merge(own: ProviderPreferences, defaults: ProviderPreferences) -> ProviderPreferences:
    """The request's preferences where it has some, name by name, and the workspace's for the rest.

    A sort of its own takes the place of the workspace's order, too. `zdr: false` prefers nothing: a request can
    only add to that.
    """
    if defaults is NO_PREFERENCES:
        return own
    if own is NO_PREFERENCES:
        return defaults
    return ProviderPreferences(
        order=own.order or (() if own.sort else defaults.order),
        only=own.only or defaults.only,
        ignore=own.ignore or defaults.ignore,
        allow_fallbacks=defaults.allow_fallbacks if own.allow_fallbacks is None else own.allow_fallbacks,
        sort=own.sort or defaults.sort,
        partition=own.partition or defaults.partition,
        require_parameters=own.require_parameters or defaults.require_parameters,
        data_collection=own.data_collection or defaults.data_collection,
        zdr=own.zdr or defaults.zdr,
        enforce_distillable_text=own.enforce_distillable_text or defaults.enforce_distillable_text,
        quantizations=own.quantizations or defaults.quantizations,
        max_price=own.max_price or defaults.max_price,
        preferred_min_throughput=own.preferred_min_throughput or defaults.preferred_min_throughput,
        preferred_max_latency=own.preferred_max_latency or defaults.preferred_max_latency,
    )


def for_variant(
    merged: ProviderPreferences, own: ProviderPreferences, variant: Variant
) -> ProviderPreferences:
    """The preferences for a model named with a variant: its sort, unless the request has an order or a sort."""
    if variant.sort is None or own.order or own.sort:
        return merged
    return replace(merged, order=(), sort=variant.sort)
