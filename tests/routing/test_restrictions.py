"""What the layers leave of a catalog, compared with a model of thirty lines over generated combinations (SPEC §3)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.call import ProviderPreferences
from routing.decide import decide
from routing.decision import NO_BALANCES, NOTHING_FOUND
from routing.guardrails.rules import Layer, Rules, merge
from tests.routing.make import (
    NOW,
    make_call,
    make_catalog,
    make_endpoint,
    make_model,
    make_policy,
    make_price,
)

MODELS = ("openai/gpt", "anthropic/claude", "google/gemini", "x-ai/grok", "acme/own")
PROVIDERS = ("openai", "azure/eu", "google-vertex/us")
GROUPS = {"openai": "openai", "anthropic": "anthropic", "google": "google", "x-ai": "xai", "acme": "other"}
SCOPES = ("account", "workspace", "member", "api-key")
SHORT = [*PROVIDERS, *(tag.partition("/")[0] for tag in PROVIDERS)]


def lists(names: list[str]) -> st.SearchStrategy[list[str] | None]:
    return st.none() | st.lists(st.sampled_from(names), min_size=1, max_size=3)


def flags() -> st.SearchStrategy[bool | None]:
    return st.sampled_from([None, None, True, False])


LAYER = st.fixed_dictionaries(
    {
        "allowed_models": lists(list(MODELS)),
        "ignored_models": lists(list(MODELS)),
        "allowed_providers": lists(SHORT),
        "ignored_providers": lists(SHORT),
        **{f"enforce_zdr_{group}": flags() for group in GROUPS.values()},
        "enable_paid_model_training": flags(),
        "enable_free_model_training": flags(),
        "enable_free_model_publication": flags(),
    }
)
NATURE = st.fixed_dictionaries(
    {name: st.booleans() for name in ("is_zdr", "trains_on_prompts", "can_publish", "is_free")}
)


def permits(layer: dict[str, Any], model: str, tag: str, nature: dict[str, bool]) -> bool:
    """Whether one layer, by itself, lets a model be served by an endpoint."""
    names = {tag, tag.partition("/")[0]}
    group = GROUPS[model.partition("/")[0]]
    kind = "free" if nature["is_free"] else "paid"
    return (
        (layer["allowed_models"] is None or model in layer["allowed_models"])
        and model not in (layer["ignored_models"] or ())
        and (layer["allowed_providers"] is None or bool(names & set(layer["allowed_providers"])))
        and not names & set(layer["ignored_providers"] or ())
        and (nature["is_zdr"] or not layer[f"enforce_zdr_{group}"])
        and not (nature["trains_on_prompts"] and layer[f"enable_{kind}_model_training"] is False)
        and not (nature["can_publish"] and layer.get(f"enable_{kind}_model_publication") is False)
    )


@given(
    layers=st.lists(LAYER, min_size=1, max_size=4),
    natures=st.lists(NATURE, min_size=len(PROVIDERS), max_size=len(PROVIDERS)),
    model=st.sampled_from(MODELS),
    wishes=st.sampled_from(
        [ProviderPreferences(), ProviderPreferences(order=PROVIDERS), ProviderPreferences(zdr=False)]
    ),
)
@settings(max_examples=1_500, deadline=None)
def test_what_is_tried_is_what_every_layer_permits(layers, natures, model, wishes):
    endpoints = [
        make_endpoint(
            tag,
            is_zdr=nature["is_zdr"],
            trains_on_prompts=nature["trains_on_prompts"],
            can_publish=nature["can_publish"],
            price=make_price(0, 0) if nature["is_free"] else make_price(),
        )
        for tag, nature in zip(PROVIDERS, natures, strict=True)
    ]
    catalog = make_catalog(make_model(model, *endpoints))
    rules = merge(Rules.of(Layer(scope), layer) for scope, layer in zip(SCOPES, layers, strict=False))
    policy = make_policy(rules=rules)

    decision = decide(
        policy, make_call(model, preferences=wishes), catalog, {}, NO_BALANCES, NOTHING_FOUND, 1, NOW
    )

    expected = {
        tag
        for tag, nature in zip(PROVIDERS, natures, strict=True)
        if all(permits(layer, model, tag, nature) for layer in layers)
    }
    assert {attempt.endpoint.tag for attempt in decision.attempts} == expected
    if not expected:
        assert decision.refusal.status in (403, 404)


def decided(rules: dict[str, Any], *models: str, scope: str = "workspace", **more: Any):
    catalog = make_catalog(
        make_model("openai/gpt", make_endpoint("openai")), make_model("acme/own", make_endpoint("acme"))
    )
    policy = make_policy(rules=merge([Rules.of(Layer(scope, "g-1"), rules)]))
    call = make_call(*models, **more)
    return decide(policy, call, catalog, {}, NO_BALANCES, NOTHING_FOUND, 1, NOW)


class TestTheRefusal:
    @pytest.mark.parametrize(
        "rules",
        [{"allowed_models": ["acme/own"]}, {"ignored_models": ["openai/gpt"]}],
        ids=["list", "ignored"],
    )
    def test_of_a_forbidden_model_is_403_and_names_the_layer(self, rules):
        refusal = decided(rules, "openai/gpt").refusal

        assert (refusal.status, refusal.error_type, refusal.layer) == (403, "permission_denied", "workspace")
        assert refusal.message == "openai/gpt is not allowed by the workspace's guardrail."

    def test_of_a_forbidden_and_an_unknown_model_is_403_too(self):
        assert decided({"allowed_models": ["acme/own"]}, "openai/gpt", "no/such").refusal.status == 403

    def test_of_no_provider_is_404_with_availability(self):
        refusal = decided({"allowed_providers": ["azure"]}, "openai/gpt").refusal

        assert (refusal.status, refusal.error_type) == (404, "not_found")
        shown = refusal.availability.as_json()
        assert (shown["code"], shown["excluded_by"]) == ("no_endpoints", ["allowed_providers"])

    def test_of_zdr_and_of_training_is_privacy_restricted(self):
        for rules, reason in (
            ({"enforce_zdr_openai": True}, "data_policy:zdr"),
            ({"allow_safety_retention_other": False}, "data_policy:zdr"),
        ):
            shown = decided(rules, "openai/gpt").refusal.availability.as_json()

            assert (shown["code"], shown["excluded_by"]) == ("privacy_restricted", [reason])

    def test_of_another_region_names_it(self):
        refusal = decided({"allowed_data_regions": ["europe"]}, "openai/gpt", region="us").refusal

        assert (refusal.status, refusal.availability.code) == (404, "constraint_filtered")
        assert refusal.availability.as_json()["excluded_by"] == ["data_region"]
        assert decided({"allowed_data_regions": ["europe"]}, "openai/gpt", region="europe").refusal is None


class TestAFallback:
    def test_is_held_to_the_same_lists(self):
        decision = decided({"ignored_models": ["openai/gpt"]}, "openai/gpt", "acme/own")

        assert [attempt.endpoint.model for attempt in decision.attempts] == ["acme/own"]

    def test_of_a_variant_is_the_same_model(self):
        catalog = make_catalog(make_model("openai/gpt:free", make_endpoint("openai")))
        policy = make_policy(rules=merge([Rules.of(Layer("account"), {"ignored_models": ["openai/gpt"]})]))

        decision = decide(
            policy, make_call("openai/gpt:free"), catalog, {}, NO_BALANCES, NOTHING_FOUND, 1, NOW
        )

        assert decision.refusal.status == 403
