"""In which order endpoints are tried: sorts over models, quality, speed thresholds, tiers, conversations, defaults."""

from __future__ import annotations

from collections import Counter

import pytest

from routing.call import ProviderPreferences
from routing.decide import decide
from routing.decision import NO_BALANCES, NOTHING_FOUND
from routing.policy import RoutingDefaults
from routing.selection.preferences import merge
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

ALL = frozenset({"tools", "tool_choice", "response_format", "structured_outputs", "verbosity", "max_tokens"})


def endpoint(tag, price, **more):
    more = {"supported_parameters": ALL, "price": make_price(price * 10**9, price * 10**9), **more}
    return make_endpoint(tag, **more)


ONE, TWO, THREE = endpoint("one", 1), endpoint("two", 2), endpoint("three", 3)
OTHER = endpoint("other", 1)
WISE, QUICK = make_model("acme/wise", ONE, TWO, THREE), make_model("acme/quick", OTHER)
CATALOG = make_catalog(WISE, QUICK)
TOOLS = {"parameters": frozenset({"tools"})}


def ask(*models, stats=None, catalog=CATALOG, seed=1, sticky=(), defaults=None, wishes=None, **more):
    policy = make_policy(**({"routing": defaults} if defaults else {}))
    call = make_call(*(models or ("acme/wise",)), preferences=wishes or ProviderPreferences(), **more)
    return decide(policy, call, catalog, stats or {}, NO_BALANCES, NOTHING_FOUND, seed, NOW, sticky)


def tags(decision):
    return [attempt.endpoint.tag for attempt in decision.attempts]


class TestASortOverAllModels:
    STATS = {ONE.id: make_stats(throughput=20), OTHER.id: make_stats(throughput=90)}

    def test_tries_the_best_endpoint_of_any_model_first(self):
        wishes = ProviderPreferences(sort="throughput", partition="none")

        decision = ask("acme/wise", "acme/quick", stats=self.STATS, wishes=wishes)

        assert tags(decision)[:2] == ["other", "one"]
        assert decision.model == "acme/quick"

    @pytest.mark.parametrize("partition", [None, "model"])
    def test_is_within_each_model_unless_it_is_asked_for(self, partition):
        wishes = ProviderPreferences(sort="throughput", partition=partition)

        assert tags(ask("acme/wise", "acme/quick", stats=self.STATS, wishes=wishes))[-1] == "other"

    def test_leaves_one_endpoint_of_all_without_fallbacks(self):
        wishes = ProviderPreferences(sort="throughput", partition="none", allow_fallbacks=False)

        assert tags(ask("acme/wise", "acme/quick", stats=self.STATS, wishes=wishes)) == ["other"]


class TestPreferredSpeeds:
    STATS = {
        ONE.id: make_stats(latency=9, throughput=10),
        TWO.id: make_stats(latency=1, throughput=60),
        OTHER.id: make_stats(latency=1, throughput=60),
    }

    @pytest.mark.parametrize(
        "wish",
        [
            {"preferred_min_throughput": (("p90", 50.0),)},
            {"preferred_max_latency": (("p50", 2.0),)},
            {"preferred_min_throughput": (("p50", 5.0),), "preferred_max_latency": (("p99", 3.0),)},
        ],
    )
    def test_move_who_misses_them_behind_all_others_and_leave_nobody_out(self, wish):
        wishes = ProviderPreferences(sort="price", **wish)

        assert tags(ask(stats=self.STATS, wishes=wishes)) == ["two", "three", "one"]

    def test_may_let_another_model_go_first(self):
        wishes = ProviderPreferences(only=("one", "other"), preferred_max_latency=(("p50", 2.0),))

        assert tags(ask("acme/wise", "acme/quick", stats=self.STATS, wishes=wishes)) == ["other", "one"]

    def test_decide_who_is_left_without_fallbacks(self):
        wishes = ProviderPreferences(
            sort="price", allow_fallbacks=False, preferred_max_latency=(("p50", 2.0),)
        )

        assert tags(ask(stats=self.STATS, wishes=wishes)) == ["two"]


