"""Which endpoints may serve a call, and why the others may not.

A reason is one of the contract's `excluded_by` words where there is one, else our own.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from config.lib.money import FEMTO_PER_USD
from routing.call import NO_PREFERENCES, Call, ProviderPreferences
from routing.catalog_snapshot import EndpointEntry

ALLOWED_PROVIDERS = "allowed_providers"
TRAINING, ZDR = "data_policy:training", "data_policy:zdr"
MAX_PRICE, CONTEXT_LENGTH, QUANTIZATION = "max_price", "context_length", "quantization"
REQUIRE_PARAMETERS = "require_parameters"
DEPRECATED, SERVICE_TIER = "deprecated", "service_tier"

DATA_POLICIES = frozenset({TRAINING, ZDR})
CONSTRAINTS = {
    MAX_PRICE: "Every endpoint costs more than max_price allows.",
    CONTEXT_LENGTH: "The input is longer than any endpoint's context.",
    REQUIRE_PARAMETERS: "No endpoint supports every parameter of the request.",
    QUANTIZATION: "No endpoint has one of the requested quantizations.",
}

FEMTO_PER_MILLION_USD = FEMTO_PER_USD // 10**6
SURE_TOKENS_DIVISOR = 2
"""`Call.prompt_tokens` is an upper estimate: only an input whose half does not fit is sure not to fit.

What its files, audio and video come to is not known at all, but to who decodes them."""


def names(wanted: str, endpoint: EndpointEntry) -> bool:
    """Whether a provider name of a request means this endpoint.

    A base slug means every variant and region, but never a service tier: those are named in full.
    """
    lowered = wanted.lower()
    if lowered == endpoint.tag:
        return True
    provider = endpoint.provider
    return endpoint.service_tier is None and lowered in (provider.slug, provider.name.lower())


def is_named(wanted: Iterable[str], endpoint: EndpointEntry) -> bool:
    """Whether any of the names means this endpoint."""
    return any(names(name, endpoint) for name in wanted)


def why_dropped(endpoint: EndpointEntry, call: Call, now: datetime) -> str | None:
    """The first reason why the endpoint may not serve the call, or None."""
    if endpoint.deprecated_at is not None and endpoint.deprecated_at <= now:
        return DEPRECATED
    if not _fits(endpoint, (call.prompt_tokens - call.media_tokens) // SURE_TOKENS_DIVISOR):
        return CONTEXT_LENGTH
    if endpoint.service_tier is not None and not _asks_for_tier(endpoint, call):
        return SERVICE_TIER
    return (
        None if call.preferences is NO_PREFERENCES else _against_preferences(endpoint, call, call.preferences)
    )


def long_enough(entries: list[EndpointEntry], wanted: int | None) -> list[EndpointEntry]:
    """Those that can answer at the requested length; all of them, where none can."""
    if wanted is None:
        return entries
    able = [
        entry
        for entry in entries
        if entry.max_completion_tokens is None or entry.max_completion_tokens >= wanted
    ]
    return able or entries


def _against_preferences(endpoint: EndpointEntry, call: Call, wishes: ProviderPreferences) -> str | None:
    if wishes.only and not is_named(wishes.only, endpoint):
        return ALLOWED_PROVIDERS
    if wishes.ignore and is_named(wishes.ignore, endpoint):
        return ALLOWED_PROVIDERS
    if wishes.order and not wishes.allow_fallbacks and not is_named(wishes.order, endpoint):
        return ALLOWED_PROVIDERS
    if wishes.data_collection == "deny" and (endpoint.trains_on_prompts or endpoint.can_publish):
        return TRAINING
    if wishes.zdr and not endpoint.is_zdr:
        return ZDR
    if wishes.quantizations and (endpoint.quantization or "unknown") not in wishes.quantizations:
        return QUANTIZATION
    if wishes.max_price and _costs_more(endpoint, wishes.max_price):
        return MAX_PRICE
    if wishes.require_parameters and not call.parameters <= endpoint.supported_parameters:
        return REQUIRE_PARAMETERS
    return None


def _fits(endpoint: EndpointEntry, tokens: int) -> bool:
    context, most = endpoint.context_length, endpoint.max_prompt_tokens
    return (context is None or tokens <= context) and (most is None or tokens <= most)


def _asks_for_tier(endpoint: EndpointEntry, call: Call) -> bool:
    if call.body.get("service_tier") == endpoint.service_tier:
        return True
    return endpoint.tag in call.preferences.order or endpoint.tag in call.preferences.only


def _costs_more(endpoint: EndpointEntry, most: dict[str, float]) -> bool:
    price = endpoint.price
    charged = {"prompt": price.prompt, "completion": price.completion}
    if any(charged[name] > most[name] * FEMTO_PER_MILLION_USD for name in charged if name in most):
        return True
    per_piece = {"request": price.request, "image": price.image or 0, "audio": price.audio or 0}
    return any(per_piece[name] > most[name] * FEMTO_PER_USD for name in per_piece if name in most)
