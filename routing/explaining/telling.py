"""An explanation as the API tells it: whole to whoever manages the workspace, its own part to an inference key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from itertools import chain
from typing import Any

import msgspec

from routing.call import NO_PREFERENCES, Call
from routing.decision import Attempt, Decision
from routing.errors import Refusal, error_headers
from routing.explaining.changes import preferences_told
from routing.explaining.describing import INTERVALS, OWN, Told, lifting_told, usd
from routing.explaining.layers import LayerVerdict, cause_of, verdicts_of
from routing.explaining.lifting import Lifting
from routing.explaining.matter import UNSPENT, Matter, limits_on
from routing.gateway.dialects import DIALECTS
from routing.guardrails.findings import Scan
from routing.guardrails.rules import REDACT
from routing.guardrails.texts import INSIDE, Place, TooManyTexts, texts_of
from routing.policy import Policy, RateLimits

MOST_TEXTS, LONGEST_TEXT, MOST_FINDINGS = 20, 2000, 200
LARGEST_BODY, SPARE_LEVELS = 64 * 1024, 200


def told(matter: Matter, decision: Decision, lifting: Lifting, *, is_whole: bool) -> Told:
    """The explanation. Without `is_whole` what others have set is named and not shown."""
    refusal, call = decision.refusal, matter.call
    return {
        "verdict": "allowed" if refusal is None else "refused",
        "dialect": matter.asked.dialect,
        "requested_models": list(matter.requested),
        "model": decision.model or None,
        "seed": decision.seed,
        "error": None if refusal is None else error_told(refusal, matter.asked.dialect),
        "layers": [_layer(verdict) for verdict in verdicts_of(matter, decision)],
        "trace": [{"rule": step.rule, "outcome": step.outcome} for step in decision.trace],
        "scan": scan_told(matter.scan, call.body if call else {}),
        "pipeline": list(call.stages) if call else [],
        "preferences": _preferences(call),
        "plugins": _plugins(matter.policy),
        "endpoints": list(_endpoints(matter, decision)),
        "attempts": [_attempt(number, one) for number, one in enumerate(decision.attempts, 1)],
        "budgets": list(_budgets(matter, decision, is_whole)),
        "rate_limits": list(_rates(matter.policy)),
        "would_lift": None if refusal is None else lifting_told(lifting, is_whole=is_whole),
        "not_judged": list(NOT_JUDGED),
    }


NOT_JUDGED = (
    "rates that are used up: they are counted in the gateways",
    "endpoints that failed lately, and how fast they are: health is measured in the gateways",
    "plugins that ask somebody else (web search, file parsing by a service, moderation by a model)",
)


def error_told(refusal: Refusal, dialect: str) -> Told:
    """The error as the gateway would send it."""
    body = DIALECTS[dialect].refuse(refusal, generation_id=None)
    return {
        "status": refusal.status,
        "rule": refusal.rule,
        "layer": refusal.layer,
        "headers": {name.decode(): value.decode("latin-1") for name, value in error_headers(refusal)},
        "body": msgspec.json.decode(body),
    }


def scan_told(scan: Scan, body: Mapping[str, Any]) -> Told:
    """What guardrails found, and the texts as they would be passed on where anything was redacted."""
    redacted = tuple(dict.fromkeys(one.place for one in scan.findings if one.action == REDACT))
    findings = [
        {
            "detector": one.detector,
            "label": one.label,
            "action": one.action,
            "scope": one.layer.scope,
            "guardrail_id": one.layer.guardrail_id,
            "place": shown_place(one.place),
            "count": one.count,
            "patterns": list(one.names),
        }
        for one in scan.findings[:MOST_FINDINGS]
    ]
    verdict = "blocked" if scan.block else "redacted" if redacted else "flagged" if findings else "passed"
    texts = _texts_at(redacted, body) if redacted else []
    return {
        "verdict": verdict,
        "findings": findings,
        "redacted_texts": texts,
        "redacted_request": _shown_body(body) if redacted else None,
    }


def shown_place(place: Place) -> str:
    """A place as people write it: `messages[0].content`; `()` stands before what is inside a JSON string."""
    text = ""
    for step in place:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += step if not text or step == INSIDE else f".{step}"
    return text


def _texts_at(places: tuple[Place, ...], body: Mapping[str, Any]) -> list[Told]:
    wanted = {place[: place.index(INSIDE)] if INSIDE in place else place for place in places}
    try:
        texts = [text for text in texts_of(body) if text.place in wanted]
    except TooManyTexts:
        return []
    return [{"place": shown_place(one.place), "text": one.text[:LONGEST_TEXT]} for one in texts[:MOST_TEXTS]]


def _shown_body(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The body, unless it is too large to be shown or nested too deeply to be written within an answer."""
    nested: Any = body
    for _ in range(SPARE_LEVELS):
        nested = [nested]
    try:
        is_small = len(msgspec.json.encode(nested)) <= LARGEST_BODY
    except RecursionError:
        return None
    return body if is_small else None