class TestParametersThatSomeEndpointsKnow:
    @pytest.mark.parametrize("name", ["tools", "response_format", "verbosity"])
    def test_leave_only_those_endpoints(self, name):
        poor = endpoint("poor", 1, supported_parameters=frozenset({"temperature"}))
        catalog = make_catalog(make_model("acme/wise", poor, TWO))
        body = {name: {"type": "json_object"}}

        decision = ask(catalog=catalog, parameters=frozenset({name, "temperature"}), body=body)

        assert tags(decision) == ["two"]
        assert decision.dropped[0].reason == "unsupported_parameter"

    def test_never_leave_nobody(self):
        poor = endpoint("poor", 1, supported_parameters=frozenset())
        catalog = make_catalog(make_model("acme/wise", poor))

        assert tags(ask(catalog=catalog, **TOOLS)) == ["poor"]

    def test_count_schemas_apart(self):
        loose = endpoint("loose", 1, supported_parameters=frozenset({"response_format"}))
        catalog = make_catalog(make_model("acme/wise", loose, TWO))
        form = {"parameters": frozenset({"response_format"})}

        schema = ask(catalog=catalog, body={"response_format": {"type": "json_schema"}}, **form)
        plain = ask(catalog=catalog, body={"response_format": {"type": "json_object"}}, **form)

        assert (tags(schema), set(tags(plain))) == (["two"], {"loose", "two"})


class TestServiceTiers:
    FLEX = endpoint("one/flex", 5, service_tier="flex")
    PRIORITY = endpoint("one/priority", 9, service_tier="priority")
    CATALOG = make_catalog(make_model("acme/wise", ONE, TWO, FLEX, PRIORITY))

    def test_of_flex_never_fall_back_to_what_costs_more(self):
        assert tags(ask(catalog=self.CATALOG, body={"service_tier": "flex"})) == ["one/flex"]

    @pytest.mark.parametrize("name", ["priority", "fast"])
    def test_of_priority_go_first_and_fall_back(self, name):
        assert tags(ask(catalog=self.CATALOG, body={"service_tier": name}))[0] == "one/priority"
        assert len(ask(catalog=self.CATALOG, body={"service_tier": name}).attempts) == 3

    def test_that_nobody_offers_change_nothing(self):
        assert len(ask(body={"service_tier": "flex"}).attempts) == 3


class TestQualityFirst:
    STATS = {
        ONE.id: make_stats(throughput=50, tool_requests=500, tool_errors=150),
        TWO.id: make_stats(throughput=50, tool_requests=500, tool_errors=1),
        THREE.id: make_stats(throughput=50),
    }

    def test_is_how_requests_with_tools_are_routed(self):
        assert {tuple(tags(ask(stats=self.STATS, seed=seed, **TOOLS))) for seed in range(20)} == {
            ("two", "three", "one")
        }

    def test_is_asked_for_by_name(self):
        assert tags(ask(stats=self.STATS, wishes=ProviderPreferences(sort="exacto")))[0] == "two"

    @pytest.mark.parametrize(
        "more",
        [
            {"wishes": ProviderPreferences(sort="price")},
            {"defaults": RoutingDefaults(ProviderPreferences(sort="price"))},
        ],
    )
    def test_yields_to_a_sort_of_the_request_or_its_workspace(self, more):
        assert tags(ask(stats=self.STATS, **TOOLS, **more)) == ["one", "two", "three"]

    def test_can_be_switched_off_for_a_workspace(self):
        off = RoutingDefaults(is_auto_exacto_enabled=False)

        firsts = Counter(
            tags(ask(stats=self.STATS, seed=seed, defaults=off, **TOOLS))[0] for seed in range(50)
        )

        assert firsts.most_common(1)[0][0] == "one"

    def test_goes_by_benchmarks_too(self):
        good, bad = endpoint("good", 3, benchmark_score=0.8), endpoint("bad", 1, benchmark_score=0.5)
        catalog = make_catalog(make_model("acme/wise", good, bad, ONE))

        assert tags(ask(catalog=catalog, **TOOLS))[0] == "good"
        assert tags(ask(catalog=catalog, **TOOLS))[-1] == "bad"

    def test_goes_by_speed_where_all_call_tools_alike(self):
        stats = {ONE.id: make_stats(throughput=10), TWO.id: make_stats(throughput=100)}

        assert tags(ask(stats=stats, **TOOLS)) == ["two", "one", "three"]

    def test_leaves_who_failed_lately_for_last(self):
        stats = self.STATS | {TWO.id: make_stats(last_failure_at=NOW.timestamp() - 5)}

        assert tags(ask(stats=stats, **TOOLS))[-1] == "two"

    def test_is_the_draw_by_price_where_nothing_is_known(self):
        assert {tags(ask(seed=seed, **TOOLS))[0] for seed in range(50)} == {"one", "two", "three"}


