"""What guardrails ask of a request: one layer's settings, and all layers that govern it at once (SPEC §3).

Layers only add up. Which of them asked for a thing is kept, because the caller and the log are told.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from routing.guardrails.builtin import ACTIONS, SCAN_SCOPES

ZDR_GROUPS = ("anthropic", "openai", "google", "xai", "other")
FLAGS = (
    "enable_paid_model_training",
    "enable_free_model_training",
    "enable_paid_model_publication",
    "enable_free_model_publication",
    "allow_safety_retention_google",
    "allow_safety_retention_other",
)
"""What is allowed until a layer says no."""

_GROUP_OF_AUTHOR = {
    "anthropic": "anthropic",
    "openai": "openai",
    "google": "google",
    "x-ai": "xai",
    "xai": "xai",
}
_EVERYTHING = SCAN_SCOPES[-1]
MOST_REMEMBERED = 10_000
"""Of one policy's answers."""
FLAG, REDACT, BLOCK = ACTIONS
OF_REQUESTS = frozenset({"regex-prompt-injection"})
"""Checks that are about requests only."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Whose settings they are: `account`, `workspace`, `member` or `api-key`, and the guardrail's public id."""

    scope: str
    guardrail_id: str | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """A custom pattern and what is done where it matches."""

    pattern: str
    action: str
    label: str | None = None


@dataclass(frozen=True, slots=True)
class BuiltinFilter:
    """A built-in check that is turned on; its scope is which texts it looks at, of those that it ever looks at."""

    slug: str
    action: str
    scan_scope: str = _EVERYTHING


@dataclass(frozen=True, slots=True)
class Rules:
    """One layer's settings. An allowlist of None restricts nothing; flags of None say nothing."""

    layer: Layer
    allowed_models: frozenset[str] | None = None
    ignored_models: frozenset[str] = frozenset()
    allowed_providers: frozenset[str] | None = None
    ignored_providers: frozenset[str] = frozenset()
    data_regions: frozenset[str] | None = None
    zdr_groups: frozenset[str] = frozenset()
    denied: frozenset[str] = frozenset()
    filters: tuple[Filter, ...] = ()
    builtins: tuple[BuiltinFilter, ...] = ()
    filters_outputs: bool = False

    @classmethod
    def of(cls, layer: Layer, settings: Mapping[str, Any]) -> Rules:
        """The rules of a guardrail or of privacy settings, by the names of their columns; what is missing is null."""
        return cls(
            layer,
            allowed_models=_lowered(settings.get("allowed_models")),
            ignored_models=_lowered(settings.get("ignored_models")) or frozenset(),
            allowed_providers=_lowered(settings.get("allowed_providers")),
            ignored_providers=_lowered(settings.get("ignored_providers")) or frozenset(),
            data_regions=_lowered(settings.get("allowed_data_regions")),
            zdr_groups=frozenset(group for group in ZDR_GROUPS if _enforces_zdr(settings, group)),
            denied=frozenset(flag for flag in FLAGS if settings.get(flag) is False),
            filters=tuple(
                Filter(entry["pattern"], entry["action"], entry.get("label"))
                for entry in settings.get("content_filters") or ()
            ),
            builtins=tuple(
                BuiltinFilter(entry["slug"], entry["action"], entry.get("scan_scope") or _EVERYTHING)
                for entry in settings.get("content_filter_builtins") or ()
            ),
            filters_outputs=bool(settings.get("is_filtering_outputs")),
        )


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A list that leaves something out (`allowed_models`, `ignored_providers` …), and whose it is."""

    field: str
    layer: Layer


@dataclass(frozen=True, slots=True)
class EffectiveFilter:
    """A pattern with the strictest action that any layer asks for, and the layer that does."""

    filter: Filter
    layer: Layer


@dataclass(frozen=True, slots=True)
class EffectiveBuiltin:
    """A built-in check with the strictest action that any layer asks for in a scope, and the layer that does."""

    builtin: BuiltinFilter
    layer: Layer


@dataclass(frozen=True, slots=True)
class EffectiveRules:
    """What all layers ask together.

    Allowlists are not written out as one set, because names mean more than themselves (`google-vertex` means its
    regions too, and a model has aliases): what is used has to be on the list of each layer that has one.
    """

    layers: tuple[Rules, ...] = ()
    data_regions: frozenset[str] | None = None
    zdr_groups: frozenset[str] = frozenset()
    denied: frozenset[str] = frozenset()
    filters: tuple[EffectiveFilter, ...] = ()
    builtins: tuple[EffectiveBuiltin, ...] = ()
    narrows: bool = False
    """Whether any model or endpoint may be left out at all."""
    outputs: EffectiveRules | None = None
    """What is looked for in answers: the content filters of the layers that ask for it."""
    _known: dict[tuple[str, ...], Exclusion | None] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """Answers that were given, because every request asks for the same few again."""

    def model_exclusion(self, *names: str) -> Exclusion | None:
        """The first list that leaves out the model with these names (its slug, its aliases); None: it may be used.

        Answers are remembered, but for those to names beyond number: callers may add variants to a slug without end.
        """
        asked = ("models", *names)
        if asked not in self._known:
            meant = {part for name in names for part in _model_names(name.lower())}
            return self._remember(asked, self._exclusion("models", meant))
        return self._known[asked]

    def provider_exclusion(self, *tags: str) -> Exclusion | None:
        """The first list that leaves out the endpoint with these tags (`google-vertex/us-east5`); None: none does.

        A base slug means all of the provider, service tiers included: who ignores a provider ignores it however it
        is asked.
        """
        asked = ("providers", *tags)
        if asked not in self._known:
            meant = {part for tag in tags for part in _provider_names(tag.lower())}
            return self._remember(asked, self._exclusion("providers", meant))
        return self._known[asked]

    def enforces_zdr(self, model: str) -> bool:
        """Whether only endpoints without retention may serve the model."""
        return zdr_group(model) in self.zdr_groups

    def allows(self, flag: str) -> bool:
        """Whether no layer denies one of FLAGS."""
        return flag not in self.denied

    def allows_region(self, region: str) -> bool:
        """Whether a request may arrive in the region."""
        return self.data_regions is None or region in self.data_regions

    def _remember(self, asked: tuple[str, ...], answer: Exclusion | None) -> Exclusion | None:
        if len(self._known) < MOST_REMEMBERED:
            self._known[asked] = answer
        return answer

    def _exclusion(self, kind: str, meant: set[str]) -> Exclusion | None:
        for rules in self.layers:
            if not meant.isdisjoint(getattr(rules, f"ignored_{kind}")):
                return Exclusion(f"ignored_{kind}", rules.layer)
            allowed = getattr(rules, f"allowed_{kind}")
            if allowed is not None and meant.isdisjoint(allowed):
                return Exclusion(f"allowed_{kind}", rules.layer)
        return None


def merge(layers: Iterable[Rules]) -> EffectiveRules:
    """All layers at once, the account's first; of equally strict ones the first is the one that asked."""
    layers = tuple(layers)
    groups = frozenset[str]().union(*(rules.zdr_groups for rules in layers))
    denied = frozenset[str]().union(*(rules.denied for rules in layers))
    regions = [rules.data_regions for rules in layers if rules.data_regions is not None]
    return EffectiveRules(
        layers=layers,
        data_regions=frozenset.intersection(*regions) if regions else None,
        zdr_groups=groups,
        denied=denied,
        filters=_merged_filters(layers),
        builtins=_merged_builtins(layers),
        narrows=bool(groups or denied) or any(map(_has_lists, layers)),
        outputs=_rules_of_outputs(layers),
    )


