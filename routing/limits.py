"""Refusals for limits: rates that are used up, purses that are empty."""

from __future__ import annotations

import math
from collections.abc import Iterable

from config.lib.money import NANO_PER_USD, plain_usd, usd_from_nano
from routing.decision import Balances, RateUse
from routing.errors import Refusal
from routing.policy import NO_LIMITS, Policy, PurseLimit, RateLimits

NANO_PER_CENT = NANO_PER_USD // 100

_LAYER_ORDER = {"workspace": 0, "key": 1, "credits": 2}
"""Whose refusal is named when several purses are empty (contract-notes 11); layers between go in the front."""
_BREADTH = {"t": 0, "m": 1, "w": 2, "d": 3}
_INTERVAL_NAMES = {"t": "lifetime", "m": "monthly", "w": "weekly", "d": "daily"}
_KEY_INTERVAL_NAMES = _INTERVAL_NAMES | {"t": "total"}


def rate_refusal(policy: Policy, balances: Balances, *, tokens: int) -> Refusal | None:
    """The 429 for the first used-up rate of key, workspace and organization; `tokens` is what the call brings."""
    for layer, limits, use in (
        ("key", policy.key_rates, balances.key),
        ("workspace", policy.workspace_rates, balances.workspace),
        ("organization", policy.organization_rates, balances.organization),
    ):
        if limits is not NO_LIMITS and (refusal := _judge(layer, limits, use, tokens)):
            return refusal
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


def purse_refusal(empty: Iterable[PurseLimit]) -> Refusal:
    """The refusal for purses that cannot pay: the strictest layer in the contract's order, its broadest interval."""
    purse = min(empty, key=lambda purse: (_LAYER_ORDER.get(purse.layer, -1), _BREADTH[purse.interval]))
    if purse.layer == "credits":
        return Refusal(
            402, "payment_required", "Insufficient credits. Add credits and retry.", "credits", "credits"
        )
    if purse.layer == "key":
        message = f"Key limit exceeded ({_KEY_INTERVAL_NAMES[purse.interval]} limit)."
        return Refusal(402, "payment_required", message, "key_limit", "key")
    interval = _INTERVAL_NAMES[purse.interval]
    message = f"{purse.layer.capitalize()} {interval} budget of {_dollars(purse.limit_nano or 0)} exceeded."
    message += " Contact your org admin."
    return Refusal(403, "permission_denied", message, "budget", purse.layer)


def _dollars(nano: int) -> str:
    amount = usd_from_nano(nano)
    return f"${plain_usd(amount)}" if nano % NANO_PER_CENT else f"${amount:.2f}"
