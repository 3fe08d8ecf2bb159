"""Which of a model's endpoints can do more of what is asked; the others are left out, unless nobody can."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from routing.call import Call
from routing.catalog_snapshot import EndpointEntry

SOFT = frozenset({"tools", "response_format", "verbosity"})
"""Parameters without which an answer is of little use to who sent them."""
STRUCTURED = "structured_outputs"
MAX_TOKENS, UNSUPPORTED, SERVICE_TIER = "max_tokens", "unsupported_parameter", "service_tier"

TIERS = {"flex": "flex", "priority": "priority", "fast": "priority"}


class Kept(NamedTuple):
    """Endpoints that remain, and those that were left out with the reason."""

    endpoints: list[EndpointEntry]
    left_out: list[tuple[EndpointEntry, str]]


def asked_tier(call: Call) -> str | None:
    """The service tier that the request asks for; None: the provider's default."""
    asked = call.body.get("service_tier")
    return TIERS.get(asked) if isinstance(asked, str) else None


def wanted_of(call: Call) -> frozenset[str]:
    """The parameters of a call that its endpoints should support."""
    wanted = call.parameters & SOFT
    if "response_format" in wanted:
        form = call.body["response_format"]
        if isinstance(form, dict) and form.get("type") == "json_schema":
            wanted |= {STRUCTURED}
    return wanted


def can_all(endpoints: Sequence[EndpointEntry], max_tokens: int | None) -> bool:
    """Whether every endpoint can answer at the requested length, as they nearly always can."""
    if max_tokens is not None:
        for endpoint in endpoints:
            most = endpoint.max_completion_tokens
            if most is not None and most < max_tokens:
                return False
    return True


def most_able(endpoints: list[EndpointEntry], call: Call, wanted: frozenset[str], tier: str | None) -> Kept:
    """Leave out who cannot answer at the requested length, or lacks a parameter or the cheap tier that others have."""
    left_out: list[tuple[EndpointEntry, str]] = []
    if not can_all(endpoints, call.max_tokens):
        endpoints = _unless_all(endpoints, lambda one: can_all((one,), call.max_tokens), MAX_TOKENS, left_out)
    for name in sorted(wanted):
        endpoints = _unless_all(endpoints, _supports(name), UNSUPPORTED, left_out)
    if tier == "flex":  # falling back to the default tier would cost more than was asked for
        endpoints = _unless_all(endpoints, lambda one: one.service_tier == tier, SERVICE_TIER, left_out)
    return Kept(endpoints, left_out)


def _unless_all(
    endpoints: list[EndpointEntry],
    is_able: Callable[[EndpointEntry], bool],
    reason: str,
    left_out: list[tuple[EndpointEntry, str]],
) -> list[EndpointEntry]:
    able = [one for one in endpoints if is_able(one)]
    if not able or len(able) == len(endpoints):
        return endpoints
    left_out += [(one, reason) for one in endpoints if not is_able(one)]
    return able


def _supports(name: str) -> Callable[[EndpointEntry], bool]:
    return lambda endpoint: name in endpoint.supported_parameters
