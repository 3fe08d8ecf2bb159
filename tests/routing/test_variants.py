"""Names beside the catalog's slugs: variants, aliases of the newest model, routers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from routing.call import ProviderPreferences
from routing.decide import decide
from routing.decision import NO_BALANCES, NOTHING_FOUND
from routing.policy import RoutingDefaults
from routing.selection.variants import applied, family_of
from tests.routing.make import (
    NOW,
    make_call,
    make_catalog,
    make_endpoint,
    make_model,
    make_policy,
    make_price,
    make_stats,
)

CHEAP = make_endpoint("cheap", price=make_price(10**9, 10**9))
FAST = make_endpoint("fast", price=make_price(5 * 10**9, 5 * 10**9))
PRIORITY = make_endpoint("fast/priority", service_tier="priority", price=make_price(9 * 10**9, 9 * 10**9))
FLEX = make_endpoint("cheap/flex", service_tier="flex", price=make_price(10**8, 10**8))
WISE = make_model("acme/wise-1", CHEAP, FAST, PRIORITY, FLEX)
GIFT = make_model("acme/gift:free", make_endpoint("cheap", price=make_price(0, 0)))
CATALOG = make_catalog(WISE, GIFT, make_model("acme/gift", CHEAP))
STATS = {
    CHEAP.id: make_stats(latency=0.2, throughput=10),
    FAST.id: make_stats(latency=0.5, throughput=80),
    PRIORITY.id: make_stats(latency=0.4, throughput=120),
    FLEX.id: make_stats(latency=4, throughput=5),
}


def ask(*models, policy=None, catalog=CATALOG, **more):
    call = make_call(*models, **more)
    return decide(policy or make_policy(), call, catalog, STATS, NO_BALANCES, NOTHING_FOUND, 1, NOW)


def tags(decision):
    return [attempt.endpoint.tag for attempt in decision.attempts]


class TestNitro:
    def test_sorts_by_throughput_and_lets_priority_endpoints_compete(self):
        assert tags(ask("acme/wise-1:nitro")) == ["fast/priority", "fast", "cheap"]

    def test_serves_the_model_under_its_own_slug(self):
        assert ask("acme/wise-1:nitro").model == "acme/wise-1"

    def test_yields_to_a_sort_of_the_request(self):
        decision = ask("acme/wise-1:nitro", preferences=ProviderPreferences(sort="latency"))

        assert tags(decision) == ["cheap", "fast/priority", "fast"]

    def test_takes_no_tier_where_the_request_has_an_order_or_names_the_default_tier(self):
        ordered = ask("acme/wise-1:nitro", preferences=ProviderPreferences(order=("cheap",)))
        plain = ask("acme/wise-1:nitro", body={"service_tier": "default"})

        assert tags(ordered) == ["cheap", "fast"]
        assert tags(plain) == ["fast", "cheap"]

    def test_is_stronger_than_what_the_workspace_prefers(self):
        defaults = RoutingDefaults(ProviderPreferences(order=("cheap",), sort="price"))

        assert tags(ask("acme/wise-1:nitro", policy=make_policy(routing=defaults)))[0] == "fast/priority"


class TestFloor:
    def test_sorts_by_price_and_lets_flex_endpoints_compete(self):
        assert tags(ask("acme/wise-1:floor")) == ["cheap/flex", "cheap", "fast"]


class TestExacto:
    def test_puts_the_better_tool_callers_first(self):
        stats = {
            CHEAP.id: make_stats(tool_requests=200, tool_errors=60),
            FAST.id: make_stats(tool_requests=200, tool_errors=0),
        }
        call = make_call("acme/wise-1:exacto")

        decision = decide(make_policy(), call, CATALOG, stats, NO_BALANCES, NOTHING_FOUND, 1, NOW)

        assert tags(decision) == ["fast", "cheap"]


class TestFree:
    def test_is_a_model_of_the_catalog(self):
        assert ask("acme/gift:free").model == "acme/gift:free"

    def test_that_is_no_more_names_the_paid_one(self):
        availability = ask("acme/wise-1:free").refusal.availability

        assert ask("acme/wise-1:free").refusal.status == 404
        assert availability.code == "free_variant_ended"
        assert availability.fallback_models[0] == "acme/wise-1"


@pytest.mark.parametrize("variant", ["extended", "turbo", "nitro:turbo", ""])
def test_any_other_variant_has_to_be_in_the_catalog(variant):
    refusal = ask(f"acme/wise-1:{variant}").refusal

    assert (refusal.status, refusal.availability.code) == (400, "model_not_found")


def test_a_slug_of_the_catalog_is_never_taken_apart():
    catalog = make_catalog(make_model("acme/wise-1:nitro", FAST), WISE)

    assert tags(ask("acme/wise-1:nitro", catalog=catalog)) == ["fast"]


def test_two_names_of_one_model_are_tried_once():
    assert tags(ask("acme/wise-1:floor", "acme/wise-1")) == ["cheap/flex", "cheap", "fast"]


class TestOnline:
    def test_brings_the_web_plugin(self):
        call = applied(make_call("acme/wise-1:online"), CATALOG)

        assert call.body["plugins"] == [{"id": "web"}]
        assert ask("acme/wise-1:online").model == "acme/wise-1"

    def test_leaves_a_plugin_that_is_there_as_it_is(self):
        body = {"plugins": [{"id": "web", "max_results": 2}]}

        assert applied(make_call("acme/wise-1:online", body=body), CATALOG).body == body

    def test_goes_with_other_variants(self):
        call = applied(make_call("acme/wise-1:online:nitro"), CATALOG)

        assert call.body["plugins"] == [{"id": "web"}]
        assert tags(ask("acme/wise-1:online:nitro"))[0] == "fast/priority"


class TestThinking:
    def test_turns_reasoning_on(self):
        call = applied(make_call("acme/wise-1:thinking"), CATALOG)

        assert call.body["reasoning"] == {"enabled": True, "effort": "medium"}
        assert "reasoning" in call.parameters

    def test_leaves_alone_what_the_caller_says(self):
        body = {"reasoning": {"effort": "high"}}

        assert applied(make_call("acme/wise-1:thinking", body=body), CATALOG).body == body


def test_a_plain_call_is_passed_on_untouched():
    for models in ((), ("acme/wise-1",), ("acme/gift:free",), ("acme/wise-1:nitro",)):
        call = make_call(*models)

        assert applied(call, CATALOG) is call


class TestTheNewestOfAFamily:
    @pytest.fixture
    def catalog(self):
        ages = {
            "acme/claude-opus-4.5": 30,
            "acme/claude-opus-4.8": 10,
            "acme/claude-sonnet-5": 1,
            "acme/claude-opus-4.8:free": 0,
        }
        return make_catalog(
            *[
                replace(make_model(slug, CHEAP), created_at=NOW - timedelta(days=days))
                for slug, days in ages.items()
            ]
        )

    def test_is_named_by_its_alias(self, catalog):
        assert ask("~acme/claude-opus-latest", catalog=catalog).model == "acme/claude-opus-4.8"

    def test_may_have_a_variant(self, catalog):
        assert ask("~acme/claude-opus-latest:nitro", catalog=catalog).model == "acme/claude-opus-4.8"

    def test_is_told_by_the_version_among_those_of_one_age(self):
        slugs = ("google/gemini-pro-1.5", "google/gemini-2.5-pro", "google/gemini-3.1-pro-preview")

        catalog = make_catalog(*[make_model(slug, CHEAP) for slug in slugs])

        assert ask("~google/gemini-pro-latest", catalog=catalog).model == "google/gemini-3.1-pro-preview"

    def test_is_none_where_there_is_no_such_family(self, catalog):
        assert ask("~acme/claude-haiku-latest", catalog=catalog).refusal.status == 400

    @pytest.mark.parametrize(
        ("slug", "family"),
        [
            ("anthropic/claude-opus-4.8", "claude-opus"),
            ("anthropic/claude-3.5-sonnet", "claude-sonnet"),
            ("openai/gpt-5", "gpt"),
            ("openai/gpt-5-mini", "gpt-mini"),
            ("google/gemini-3-flash-preview", "gemini-flash"),
        ],
    )
    def test_is_told_by_the_name_without_versions(self, slug, family):
        assert family_of(slug) == family


def test_headgates_routers_are_openrouters():
    catalog = make_catalog(make_model("openrouter/mix", CHEAP))

    assert ask("headgate/mix", catalog=catalog).model == "openrouter/mix"
    assert ask("openrouter/mix", catalog=catalog).model == "openrouter/mix"
