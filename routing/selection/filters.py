"""Which endpoints may serve a call, and why the others may not.

A reason is one of the contract's `excluded_by` words where there is one, else our own.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from config.lib.money import FEMTO_PER_USD
from routing.call import NO_PREFERENCES, Call, ProviderPreferences
from routing.catalog_snapshot import EndpointEntry
from routing.providers import WIRE_FORMATS
from routing.selection.ability import asked_tier

ALLOWED_PROVIDERS = "allowed_providers"
TRAINING, ZDR = "data_policy:training", "data_policy:zdr"
MAX_PRICE, CONTEXT_LENGTH, QUANTIZATION = "max_price", "context_length", "quantization"
REQUIRE_PARAMETERS = "require_parameters"
DEPRECATED, SERVICE_TIER = "deprecated", "service_tier"
DISTILLABLE = "enforce_distillable_text"

DATA_POLICIES = frozenset({TRAINING, ZDR})
CONSTRAINTS = {
    MAX_PRICE: "Every endpoint costs more than max_price allows.",
    CONTEXT_LENGTH: "The input is longer than any endpoint's context.",
    REQUIRE_PARAMETERS: "No endpoint supports every parameter of the request.",
    QUANTIZATION: "No endpoint has one of the requested quantizations.",
    DISTILLABLE: "The model's author does not say that its text may be distilled.",
}
NOT_IN_VOCABULARY = frozenset({DISTILLABLE})
"""Constraints that the contract has no word for in `excluded_by`."""

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


def why_dropped(
    endpoint: EndpointEntry, call: Call, wishes: ProviderPreferences, now: datetime, tier: str | None = None
) -> str | None:
    """The first reason why the endpoint may not serve the call, or None.

    `wishes` are the request's and its workspace's; `tier` is one that may serve without being asked for.
    """
    if endpoint.deprecated_at is not None and endpoint.deprecated_at <= now:
        return DEPRECATED
    if not _fits(endpoint, (call.prompt_tokens - call.media_tokens) // SURE_TOKENS_DIVISOR):
        return CONTEXT_LENGTH
    if endpoint.service_tier is not None and not _may_use_tier(endpoint, call, wishes, tier):
        return SERVICE_TIER
    return None if wishes is NO_PREFERENCES else _against_preferences(endpoint, call, wishes)


def _against_preferences(endpoint: EndpointEntry, call: Call, wishes: ProviderPreferences) -> str | None:
    if wishes.only and not is_named(wishes.only, endpoint):
        return ALLOWED_PROVIDERS
    if wishes.ignore and is_named(wishes.ignore, endpoint):
        return ALLOWED_PROVIDERS
    if wishes.order and wishes.allow_fallbacks is False and not is_named(wishes.order, endpoint):
        return ALLOWED_PROVIDERS
    if wishes.data_collection == "deny" and (endpoint.trains_on_prompts or endpoint.can_publish):
        return TRAINING
    if wishes.zdr and not endpoint.is_zdr:
        return ZDR
    if wishes.quantizations and (endpoint.quantization or "unknown") not in wishes.quantizations:
        return QUANTIZATION
    if wishes.max_price and _costs_more(endpoint, wishes.max_price):
        return MAX_PRICE
    if wishes.require_parameters and not _supports_all(endpoint, call):
        return REQUIRE_PARAMETERS
    return None


def _supports_all(endpoint: EndpointEntry, call: Call) -> bool:
    """Whether the endpoint knows every parameter, and its provider's wire format has words for them."""
    if not call.parameters <= endpoint.supported_parameters:
        return False
    unsaid = WIRE_FORMATS[endpoint.provider.wire_format].unsaid(call)
    return call.parameters.isdisjoint(unsaid)


def _fits(endpoint: EndpointEntry, tokens: int) -> bool:
    context, most = endpoint.context_length, endpoint.max_prompt_tokens
    return (context is None or tokens <= context) and (most is None or tokens <= most)


def _may_use_tier(
    endpoint: EndpointEntry, call: Call, wishes: ProviderPreferences, admitted: str | None
) -> bool:
    """Whether an endpoint of a tier was named, asked for, or let in by a variant (which an order or a tier undoes)."""
    if endpoint.tag in wishes.order or endpoint.tag in wishes.only:
        return True
    if call.body.get("service_tier"):
        return asked_tier(call) == endpoint.service_tier
    return endpoint.service_tier == admitted and not wishes.order


def _costs_more(endpoint: EndpointEntry, most: dict[str, float]) -> bool:
    price = endpoint.price
    charged = {"prompt": price.prompt, "completion": price.completion}
    if any(charged[name] > most[name] * FEMTO_PER_MILLION_USD for name in charged if name in most):
        return True
    per_piece = {"request": price.request, "image": price.image or 0, "audio": price.audio or 0}
    return any(per_piece[name] > most[name] * FEMTO_PER_USD for name in per_piece if name in most)
