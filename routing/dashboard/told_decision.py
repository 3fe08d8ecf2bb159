"""An explanation as its page reads it: the API's words (routing.explaining.telling), with prices and plain English."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from config.lib.display import exact_money_text, money_text
from config.lib.money import nano_from_usd, plain_usd, usd_from_femto
from routing.catalog_snapshot import EndpointEntry
from routing.explaining.describing import Told
from routing.explaining.telling import told
from routing.explanations import Explanation
from routing.selection.availability import LAYERS

PER_MILLION: Final = 1_000_000
REASONS: Final = {
    "allowed_providers": "the provider is not among those that may serve",
    "data_policy:training": "it may train on prompts",
    "data_policy:zdr": "it retains data",
    "max_price": "it costs more than max_price allows",
    "context_length": "the input is longer than its context",
    "quantization": "its quantization was not asked for",
    "require_parameters": "it does not support every parameter of the request",
    "enforce_distillable_text": "its text may not be distilled",
    "deprecated": "it is deprecated",
    "model_deprecated": "the model is deprecated",
    "service_tier": "it is of a service tier that was not asked for",
    "forbidden_model": "the model is not allowed",
    "byok_only": "it may only be asked with a provider key of one’s own",
    "no_credential": "there is no credential for it",
    "no_endpoints": "the model has no endpoint",
    "wrong_endpoint": "it is served at another route",
    "unknown_model": "there is no such model",
    "free_quota": "the quota of free requests is used up",
}
CAUSES: Final = {
    "request": "the request",
    "routing": "the workspace’s routing",
    "catalog": "the catalog",
} | LAYERS
PURSES: Final = {
    "credits": "Credits of the organization",
    "key": "Limit of the key",
    "workspace": "Budget of the workspace",
    "workspace_default_member": "Workspace guardrail’s budget, per member",
    "workspace_default_key": "Workspace guardrail’s budget, per key",
    "member": "Member’s guardrail",
    "api_key": "Key’s guardrail",
}
SCOPES: Final = {
    "account": "The account’s privacy settings",
    "workspace": "The workspace’s guardrail",
    "member": "The member’s guardrail",
    "api-key": "The key’s guardrail",
}
TONES: Final = {
    "passed": "good",
    "flagged": "care",
    "redacted": "care",
    "narrowed": "care",
    "blocked": "bad",
    "refused": "bad",
}
EFFECTS: Final = {"refused": "refuses", "left_out": "leaves out", "blocked": "blocks"}


@dataclass(frozen=True)
class Left:
    """An endpoint that would be asked, in its place."""

    number: int
    model: str
    provider: str
    tag: str
    prices: str
    estimate: str
    hold: str
    hold_exact: str
    is_byok: bool


@dataclass(frozen=True)
class Out:
    """An endpoint that would not, or a model of which nothing is left."""

    model: str
    provider: str
    tag: str
    reason: str
    cause: str
    setting: str
    prices: str


@dataclass(frozen=True)
class Limit:
    """A limit that the request counts against. Amounts are in nano-dollars, None where they are not the reader's."""

    name: str
    interval: str
    limit_nano: int | None
    spent_nano: int | None
    hold_nano: int | None
    is_admitting: bool
    is_strict: bool


@dataclass(frozen=True)
class LayerSaid:
    """A layer of guardrails and what of it bore on the request."""

    name: str
    verdict: str
    tone: str
    settings: list[Told]


@dataclass(frozen=True)
class ToldDecision:
    """The page's parts, in the order in which a request goes through them."""

    is_allowed: bool
    raw: Told
    understood: list[tuple[str, str]]
    layers: list[LayerSaid]
    left: list[Left]
    out: list[Out]
    limits: list[Limit]
    ways: list[list[str]]
    is_search_complete: bool

    @property
    def message(self) -> str:
        """What the caller would read of the refusal."""
        error = self.raw["error"]["body"].get("error")
        said = error.get("message") if isinstance(error, Mapping) else None
        return str(said or self.raw["error"]["rule"])

    @property
    def written(self) -> str:
        """All of it, as the API tells it."""
        return json.dumps(self.raw, indent=2, ensure_ascii=False, default=str)