class TestAConversation:
    def test_goes_to_who_has_it_in_his_cache(self):
        assert {tags(ask(seed=seed, sticky=(THREE.id,)))[0] for seed in range(20)} == {"three"}

    def test_follows_an_order_of_the_request_instead(self):
        wishes = ProviderPreferences(order=("two",))

        assert tags(ask(sticky=(THREE.id,), wishes=wishes))[0] == "two"

    def test_is_not_kept_by_who_failed_lately(self):
        stats = {THREE.id: make_stats(last_failure_at=NOW.timestamp() - 5)}

        assert tags(ask(sticky=(THREE.id,), stats=stats))[-1] == "three"

    def test_never_brings_back_who_may_not_serve(self):
        wishes = ProviderPreferences(ignore=("three",))

        assert "three" not in tags(ask(sticky=(THREE.id,), wishes=wishes))


class TestDistillableModels:
    def test_are_the_only_ones_where_that_is_asked_for(self):
        catalog = make_catalog(WISE, make_model("acme/open", OTHER, is_distillable=True))
        wishes = ProviderPreferences(enforce_distillable_text=True)

        assert ask("acme/open", catalog=catalog, wishes=wishes).refusal is None
        availability = ask(catalog=catalog, wishes=wishes).refusal.availability
        assert (availability.code, availability.excluded_by) == ("constraint_filtered", ())
        assert availability.constraint[0] == "enforce_distillable_text"
        assert availability.fallback_models == ("acme/open",)


class TestWhatAWorkspacePrefers:
    DEFAULTS = ProviderPreferences(
        order=("two",), only=("one", "two"), allow_fallbacks=False, zdr=True, data_collection="deny"
    )

    def test_holds_where_the_request_says_nothing(self):
        assert merge(ProviderPreferences(), self.DEFAULTS) == self.DEFAULTS

    @pytest.mark.parametrize(
        ("own", "name", "value"),
        [
            ({"only": ("three",)}, "only", ("three",)),
            ({"allow_fallbacks": True}, "allow_fallbacks", True),
            ({"data_collection": "allow"}, "data_collection", "allow"),
            ({"ignore": ("one",)}, "only", ("one", "two")),
            ({"sort": "price"}, "order", ()),
            ({"zdr": False}, "zdr", True),
        ],
    )
    def test_yields_name_by_name_to_what_the_request_says(self, own, name, value):
        assert getattr(merge(ProviderPreferences(**own), self.DEFAULTS), name) == value

    def test_is_followed(self):
        defaults = RoutingDefaults(ProviderPreferences(order=("three",), ignore=("one",)))

        assert tags(ask(defaults=defaults)) == ["three", "two"]


class TestModelsToAskInstead:
    def test_are_of_the_same_author_near_in_price_and_could_serve_the_request(self):
        near, far = endpoint("near", 2), endpoint("far", 900)
        catalog = make_catalog(
            make_model("acme/wise", endpoint("one", 1, quantization="fp4")),
            make_model("acme/far", far),
            make_model("acme/near", near),
            make_model("acme/poor", endpoint("poor", 1, quantization="fp4")),
            make_model("globex/else", near),
        )
        wishes = ProviderPreferences(quantizations=("unknown",))

        availability = ask(catalog=catalog, wishes=wishes).refusal.availability

        assert availability.excluded_by == ("quantization",)
        assert availability.fallback_models == ("acme/near", "acme/far")

    def test_of_a_model_that_does_not_exist_have_the_likest_names(self):
        catalog = make_catalog(WISE, QUICK, make_model("acme/wiser", ONE))

        assert ask("acme/wise-2", catalog=catalog).refusal.availability.fallback_models[0] == "acme/wise"

    def test_are_left_out_where_there_are_none(self):
        assert "fallback_models" not in ask("initech/x").refusal.availability.as_json()