def _rules_of_outputs(layers: tuple[Rules, ...]) -> EffectiveRules | None:
    """An answer is no attack on the model that gives it: of the checks, only content filters look at it."""
    asking = tuple(rules for rules in layers if rules.filters_outputs)
    builtins = tuple(one for one in _merged_builtins(asking) if one.builtin.slug not in OF_REQUESTS)
    filters = _merged_filters(asking)
    return EffectiveRules(filters=filters, builtins=builtins) if filters or builtins else None


def _has_lists(rules: Rules) -> bool:
    is_allowing = rules.allowed_models is not None or rules.allowed_providers is not None
    return bool(is_allowing or rules.ignored_models or rules.ignored_providers)


def zdr_group(model: str) -> str:
    """The group of models whose ZDR setting is about this one."""
    author = model.lower().lstrip("~").partition("/")[0]
    return _GROUP_OF_AUTHOR.get(author, "other")


def strictness(action: str) -> int:
    """How strict an action is; what is no action is as strict as can be."""
    return ACTIONS.index(action) if action in ACTIONS else len(ACTIONS)


def _merged_filters(layers: tuple[Rules, ...]) -> tuple[EffectiveFilter, ...]:
    merged: dict[str, EffectiveFilter] = {}
    for rules in layers:
        for asked in rules.filters:
            known = merged.get(asked.pattern)
            if known is None or strictness(asked.action) > strictness(known.filter.action):
                merged[asked.pattern] = EffectiveFilter(asked, rules.layer)
    return tuple(merged.values())


def _merged_builtins(layers: tuple[Rules, ...]) -> tuple[EffectiveBuiltin, ...]:
    """One for each check and scope; a narrow scope goes where the wide one is at least as strict."""
    merged: dict[tuple[str, str], EffectiveBuiltin] = {}
    for rules in layers:
        for asked in rules.builtins:
            known = merged.get((asked.slug, asked.scan_scope))
            if known is None or strictness(asked.action) > strictness(known.builtin.action):
                merged[asked.slug, asked.scan_scope] = EffectiveBuiltin(asked, rules.layer)
    return tuple(one for one in merged.values() if not _is_covered(one, merged))


def _is_covered(one: EffectiveBuiltin, merged: Mapping[tuple[str, str], EffectiveBuiltin]) -> bool:
    wide = merged.get((one.builtin.slug, _EVERYTHING))
    if wide is None or one.builtin.scan_scope == _EVERYTHING:
        return False
    return strictness(wide.builtin.action) >= strictness(one.builtin.action)


def _model_names(slug: str) -> Iterable[str]:
    """What a list may call a model: `a/b:free` is also meant by `a/b`."""
    base, *variants = slug.split(":")
    yield base
    for variant in variants:
        base = f"{base}:{variant}"
        yield base


def _provider_names(tag: str) -> Iterable[str]:
    """What a list may call an endpoint: `google-vertex/us-east5` is also meant by `google-vertex`."""
    base, *suffixes = tag.split("/")
    yield base
    for suffix in suffixes:
        base = f"{base}/{suffix}"
        yield base


def _enforces_zdr(settings: Mapping[str, Any], group: str) -> bool:
    own = settings.get(f"enforce_zdr_{group}")
    return bool(settings.get("enforce_zdr") if own is None else own)


def _lowered(names: Collection[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(name.lower() for name in names)
