"""The decision, rule by rule: what is refused and why, which endpoints remain, in which order, with which holds."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from routing.call import ProviderPreferences
from routing.decide import decide
from routing.decision import (
    NO_BALANCES,
    NOBODY,
    NOTHING_FOUND,
    Balances,
    Decision,
    EndpointStats,
    RateUse,
)
from routing.guardrails.findings import INJECTION_MESSAGE, Block, Finding, Scan
from routing.guardrails.rules import Layer
from routing.policy import FreeRates, Principal, PurseLimit, RateLimits, RoutingDefaults
from tests.routing.make import (
    CREDITS,
    KEY_LIMIT,
    NOW,
    make_call,
    make_catalog,
    make_endpoint,
    make_model,
    make_policy,
    make_price,
    make_stats,
)

CHEAP = make_endpoint("cheap", price=make_price(10**9, 10**9), trains_on_prompts=True, quantization="fp8")
MIDDLE = make_endpoint(
    "middle/eu", price=make_price(2 * 10**9, 2 * 10**9), is_zdr=True, supported_parameters=frozenset()
)
DEAR = make_endpoint(
    "dear", price=make_price(3 * 10**9, 3 * 10**9), context_length=150, max_completion_tokens=40
)
ECHO = make_model("simulator/echo", CHEAP, MIDDLE, DEAR)
OTHER = make_model("simulator/other", make_endpoint("cheap"))
CATALOG = make_catalog(ECHO, OTHER)
POLICY = make_policy(CREDITS)


def run(
    policy=POLICY, call=None, catalog=CATALOG, stats=None, balances=NO_BALANCES, scan=NOTHING_FOUND, seed=1
):
    call = call or make_call("simulator/echo", max_tokens=40)
    return decide(policy, call, catalog, stats or {}, balances, scan, seed, NOW)


def wish(*models: str, **preferences):
    preferences_given = ProviderPreferences(**preferences)
    return run(call=make_call(*(models or ("simulator/echo",)), max_tokens=40, preferences=preferences_given))


def tags(decision: Decision) -> list[str]:
    return [attempt.endpoint.tag for attempt in decision.attempts]


def dropped(decision: Decision) -> dict[str, str]:
    return {drop.tag: drop.reason for drop in decision.dropped}


class TestTheKey:
    @pytest.mark.parametrize(
        "reason", ["disabled", "deleted", "owner_left", "workspace_deleted", "organization_deleted"]
    )
    def test_that_opens_nothing_is_refused_with_401(self, reason):
        refusal = run(make_policy(refusal=reason)).refusal

        assert (refusal.status, refusal.error_type, refusal.rule) == (401, "authentication", reason)

    def test_that_is_unknown_or_missing_is_refused_with_the_same_words(self):
        answers = {run(policy).refusal.message for policy in (None, NOBODY, make_policy(refusal="deleted"))}

        assert len(answers) == 1
        assert {run(policy).refusal.status for policy in (None, NOBODY)} == {401}

    @pytest.mark.parametrize(("seconds", "status"), [(-1, 401), (0, 401), (1, None)])
    def test_expires_to_the_second(self, seconds, status):
        refusal = run(make_policy(expires_at=NOW + timedelta(seconds=seconds))).refusal

        assert (refusal and refusal.status) == status

    def test_for_management_may_not_infer(self):
        policy = make_policy(principal=Principal("management_key", organization_id=1))

        assert run(policy).refusal.status == 403


class TestAPromptWhoseLengthIsAGuess:
    def test_is_not_refused_for_its_guessed_part(self):
        long = {"prompt_tokens": 10**7}

        assert run(call=make_call("simulator/echo", **long)).refusal.rule == "constraint_filtered"
        assert run(call=make_call("simulator/echo", **long, media_tokens=10**7 - 100)).refusal is None


class TestTheModel:
    def test_that_nobody_knows_is_refused_as_documented(self):
        refusal = run(call=make_call("acme/fake-1.0")).refusal

        assert (refusal.status, refusal.error_type, refusal.availability.code) == (
            400,
            "invalid_request",
            "model_not_found",
        )
        assert refusal.availability.requested_models == ("acme/fake-1.0",)

    def test_is_the_workspaces_default_where_none_is_named(self):
        assert run(make_policy(default_text_model="simulator/echo"), make_call()).model == "simulator/echo"

    def test_must_be_named_where_the_workspace_has_no_default(self):
        refusal = run(call=make_call()).refusal

        assert (refusal.status, refusal.metadata["parameter"]) == (400, "model")

    def test_falls_back_to_the_next_of_the_list_after_all_its_endpoints(self):
        decision = wish("simulator/other", "acme/fake", "simulator/echo", sort="price")

        assert [attempt.endpoint.model for attempt in decision.attempts] == ["simulator/other"] + [
            "simulator/echo"
        ] * 3
        assert decision.model == "simulator/other"
        assert ("acme/fake", "", "model_not_found") in decision.dropped

    def test_that_exists_but_is_served_nowhere_is_no_typing_error(self):
        catalog = replace(CATALOG, unroutable=frozenset({"openai/gpt-9"}))

        refusal = run(call=make_call("openai/gpt-9"), catalog=catalog).refusal

        assert (refusal.status, refusal.availability.code) == (404, "no_endpoints")

    def test_that_has_expired_says_so(self):
        catalog = make_catalog(replace(ECHO, expires_at=NOW))

        assert run(catalog=catalog).refusal.availability.code == "model_deprecated"

    def test_that_speaks_on_another_route_names_it(self):
        catalog = make_catalog(make_model("simulator/embed", CHEAP, output_modalities=("embeddings",)))

        availability = run(call=make_call("simulator/embed"), catalog=catalog).refusal.availability

        assert availability.code == "wrong_endpoint"
        assert "/api/v1/embeddings" in availability.constraint[1]


class TestFilters:
    @pytest.mark.parametrize(
        ("preferences", "left"),
        [
            ({"only": ("cheap",)}, {"cheap"}),
            ({"only": ("Cheap", "dear")}, {"cheap", "dear"}),
            ({"only": ("middle",)}, {"middle/eu"}),
            ({"only": ("middle/eu",)}, {"middle/eu"}),
            ({"ignore": ("cheap", "middle")}, {"dear"}),
            ({"data_collection": "deny"}, {"middle/eu", "dear"}),
            ({"data_collection": "allow"}, {"cheap", "middle/eu", "dear"}),
            ({"zdr": True}, {"middle/eu"}),
            ({"quantizations": ("fp8",)}, {"cheap"}),
            ({"quantizations": ("unknown",)}, {"middle/eu", "dear"}),
            ({"max_price": {"prompt": 2.0}}, {"cheap", "middle/eu"}),
            ({"max_price": {"prompt": 9.0, "completion": 1.0}}, {"cheap"}),
            ({"order": ("dear",), "allow_fallbacks": False}, {"dear"}),
        ],
    )
    def test_leave_only_what_the_caller_accepts(self, preferences, left):
        assert (
            set(
                tags(
                    run(
                        call=make_call(
                            "simulator/echo", max_tokens=40, preferences=ProviderPreferences(**preferences)
                        )
                    )
                )
            )
            == left
        )

    def test_require_every_parameter_only_when_asked_to(self):
        call = make_call("simulator/echo", max_tokens=40, parameters=frozenset({"tools", "temperature"}))
        strict = msgspec.structs.replace(call, preferences=ProviderPreferences(require_parameters=True))

        assert len(run(call=call).attempts) == 2
        assert dropped(run(call=call)) == {"middle/eu": "unsupported_parameter"}
        assert dropped(run(call=strict)) == {"middle/eu": "require_parameters"}

    def test_drop_an_endpoint_whose_context_is_surely_too_short(self):
        assert dropped(run(call=make_call("simulator/echo", prompt_tokens=302, max_tokens=40))) == {
            "dear": "context_length"
        }

    def test_prefer_endpoints_that_can_answer_at_the_requested_length(self):
        assert dropped(run(call=make_call("simulator/echo", max_tokens=41))) == {"dear": "max_tokens"}
        assert len(run(call=make_call("simulator/echo", max_tokens=99_999)).attempts) == 3

    def test_take_a_tier_only_when_it_is_named_or_asked_for(self):
        tier = make_endpoint("cheap/flex", service_tier="flex", provider=CHEAP.provider)
        catalog = make_catalog(make_model("simulator/echo", CHEAP, tier))

        def left(call):
            return set(tags(run(call=call, catalog=catalog)))

        assert left(make_call("simulator/echo", preferences=ProviderPreferences(only=("cheap",)))) == {
            "cheap"
        }
        assert left(make_call("simulator/echo", preferences=ProviderPreferences(only=("cheap/flex",)))) == {
            "cheap/flex"
        }
        assert left(make_call("simulator/echo", body={"service_tier": "flex"})) == {"cheap/flex"}

    def test_drop_what_is_deprecated(self):
        catalog = make_catalog(make_model("simulator/echo", CHEAP, replace(DEAR, deprecated_at=NOW)))

        assert dropped(run(catalog=catalog)) == {"dear": "deprecated"}


class TestWhenNothingRemains:
    @pytest.mark.parametrize(
        ("preferences", "code", "excluded_by", "field"),
        [
            ({"only": ("nobody",)}, "no_endpoints", ("allowed_providers",), None),
            (
                {"only": ("cheap",), "zdr": True},
                "privacy_restricted",
                ("data_policy:zdr", "allowed_providers"),
                None,
            ),
            ({"max_price": {"prompt": 0.5}}, "constraint_filtered", ("max_price",), "max_price"),
            ({"quantizations": ("int4",)}, "constraint_filtered", ("quantization",), "quantization"),
        ],
    )
    def test_says_what_removed_the_last_endpoints(self, preferences, code, excluded_by, field):
        refusal = wish(**preferences).refusal

        availability = refusal.availability
        assert (refusal.status, refusal.error_type, availability.code) == (404, "not_found", code)
        assert availability.excluded_by == excluded_by
        assert (availability.constraint and availability.constraint[0]) == field
        assert set(availability.affected_providers) == {"cheap", "middle", "dear"}


class TestTheOrder:
    def test_follows_the_named_order_exactly(self):
        call = make_call(
            "simulator/echo",
            max_tokens=40,
            preferences=ProviderPreferences(order=("dear", "nobody", "middle")),
        )

        assert tags(run(call=call)) == ["dear", "middle/eu", "cheap"]

    @pytest.mark.parametrize(
        ("sort", "order"),
        [
            ("price", ["cheap", "middle/eu", "dear"]),
            ("latency", ["dear", "middle/eu", "cheap"]),
            ("throughput", ["middle/eu", "cheap", "dear"]),
        ],
    )
    @pytest.mark.parametrize("is_workspaces", [False, True])
    def test_is_sorted_as_the_request_or_its_workspace_says(self, sort, order, is_workspaces):
        stats = {
            CHEAP.id: make_stats(throughput=5),
            MIDDLE.id: make_stats(latency=0.5, throughput=50),
            DEAR.id: make_stats(latency=0.1),
        }
        call = make_call(
            "simulator/echo",
            max_tokens=40,
            preferences=ProviderPreferences(sort=None if is_workspaces else sort),
        )
        policy = make_policy(
            routing=RoutingDefaults(ProviderPreferences(sort=sort if is_workspaces else None))
        )

        assert tags(run(policy, call, stats=stats)) == order

    def test_draws_the_first_by_the_inverse_square_of_the_price(self):
        firsts = Counter(tags(run(seed=seed))[0] for seed in range(2000))

        assert firsts["cheap"] / firsts["dear"] == pytest.approx(9, rel=0.3)
        assert firsts["cheap"] / firsts["middle/eu"] == pytest.approx(4, rel=0.3)

    def test_is_always_the_same_for_a_seed_and_keeps_the_rest_by_price(self):
        orders = {tuple(tags(run(seed=7))) for _ in range(5)}

        assert len(orders) == 1
        rest = orders.pop()[1:]
        assert list(rest) == [tag for tag in ("cheap", "middle/eu", "dear") if tag in rest]

    def test_leaves_who_failed_lately_for_last(self):
        stats = {
            CHEAP.id: EndpointStats(last_failure_at=NOW.timestamp() - 29),
            MIDDLE.id: EndpointStats(last_failure_at=NOW.timestamp() - 31),
        }

        assert {tags(run(stats=stats, seed=seed))[-1] for seed in range(30)} == {"cheap"}

    def test_tries_what_is_free_before_what_costs(self):
        free = make_endpoint("free", price=make_price(0, 0))
        catalog = make_catalog(make_model("simulator/echo", CHEAP, free))

        assert {tags(run(catalog=catalog, seed=seed))[0] for seed in range(30)} == {"free"}

    def test_ends_after_the_first_without_fallbacks(self):
        decision = run(
            call=make_call(
                "simulator/echo", max_tokens=40, preferences=ProviderPreferences(allow_fallbacks=False)
            )
        )

        assert len(decision.attempts) == 1
        assert set(dropped(decision).values()) == {"allow_fallbacks"}


class TestTheHolds:
    def test_are_the_dearest_attempt_in_every_purse(self):
        decision = run(make_policy(CREDITS, KEY_LIMIT))

        dearest = max(attempt.hold_nano for attempt in decision.attempts)
        assert [(need.purse.layer, need.nano) for need in decision.holds] == [
            ("credits", dearest),
            ("key", dearest),
        ]
        assert dearest == (100 + 40) * 3000

    def test_need_no_credits_for_a_free_model_but_count_in_every_other_purse(self):
        catalog = make_catalog(make_model("simulator/echo", make_endpoint(price=make_price(0, 0))))

        assert [
            (need.purse.layer, need.nano)
            for need in run(make_policy(CREDITS, KEY_LIMIT), catalog=catalog).holds
        ] == [("key", 0)]


class TestMoney:
    def test_that_is_known_to_be_gone_refuses_early(self):
        refusal = run(balances=Balances(exhausted=frozenset({CREDITS.purse_id}))).refusal

        assert (refusal.status, refusal.error_type, refusal.layer) == (402, "payment_required", "credits")

    def test_of_a_key_is_402_and_of_a_workspace_403_naming_the_broadest_interval(self):
        purses = [
            PurseLimit(3, "d", False, "workspace", 5 * 10**9),
            PurseLimit(4, "m", False, "workspace", 500 * 10**9),
            KEY_LIMIT,
            CREDITS,
        ]

        def refuse(*numbers):
            return run(make_policy(*purses), balances=Balances(exhausted=frozenset(numbers))).refusal

        assert refuse(2).status == 402
        assert (
            refuse(1, 2, 3, 4).message
            == "Workspace monthly budget of $500.00 exceeded. Contact your org admin."
        )
        assert (refuse(3).status, refuse(3).error_type) == (403, "permission_denied")

    def test_limit_of_nothing_blocks_even_what_is_free(self):
        catalog = make_catalog(make_model("simulator/echo", make_endpoint(price=make_price(0, 0))))

        assert (
            run(make_policy(CREDITS, replace(KEY_LIMIT, limit_nano=0)), catalog=catalog).refusal.status == 402
        )


class TestRates:
    @pytest.mark.parametrize(
        ("limits", "use", "is_refused"),
        [
            (RateLimits(requests_per_minute=5), RateUse(requests=4), False),
            (RateLimits(requests_per_minute=5), RateUse(requests=5, seconds_to_reset=12.2), True),
            (RateLimits(tokens_per_minute=1000), RateUse(tokens=900), False),
            (RateLimits(tokens_per_minute=1000), RateUse(tokens=901), True),
            (RateLimits(tokens_per_minute=50), RateUse(), False),
            (RateLimits(concurrent_requests=2), RateUse(concurrent=1), False),
            (RateLimits(concurrent_requests=2), RateUse(concurrent=2), True),
            (RateLimits(requests_per_minute=0), RateUse(), True),
        ],
    )
    @pytest.mark.parametrize("layer", ["key", "member", "workspace", "organization"])
    def test_refuse_with_429_at_every_layer(self, layer, limits, use, is_refused):
        refusal = run(make_policy(**{f"{layer}_rates": limits}), balances=Balances(**{layer: use})).refusal

        assert (refusal is not None) == is_refused
        if refusal:
            assert (refusal.status, refusal.error_type, refusal.layer) == (429, "rate_limit_exceeded", layer)

    def test_say_when_the_minute_is_over(self):
        policy = make_policy(key_rates=RateLimits(requests_per_minute=5))

        refusal = run(policy, balances=Balances(key=RateUse(requests=5, seconds_to_reset=12.2))).refusal

        assert refusal.retry_after == 13
        assert dict(refusal.headers) == {
            "X-RateLimit-Limit": "5",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": "13",
        }


class TestFreeModels:
    RATES = FreeRates(requests_per_minute=20, requests_per_day=50)

    @pytest.mark.parametrize(
        ("use", "is_refused"),
        [
            (Balances(free=RateUse(requests=19), free_day=RateUse(requests=49)), False),
            (Balances(free=RateUse(requests=20)), True),
            (Balances(free_day=RateUse(requests=50)), True),
        ],
    )
    def test_have_limits_of_their_own(self, use, is_refused):
        catalog = make_catalog(
            make_model("a/b:free", make_endpoint(price=make_price(0, 0))), make_model("a/b", make_endpoint())
        )
        policy = make_policy(free_rates=self.RATES)

        refusal = run(policy, make_call("a/b:free"), catalog=catalog, balances=use).refusal
        fallback = run(policy, make_call("a/b:free", "a/b"), catalog=catalog, balances=use)

        assert (refusal is not None and refusal.status == 429) == is_refused
        assert run(policy, make_call("a/b"), catalog=catalog, balances=use).refusal is None
        assert (fallback.refusal, fallback.model) == (None, "a/b" if is_refused else "a/b:free")

    @pytest.mark.parametrize("slug", ["a/b:free:nitro", "a/b:free:floor:online", "a/b:free:thinking"])
    def test_are_free_with_other_variants_behind_too(self, slug):
        catalog = make_catalog(make_model("a/b:free", make_endpoint(price=make_price(0, 0))))
        policy, spent = make_policy(free_rates=self.RATES), Balances(free=RateUse(requests=20))

        assert run(policy, make_call(slug), catalog=catalog).model == "a/b:free"
        assert run(policy, make_call(slug), catalog=catalog, balances=spent).refusal.status == 429


class TestFindings:
    def test_block_before_any_provider_is_chosen(self):
        block = Block(INJECTION_MESSAGE, {"patterns": ["x"]}, Layer("workspace"))

        refusal = run(scan=Scan({}, block=block)).refusal

        assert (refusal.status, refusal.message, refusal.metadata) == (
            403,
            INJECTION_MESSAGE,
            {"patterns": ["x"]},
        )
        assert (refusal.rule, refusal.layer) == ("guardrail", "workspace")

    def test_that_only_flag_change_nothing(self):
        found = Finding("email", "Email address", "flag", Layer("workspace"), ("prompt",), 1)

        assert run(scan=Scan({}, (found,))).refusal is None


class TestTheTrace:
    def test_names_every_step(self):
        assert [step.rule for step in run().trace] == ["key", "endpoints"]
        assert run(call=make_call("acme/fake")).trace[-1].rule == "availability"
