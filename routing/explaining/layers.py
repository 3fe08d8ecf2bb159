"""What each layer of guardrails has to say about a request, and which one left an endpoint out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from routing.call import Call
from routing.catalog_snapshot import EndpointEntry
from routing.decision import Decision, Dropped
from routing.explaining.matter import Matter
from routing.guardrails.findings import Finding
from routing.guardrails.rules import EffectiveRules, Layer, Rules, merge, zdr_group
from routing.selection.filters import ALLOWED_PROVIDERS, CONSTRAINTS, DEPRECATED, TRAINING, ZDR, why_dropped
from routing.selection.preferences import merge as merge_wishes
from routing.selection.restrictions import (
    FORBIDDEN_MODEL,
    PUBLICATION_FLAGS,
    TRAINING_FLAGS,
    why_restricted,
)
from routing.selection.variants import UNKNOWN_MODEL

REFUSED, LEFT_OUT, PASSED = "refused", "left_out", "passed"
REQUEST, ROUTING, CATALOG = "request", "routing", "catalog"
DONE = {"flag": "flagged", "redact": "redacted", "block": "blocked"}
BY_GUARDRAILS = frozenset({ALLOWED_PROVIDERS, ZDR, TRAINING})
BY_CATALOG = frozenset({DEPRECATED, UNKNOWN_MODEL, "model_deprecated", "no_endpoints", "wrong_endpoint"})


@dataclass(frozen=True, slots=True)
class Bearing:
    """One setting of a layer that bore on the request: what it did, and to what (models, endpoints, labels)."""

    setting: str
    effect: str
    subjects: tuple[str, ...]
    matches: int = 0


@dataclass(frozen=True, slots=True)
class LayerVerdict:
    """A layer, and what of it bore on the request."""

    layer: Layer
    verdict: str
    bearings: tuple[Bearing, ...]


def verdicts_of(matter: Matter, decision: Decision) -> list[LayerVerdict]:
    """Every layer in the order in which they are asked."""
    return [_verdict(matter, decision, rules) for rules in matter.policy.rules.layers]


def cause_of(matter: Matter, drop: Dropped) -> tuple[str, Layer | None, str]:
    """Who left an endpoint or model out: whose doing (`request`, `catalog`, a layer's scope), which layer, by what."""
    if drop.reason == FORBIDDEN_MODEL:
        exclusion = matter.policy.rules.model_exclusion(drop.model)
        for model in matter.models(drop.model):
            exclusion = exclusion or matter.policy.rules.model_exclusion(drop.model, model.slug)
        if exclusion:
            return exclusion.layer.scope, exclusion.layer, exclusion.field
    entry = matter.endpoint(drop.model, drop.tag)
    if entry is not None and drop.reason in BY_GUARDRAILS:
        for rules in matter.policy.rules.layers:
            alone = merge([rules])
            if why_restricted(entry, alone) == drop.reason:
                return rules.layer.scope, rules.layer, next(iter(settings_against(entry, alone)))
    if drop.reason in BY_CATALOG:
        return CATALOG, None, drop.reason
    if entry is not None and matter.call and _own_reason(matter, matter.call, entry) != drop.reason:
        is_measured = drop.reason not in BY_GUARDRAILS and drop.reason not in CONSTRAINTS
        return (REQUEST if is_measured else ROUTING), None, drop.reason
    return REQUEST, None, drop.reason


def _own_reason(matter: Matter, call: Call, entry: EndpointEntry) -> str | None:
    """Why the request itself, with its workspace's defaults, leaves the endpoint out."""
    wishes = merge_wishes(call.preferences, matter.policy.routing.preferences)
    return why_dropped(entry, call, wishes, matter.now, None)


def settings_against(entry: EndpointEntry, rules: EffectiveRules) -> Iterator[str]:
    """The settings of one layer that each keep the endpoint from being used, by the names of guardrails' fields."""
    if exclusion := rules.provider_exclusion(entry.tag, entry.provider.slug):
        yield exclusion.field
    group = zdr_group(entry.model)
    if not entry.is_zdr:
        if group in rules.zdr_groups:
            yield f"enforce_zdr_{group}"
        safety = f"allow_safety_retention_{'google' if group == 'google' else 'other'}"
        if entry.retains_prompts and not rules.allows(safety):
            yield safety
    is_free = not entry.price.prompt and not entry.price.completion
    if entry.trains_on_prompts and not rules.allows(TRAINING_FLAGS[is_free]):
        yield TRAINING_FLAGS[is_free]
    if entry.can_publish and not rules.allows(PUBLICATION_FLAGS[is_free]):
        yield PUBLICATION_FLAGS[is_free]


def considered(matter: Matter) -> Iterator[tuple[str, EndpointEntry]]:
    """Every endpoint of the requested models, under the slug that it was asked for by."""
    for slug in matter.requested:
        for model in matter.models(slug):
            for entry in model.endpoints:
                yield slug, entry


def _verdict(matter: Matter, decision: Decision, rules: Rules) -> LayerVerdict:
    bearings = (*_bearings(matter, rules), *_found(matter.scan.findings, rules.layer))
    effects = {bearing.effect for bearing in bearings}
    has_refused = decision.refusal is not None and _is_to_blame(decision, rules.layer, effects)
    if has_refused:
        return LayerVerdict(rules.layer, REFUSED, bearings)
    if effects & {REFUSED, LEFT_OUT}:
        return LayerVerdict(rules.layer, "narrowed", bearings)
    done = next((effect for effect in reversed(DONE.values()) if effect in effects), PASSED)
    return LayerVerdict(rules.layer, done, bearings)


def _is_to_blame(decision: Decision, layer: Layer, effects: set[str]) -> bool:
    refusal = decision.refusal
    if refusal is None:
        return False
    if refusal.rule == "guardrail":
        return "blocked" in effects or refusal.layer == layer.scope
    if refusal.rule == "data_region" or refusal.status in (403, 404):
        return bool(effects & {REFUSED, LEFT_OUT})
    return False


def _bearings(matter: Matter, rules: Rules) -> Iterator[Bearing]:
    call, alone = matter.call, merge([rules])
    if call is None:
        return
    if not alone.allows_region(call.region):
        yield Bearing("allowed_data_regions", REFUSED, (call.region,))
    for slug in matter.requested:
        for model in matter.models(slug):
            if exclusion := alone.model_exclusion(slug, model.slug):
                yield Bearing(exclusion.field, REFUSED, (slug,))
    left_out: dict[str, list[str]] = {}
    for slug, entry in considered(matter):
        for setting in settings_against(entry, alone):
            left_out.setdefault(setting, []).append(f"{slug} {entry.tag}")
    for setting, subjects in left_out.items():
        yield Bearing(setting, LEFT_OUT, tuple(subjects))


def _found(findings: Iterable[Finding], layer: Layer) -> Iterator[Bearing]:
    grouped: dict[tuple[str, str, str], int] = {}
    for finding in findings:
        if finding.layer == layer:
            is_custom = finding.detector == "custom"
            setting = "content_filters" if is_custom else "content_filter_builtins"
            key = (setting, DONE.get(finding.action, "blocked"), finding.label)
            grouped[key] = grouped.get(key, 0) + finding.count
    for (setting, effect, label), count in grouped.items():
        yield Bearing(setting, effect, (label,), count)