def _layer(verdict: LayerVerdict) -> Told:
    return {
        "scope": verdict.layer.scope,
        "guardrail_id": verdict.layer.guardrail_id,
        "verdict": verdict.verdict,
        "settings": [
            {
                "setting": one.setting,
                "effect": one.effect,
                "subjects": list(one.subjects[:MOST_FINDINGS]),
                "matches": one.matches,
            }
            for one in verdict.bearings
        ],
    }


def _preferences(call: Call | None) -> Told:
    if call is None or call.preferences == NO_PREFERENCES:
        return {}
    default = preferences_told(NO_PREFERENCES)
    return {
        name: value for name, value in preferences_told(call.preferences).items() if value != default[name]
    }


def _plugins(policy: Policy) -> list[Told]:
    return [
        {"id": slug, "enabled": one.is_enabled, "prevent_overrides": one.is_override_prevented}
        for slug, one in policy.plugins.items()
    ]


def _endpoints(matter: Matter, decision: Decision) -> Iterator[Told]:
    for number, attempt in enumerate(decision.attempts, 1):
        entry = attempt.endpoint
        kept = {"verdict": "kept", "attempt": number, "reason": None, "cause": None, "setting": None}
        about = {"model": entry.model, "endpoint": entry.tag, "provider": entry.provider.name}
        yield {**about, **kept, "guardrail_id": None}
    for drop in decision.dropped:
        cause, layer, setting = cause_of(matter, drop)
        found = matter.endpoint(drop.model, drop.tag)
        yield {
            "model": drop.model,
            "endpoint": drop.tag or None,
            "provider": found.provider.name if found else None,
            "verdict": "dropped",
            "attempt": None,
            "reason": drop.reason,
            "cause": cause,
            "setting": setting,
            "guardrail_id": layer.guardrail_id if layer else None,
        }


def _attempt(number: int, attempt: Attempt) -> Told:
    entry = attempt.endpoint
    return {
        "attempt": number,
        "model": entry.model,
        "endpoint": entry.tag,
        "provider": entry.provider.name,
        "is_byok": attempt.is_byok,
        "estimated_cost_usd": usd(attempt.estimate_nano),
        "hold_usd": usd(attempt.hold_nano),
    }


def _budgets(matter: Matter, decision: Decision, is_whole: bool) -> Iterator[Told]:
    needs = {need.purse.purse_id: need.nano for need in decision.holds}
    for purse in chain.from_iterable(map(limits_on, matter.policy.purses)):
        if purse.limit_nano is None:
            continue
        state, hold = matter.purses.get(purse.purse_id, UNSPENT), needs.get(purse.purse_id)
        is_shown = is_whole or purse.layer == OWN
        is_closed = purse.limit_nano == 0 and purse.layer != "credits"
        counted = state.counted(purse)
        yield {
            "layer": purse.layer,
            "interval": INTERVALS[purse.interval],
            "is_strict": purse.is_strict,
            "includes_byok": purse.counts_byok,
            "limit_usd": usd(purse.limit_nano) if is_shown else None,
            "spent_usd": usd(counted) if is_shown else None,
            "leased_usd": usd(state.leased_nano) if is_shown else None,
            "remaining_usd": usd(max(purse.limit_nano - counted, 0)) if is_shown else None,
            "hold_usd": usd(hold),
            "admits": not is_closed and (hold is None or state.fits(purse, hold)),
            "window_starts_at": state.begins_at if purse.interval != "t" else None,
            "window_ends_at": state.ends_at,
        }


def _rates(policy: Policy) -> Iterator[Told]:
    for field in fields(policy):
        limits = getattr(policy, field.name)
        if isinstance(limits, RateLimits) and limits != RateLimits():
            yield {"layer": field.name.removesuffix("_rates"), **asdict(limits)}
