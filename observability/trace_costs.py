"""How a request's cost divides into kinds of tokens: told exactly where it adds up, in proportion where it does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FEMTO_PER_NANO = 10**6


@dataclass(frozen=True, slots=True)
class Prices:
    """Femto-dollars per token, and per request; None: not priced apart."""

    prompt: int
    completion: int
    request: int
    reasoning: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None


@dataclass(frozen=True, slots=True)
class Tokens:
    """What was used; `prompt` includes cached and written ones, `completion` reasoning."""

    prompt: int
    completion: int
    reasoning: int
    cached: int
    cache_write: int


@dataclass(frozen=True, slots=True)
class Divided:
    """Nano-dollars of input and output, which make up the whole; `allocation` is None where lines do not add up."""

    input_nano: int
    output_nano: int
    allocation: Mapping[str, Mapping[str, Any]] | None


def divided(cost_nano: int, tokens: Tokens, prices: Prices | None) -> Divided:
    """Divide what was charged by what was used."""
    if prices is None:
        return Divided(0, 0, None)
    lines = _lines(tokens, prices)
    femto_in = sum(femto for name, (_, femto) in lines.items() if name not in ("completion", "reasoning"))
    femto = sum(femto for _, femto in lines.values())
    if not femto:
        return Divided(0, 0, None)
    # Half up, as everything is rounded that is charged (DESIGN §5).
    is_exact = (femto + FEMTO_PER_NANO // 2) // FEMTO_PER_NANO == cost_nano
    share = round(cost_nano * femto_in / femto)
    return Divided(share, cost_nano - share, _allocation(lines, cost_nano) if is_exact else None)


def _lines(tokens: Tokens, prices: Prices) -> dict[str, tuple[int, int]]:
    """Tokens and femto-dollars by kind."""

    def price(special: int | None, plain: int) -> int:
        return plain if special is None else special

    counted = {
        "prompt": (max(0, tokens.prompt - tokens.cached - tokens.cache_write), prices.prompt),
        "cached": (tokens.cached, price(prices.cache_read, prices.prompt)),
        "cache_write": (tokens.cache_write, price(prices.cache_write, prices.prompt)),
        "completion": (max(0, tokens.completion - tokens.reasoning), prices.completion),
        "reasoning": (tokens.reasoning, price(prices.reasoning, prices.completion)),
        "request": (1 if prices.request else 0, prices.request),
    }
    return {name: (count, count * femto) for name, (count, femto) in counted.items() if count}


def _allocation(lines: Mapping[str, tuple[int, int]], cost_nano: int) -> dict[str, dict[str, Any]]:
    kinds: dict[str, dict[str, Any]] = {
        name: {"count": count, "cost": femto / 10**15} for name, (count, femto) in lines.items()
    }
    return kinds | {"total": {"cost": cost_nano / 10**9}}