def told_decision(explanation: Explanation, *, is_whole: bool) -> ToldDecision:
    """The explanation for a reader. Without `is_whole` what others have set is named and not shown."""
    raw = told(explanation.matter, explanation.decision, explanation.lifting, is_whole=is_whole)
    lifting = raw["would_lift"] or {"changes": [], "alternatives": [], "is_search_complete": True}
    ways = [way for way in (lifting["changes"], *lifting["alternatives"]) if way]
    return ToldDecision(
        is_allowed=raw["verdict"] == "allowed",
        raw=raw,
        understood=list(_understood(explanation, raw)),
        layers=[_layer(one) for one in raw["layers"]],
        left=list(_left(explanation)),
        out=[_out(explanation, one) for one in raw["endpoints"] if one["verdict"] == "dropped"],
        limits=[_limit(one) for one in raw["budgets"]],
        ways=[[change["description"] for change in way] for way in ways],
        is_search_complete=lifting["is_search_complete"],
    )


def _understood(explanation: Explanation, raw: Told) -> Iterator[tuple[str, str]]:
    call = explanation.matter.call
    if raw["requested_models"]:
        yield "Models, in order", ", ".join(raw["requested_models"])
    if call is None:
        return
    if call.preset is not None:
        yield "Preset", str(call.preset.slug)
    yield "Input, at most", f"{call.prompt_tokens:,} tokens"
    yield "Answer, at most", f"{call.max_tokens:,} tokens" if call.max_tokens else "what the endpoint allows"
    if call.choices > 1:
        yield "Answers", str(call.choices)
    if call.image_count:
        yield "Images", str(call.image_count)
    yield "Arrives in", call.region
    if call.parameters:
        yield "Parameters", ", ".join(sorted(call.parameters))
    if call.dropped:
        yield "Left out, no words for it", ", ".join(call.dropped)
    for name, value in raw["preferences"].items():
        yield f"provider.{name}", _plainly(value)
    running = [slug for slug, config in call.plugins.items() if config is not None]
    if running:
        yield "Plugins that run", ", ".join(running)


def _layer(one: Told) -> LayerSaid:
    settings = [
        {**bearing, "does": EFFECTS.get(bearing["effect"], bearing["effect"])} for bearing in one["settings"]
    ]
    return LayerSaid(
        SCOPES.get(one["scope"], str(one["scope"])),
        one["verdict"],
        TONES.get(one["verdict"], "quiet"),
        settings,
    )


def _left(explanation: Explanation) -> Iterator[Left]:
    for number, attempt in enumerate(explanation.decision.attempts, 1):
        entry = attempt.endpoint
        yield Left(
            number=number,
            model=entry.model,
            provider=entry.provider.name,
            tag=entry.tag,
            prices=_prices(entry),
            estimate=money_text(attempt.estimate_nano),
            hold=money_text(attempt.hold_nano),
            hold_exact=exact_money_text(attempt.hold_nano),
            is_byok=attempt.is_byok,
        )


def _out(explanation: Explanation, one: Told) -> Out:
    entry = explanation.matter.endpoint(one["model"], one["endpoint"] or "")
    return Out(
        model=one["model"],
        provider=one["provider"] or "",
        tag=one["endpoint"] or "",
        reason=REASONS.get(one["reason"], str(one["reason"]).replace("_", " ")),
        cause=CAUSES.get(one["cause"], str(one["cause"] or "")),
        setting=one["setting"] or "",
        prices=_prices(entry) if entry else "",
    )


def _limit(one: Told) -> Limit:
    return Limit(
        name=PURSES.get(one["layer"], str(one["layer"]).replace("_", " ").capitalize()),
        interval=one["interval"],
        limit_nano=_nano(one["limit_usd"]),
        spent_nano=_nano(one["spent_usd"]),
        hold_nano=_nano(one["hold_usd"]),
        is_admitting=one["admits"],
        is_strict=one["is_strict"],
    )


def _prices(entry: EndpointEntry) -> str:
    """What a million tokens cost, in and out, and a request."""
    price = entry.price
    if not (price.prompt or price.completion or price.request):
        return "free"
    text = f"${_per_million(price.prompt)} in, ${_per_million(price.completion)} out"
    return f"{text}, ${plain_usd(usd_from_femto(price.request))} a request" if price.request else text


def _per_million(femto: int) -> str:
    return plain_usd(usd_from_femto(femto * PER_MILLION))


def _nano(usd: Decimal | None) -> int | None:
    return None if usd is None else nano_from_usd(usd)


def _plainly(value: Any) -> str:  # JSON of any kind
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {one}" for name, one in value.items())
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
