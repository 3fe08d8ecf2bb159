"""Refusals for limits: rates that are used up, purses that are empty."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from config.lib.money import NANO_PER_USD, plain_usd, usd_from_nano
from routing.decision import Balances, RateUse
from routing.errors import Refusal
from routing.policy import NO_LIMITS, LayerLimit, Policy, PurseLimit, RateLimits
from workspaces.limit_layers import BREADTH, LAYERS

NANO_PER_CENT = NANO_PER_USD // 100
NOTHING: Mapping[int, int] = MappingProxyType({})

LAYER_ORDER = {layer: number for number, layer in enumerate((*LAYERS, "credits"))}
"""Whose refusal is named when several limits are reached."""
_WHOSE = {
    "workspace": ("Workspace", ""),
    "workspace_default_member": ("Workspace guardrail", " per member"),
    "workspace_default_key": ("Workspace guardrail", " per key"),
    "member": ("Member guardrail", ""),
    "api_key": ("Key guardrail", ""),
}
_INTERVAL_NAMES = {"t": "lifetime", "m": "monthly", "w": "weekly", "d": "daily"}
_KEY_INTERVAL_NAMES = _INTERVAL_NAMES | {"t": "total"}


def rate_refusal(policy: Policy, balances: Balances, *, tokens: int) -> Refusal | None:
    """The 429 for the first used-up rate of key, member, workspace and organization; `tokens` is what it brings."""
    for layer, limits, use in (
        ("key", policy.key_rates, balances.key),
        ("member", policy.member_rates, balances.member),
        ("workspace", policy.workspace_rates, balances.workspace),
        ("organization", policy.organization_rates, balances.organization),
    ):
        if limits is not NO_LIMITS and (refusal := _judge(layer, limits, use, tokens)):
            return refusal
    return None


def free_refusal(policy: Policy, balances: Balances) -> Refusal | None:
    """The 429 for requests to free models, where the organization has made as many as it may."""
    for most, use, what in (
        (policy.free_rates.requests_per_minute, balances.free, "requests to free models per minute"),
        (policy.free_rates.requests_per_day, balances.free_day, "requests to free models per day"),
    ):
        if most is not None and use.requests >= most:
            return _too_many("organization", what, most, 0, use.seconds_to_reset)
    return None


def _judge(layer: str, limits: RateLimits, use: RateUse, tokens: int) -> Refusal | None:
    most = limits.concurrent_requests
    if most is not None and use.concurrent >= most:
        return _too_many(layer, "concurrent requests", most, most - use.concurrent, 1.0)
    most = limits.requests_per_minute
    if most is not None and use.requests >= most:
        return _too_many(layer, "requests per minute", most, 0, use.seconds_to_reset)
    most = limits.tokens_per_minute
    # A call that is larger than the whole limit is let through on its own in an empty minute.
    if most is not None and (use.tokens >= most or (use.tokens and use.tokens + tokens > most)):
        return _too_many(layer, "tokens per minute", most, max(most - use.tokens, 0), use.seconds_to_reset)
    return None


def _too_many(layer: str, what: str, most: int, left: int, seconds: float) -> Refusal:
    wait = max(math.ceil(seconds), 1)
    return Refusal(
        429,
        "rate_limit_exceeded",
        f"Rate limit exceeded: {most} {what} of this {layer}.",
        "rate",
        layer=layer,
        retry_after=wait,
        headers=(
            ("X-RateLimit-Limit", str(most)),
            ("X-RateLimit-Remaining", str(max(left, 0))),
            ("X-RateLimit-Reset", str(wait)),
        ),
    )


def purse_refusal(empty: Iterable[PurseLimit], byok: Mapping[int, int] = NOTHING) -> Refusal:
    """The refusal for purses that cannot pay: the first layer in the contract's order, its broadest interval.

    `byok` says what BYOK requests have spent of a purse, by its id: of two limits of which only one counts them, the
    one that leaves less is reached.
    """
    reached = [
        (limit, purse.interval) for purse in empty for limit in _least(purse, byok.get(purse.purse_id, 0))
    ]
    limit, interval = min(reached, key=lambda one: (LAYER_ORDER[one[0].layer], BREADTH[one[1]]))
    if limit.layer == "credits":
        return Refusal(
            402, "payment_required", "Insufficient credits. Add credits and retry.", "credits", "credits"
        )
    if limit.layer == "key":
        message = f"Key limit exceeded ({_KEY_INTERVAL_NAMES[interval]} limit)."
        return Refusal(402, "payment_required", message, "key_limit", "key")
    whose, counted = _WHOSE[limit.layer]
    message = f"{whose} {_INTERVAL_NAMES[interval]} budget of {_dollars(limit.limit_nano)}{counted} exceeded."
    message += " Contact your org admin."
    return Refusal(403, "permission_denied", message, "budget", limit.layer)


def _least(purse: PurseLimit, byok: int) -> list[LayerLimit]:
    """Which of the limits on a purse leaves least; those that leave as little come along."""
    left = [limit.limit_nano - byok * limit.counts_byok for limit in purse.each]
    return [limit for limit, nano in zip(purse.each, left, strict=True) if nano == min(left)]


def _dollars(nano: int) -> str:
    amount = usd_from_nano(nano)
    return f"${plain_usd(amount)}" if nano % NANO_PER_CENT else f"${amount:.2f}"
