"""Layers of guardrails add up, and none of them can widen what another narrows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.guardrails.rules import (
    FLAGS,
    MOST_REMEMBERED,
    ZDR_GROUPS,
    EffectiveRules,
    Exclusion,
    Layer,
    Rules,
    merge,
    zdr_group,
)

ACCOUNT, WORKSPACE = Layer("account"), Layer("workspace", "9f0c")
SCOPES = ("account", "workspace", "member", "api-key")
MODELS = ("openai/gpt-5", "openai/gpt-5:free", "x-ai/grok", "acme/tiny")
PROVIDERS = ("openai", "openai/priority", "google-vertex", "google-vertex/us", "google-vertex/eu")
REGIONS = ("global", "europe", "us")
STRICT = {"flag": 0, "redact": 1, "block": 2}


def of(layer: Layer = ACCOUNT, /, **columns: Any) -> Rules:
    return Rules.of(layer, columns)


class Reference:
    """The rules of the documents once more: sets, comprehensions and nothing else."""

    def __init__(self, layers: list[dict[str, Any]]) -> None:
        self.layers = layers

    def may(self, kind: str, names: set[str]) -> bool:
        allow = [
            set(layer[f"allowed_{kind}"]) for layer in self.layers if layer[f"allowed_{kind}"] is not None
        ]
        ignore = {name for layer in self.layers for name in layer[f"ignored_{kind}"] or ()}
        return all(names & allowed for allowed in allow) and not names & ignore

    def zdr(self) -> set[str]:
        return {group for group in ZDR_GROUPS for layer in self.layers if layer[f"enforce_zdr_{group}"]}

    def regions(self) -> set[str]:
        lists = [set(layer["allowed_data_regions"]) for layer in self.layers if layer["allowed_data_regions"]]
        return set(REGIONS).intersection(*lists)

    def denied(self) -> set[str]:
        return {flag for flag in FLAGS for layer in self.layers if layer[flag] is False}

    def actions(self, field: str, name: str) -> dict[str, str]:
        asked = [(entry[name], entry["action"]) for layer in self.layers for entry in layer[field] or ()]
        strictest = sorted(asked, key=lambda pair: STRICT[pair[1]])
        return dict(strictest)


def some(values: Sequence[str], bits: int) -> list[str] | None:
    """The values whose bits are set; null where there are none."""
    return [value for number, value in enumerate(values) if bits >> number & 1] or None


def entries(name: str, values: Sequence[str], bits: int) -> list[dict[str, str]]:
    """For each value no entry, or one with an action: two bits each."""
    chosen = {value: bits >> 2 * number & 3 for number, value in enumerate(values)}
    return [{name: value, "action": list(STRICT)[one - 1]} for value, one in chosen.items() if one]


def read(layer: bytes) -> dict[str, Any]:
    """A layer's settings out of bytes, because drawing each by itself takes most of a test's time."""
    bits = iter(layer)
    columns: dict[str, Any] = {
        "allowed_models": some(MODELS, next(bits)),
        "ignored_models": some(MODELS, next(bits) & next(bits)),
        "allowed_providers": some(PROVIDERS, next(bits)),
        "ignored_providers": some(PROVIDERS, next(bits) & next(bits)),
        "allowed_data_regions": some(REGIONS, next(bits)),
        "content_filters": entries("pattern", ["a+", "b", "c"], next(bits)),
        "content_filter_builtins": entries("slug", ["email", "phone", "ssn"], next(bits)),
    }
    for name in [*(f"enforce_zdr_{group}" for group in ZDR_GROUPS), *FLAGS]:
        columns[name] = (None, None, False, True)[next(bits) % 4]
    return columns


LAYER = st.binary(min_size=20, max_size=20).map(read)
LAYERS = st.lists(LAYER, max_size=4)


def merged(layers: list[dict[str, Any]]) -> EffectiveRules:
    return merge(Rules.of(Layer(scope), layer) for scope, layer in zip(SCOPES, layers, strict=False))


class TestLayersTogether:
    @settings(max_examples=1_500, deadline=None)
    @given(LAYERS)
    def test_are_what_the_documents_say(self, layers: list[dict[str, Any]]):
        rules, reference = merged(layers), Reference(layers)

        for slug in MODELS:
            names = {slug, slug.partition(":")[0]}
            assert (rules.model_exclusion(slug) is None) == reference.may("models", names)
        for tag in PROVIDERS:
            names = {tag, tag.partition("/")[0]}
            assert (rules.provider_exclusion(tag) is None) == reference.may("providers", names)
        assert rules.zdr_groups == reference.zdr()
        assert {region for region in REGIONS if rules.allows_region(region)} == reference.regions()
        assert rules.denied == reference.denied()
        filters = {one.filter.pattern: one.filter.action for one in rules.filters}
        assert filters == reference.actions("content_filters", "pattern")
        builtins = {one.builtin.slug: one.builtin.action for one in rules.builtins}
        assert builtins == reference.actions("content_filter_builtins", "slug")

    @settings(max_examples=500, deadline=None)
    @given(LAYERS, LAYER)
    def test_never_allow_more_with_one_more_layer(self, layers: list[dict[str, Any]], more: dict[str, Any]):
        before, after = merged(layers[:3]), merged([*layers[:3], more])

        for slug in MODELS:
            assert after.model_exclusion(slug) or not before.model_exclusion(slug)
        for tag in PROVIDERS:
            assert after.provider_exclusion(tag) or not before.provider_exclusion(tag)
        assert all(before.allows_region(region) for region in REGIONS if after.allows_region(region))
        assert before.zdr_groups <= after.zdr_groups
        assert before.denied <= after.denied
        stricter = {one.filter.pattern: STRICT[one.filter.action] for one in after.filters}
        assert all(stricter[one.filter.pattern] >= STRICT[one.filter.action] for one in before.filters)

    def test_restrict_nothing_where_there_are_none(self):
        rules = merge([])

        assert rules.model_exclusion("openai/gpt-5") is None
        assert rules.provider_exclusion("openai") is None
        assert rules.allows("enable_free_model_training")

    def test_remember_no_more_answers_than_a_catalog_has_names(self):
        rules = merge([of(allowed_models=["openai/gpt-5"])])

        for number in range(MOST_REMEMBERED + 100):
            assert rules.model_exclusion(f"openai/gpt-5:v{number}", "openai/gpt-5") is None

        assert len(rules._known) == MOST_REMEMBERED

    def test_leave_nothing_where_their_allowlists_do_not_meet(self):
        rules = merge([of(allowed_models=["openai/gpt-5"]), of(WORKSPACE, allowed_models=["acme/tiny"])])

        assert rules.model_exclusion("acme/tiny") == Exclusion("allowed_models", ACCOUNT)
        assert rules.model_exclusion("openai/gpt-5") == Exclusion("allowed_models", WORKSPACE)


class TestAModelsName:
    def test_means_its_variants(self):
        rules = merge([of(allowed_models=["acme/tiny"])])

        assert rules.model_exclusion("acme/tiny:free") is None
        assert rules.model_exclusion("acme/tiny-2") is not None

    def test_with_a_variant_means_no_more_than_that(self):
        rules = merge([of(ignored_models=["acme/tiny:free"])])

        assert rules.model_exclusion("acme/tiny") is None
        assert rules.model_exclusion("acme/tiny:free") == Exclusion("ignored_models", ACCOUNT)

    def test_may_be_an_alias(self):
        rules = merge(
            [of(allowed_models=["acme/tiny"]), of(WORKSPACE, allowed_models=["acme/tiny-2026-01-01"])]
        )

        assert rules.model_exclusion("acme/tiny", "acme/tiny-2026-01-01") is None

    def test_is_the_same_in_capitals(self):
        assert merge([of(ignored_models=["Acme/Tiny"])]).model_exclusion("acme/TINY")


class TestAProvidersName:
    @pytest.mark.parametrize("tag", ["google-vertex", "google-vertex/us-east5", "google-vertex/flex"])
    def test_means_all_of_its_endpoints(self, tag: str):
        assert merge([of(allowed_providers=["google-vertex"])]).provider_exclusion(tag) is None
        assert merge([of(ignored_providers=["google-vertex"])]).provider_exclusion(tag) is not None

    def test_with_a_region_means_no_other(self):
        rules = merge(
            [of(allowed_providers=["google-vertex"]), of(WORKSPACE, allowed_providers=["google-vertex/eu"])]
        )

        assert rules.provider_exclusion("google-vertex/eu") is None
        assert rules.provider_exclusion("google-vertex/us") == Exclusion("allowed_providers", WORKSPACE)


class TestZeroRetention:
    @pytest.mark.parametrize(
        ("model", "group"),
        [
            ("anthropic/claude", "anthropic"),
            ("openai/gpt-5:free", "openai"),
            ("google/gemini", "google"),
            ("x-ai/grok", "xai"),
            ("meta-llama/llama", "other"),
            ("~openai/gpt-latest", "openai"),
        ],
    )
    def test_is_set_by_group_of_models(self, model: str, group: str):
        assert zdr_group(model) == group

    def test_of_all_is_for_groups_that_say_nothing(self):
        rules = merge([of(enforce_zdr=True, enforce_zdr_google=False)])

        assert rules.enforces_zdr("acme/tiny")
        assert not rules.enforces_zdr("google/gemini")


class TestAFilter:
    def test_remembers_the_layer_with_the_strictest_action(self):
        flag = of(content_filters=[{"pattern": "x", "action": "redact"}])
        block = of(WORKSPACE, content_filters=[{"pattern": "x", "action": "block", "label": "X"}])

        (effective,) = merge([flag, block]).filters

        assert (effective.layer, effective.filter.action, effective.filter.label) == (WORKSPACE, "block", "X")

    def test_is_asked_for_by_the_first_of_equals(self):
        same = [{"pattern": "x", "action": "block"}]

        (effective,) = merge([of(content_filters=same), of(WORKSPACE, content_filters=same)]).filters

        assert effective.layer == ACCOUNT


class TestScopesOfOneCheck:
    PROMPTS = "regex-prompt-injection"

    def scopes(self, *asked: tuple[str, str]) -> set[tuple[str, str]]:
        layers = [
            of(content_filter_builtins=[{"slug": self.PROMPTS, "action": action, "scan_scope": scope}])
            for action, scope in asked
        ]
        return {(one.builtin.action, one.builtin.scan_scope) for one in merge(layers).builtins}

    def test_are_both_kept_where_the_narrow_one_is_stricter(self):
        both = {("block", "user_only"), ("flag", "all_messages")}

        assert self.scopes(("block", "user_only"), ("flag", "all_messages")) == both

    def test_are_one_where_the_wide_one_is_as_strict(self):
        assert self.scopes(("block", "user_only"), ("block", "all_messages")) == {("block", "all_messages")}
