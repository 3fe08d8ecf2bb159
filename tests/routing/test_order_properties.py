"""What holds for any catalog, request and statistics: filters are kept, sorts respected, seeds repeatable."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from routing.call import ProviderPreferences
from routing.decide import decide
from routing.decision import NO_BALANCES, NOTHING_FOUND
from routing.policy import RoutingDefaults
from routing.pricing import typical_femto
from routing.selection.filters import is_named, why_dropped
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

TAGS = ["a", "a/eu", "b", "b/flex", "c", "c/turbo"]
NAMES = st.lists(st.sampled_from(["a", "a/eu", "b", "b/flex", "c", "nobody"]), max_size=2).map(tuple)
SUPPORTED = st.frozensets(st.sampled_from(["tools", "response_format", "verbosity", "seed"]))


@st.composite
def endpoints(draw):
    chosen = draw(st.lists(st.sampled_from(TAGS), min_size=1, unique=True))
    return [
        make_endpoint(
            tag,
            price=make_price(draw(st.integers(0, 5)) * 10**9, draw(st.integers(0, 5)) * 10**9),
            service_tier="flex" if tag.endswith("flex") else None,
            supported_parameters=draw(SUPPORTED),
            is_zdr=draw(st.booleans()),
            trains_on_prompts=draw(st.booleans()),
            quantization=draw(st.sampled_from([None, "fp8"])),
            max_completion_tokens=draw(st.sampled_from([None, 40])),
            benchmark_score=draw(st.sampled_from([None, 0.4, 0.9])),
        )
        for tag in chosen
    ]


PREFERENCES = st.builds(
    ProviderPreferences,
    order=NAMES,
    only=NAMES,
    ignore=NAMES,
    allow_fallbacks=st.sampled_from([None, True, False]),
    sort=st.sampled_from([None, "price", "throughput", "latency", "exacto"]),
    partition=st.sampled_from([None, "model", "none"]),
    require_parameters=st.booleans(),
    data_collection=st.sampled_from([None, "allow", "deny"]),
    zdr=st.sampled_from([None, True, False]),
    quantizations=st.sampled_from([(), ("fp8",)]),
    max_price=st.sampled_from([None, {"prompt": 3.0}]),
    preferred_min_throughput=st.sampled_from([(), (("p50", 20.0),)]),
)
PARAMETERS = st.frozensets(st.sampled_from(["tools", "response_format", "seed"]))


@st.composite
def situations(draw):
    models = [make_model(slug, *draw(endpoints())) for slug in ("acme/wise", "acme/quick")]
    everybody = [entry for model in models for entry in model.endpoints]
    stats = {
        entry.id: make_stats(
            latency=draw(st.sampled_from([None, 0.1, 3.0])),
            throughput=draw(st.sampled_from([None, 5.0, 50.0])),
            last_failure_at=draw(st.sampled_from([None, NOW.timestamp() - 5])),
            tool_requests=draw(st.sampled_from([0, 100])),
        )
        for entry in everybody
        if draw(st.booleans())
    }
    call = make_call(
        *draw(st.sampled_from([("acme/wise",), ("acme/wise", "acme/quick"), ("acme/quick:nitro",)])),
        preferences=draw(PREFERENCES),
        parameters=draw(PARAMETERS),
        body={"response_format": {"type": "json_object"}},
        max_tokens=draw(st.sampled_from([None, 40, 50])),
    )
    policy = make_policy(routing=RoutingDefaults(draw(PREFERENCES)))
    sticky = draw(st.sampled_from([(), (everybody[0].id,)]))
    return policy, call, make_catalog(*models), stats, sticky, draw(st.integers(0, 2**31))


def run(situation):
    policy, call, catalog, stats, sticky, seed = situation
    return decide(policy, call, catalog, stats, NO_BALANCES, NOTHING_FOUND, seed, NOW, sticky)


class TestWhateverIsAsked:
    @given(situations())
    def test_nobody_who_was_filtered_is_ever_tried(self, situation):
        policy, call, *_ = situation
        wishes = merge(call.preferences, policy.routing.preferences)

        for attempt in run(situation).attempts:
            entry = attempt.endpoint
            strict = ProviderPreferences(
                only=wishes.only,
                ignore=wishes.ignore,
                require_parameters=wishes.require_parameters,
                data_collection=wishes.data_collection,
                zdr=wishes.zdr,
                quantizations=wishes.quantizations,
                max_price=wishes.max_price,
            )
            assert why_dropped(entry, call, strict, NOW, entry.service_tier) is None

    @given(situations())
    def test_nobody_is_both_tried_and_dropped_nor_tried_twice(self, situation):
        decision = run(situation)

        tried = [(attempt.endpoint.model, attempt.endpoint.tag) for attempt in decision.attempts]
        assert len(set(tried)) == len(tried)
        left_out = {(drop.model.partition(":")[0], drop.tag) for drop in decision.dropped}
        assert left_out.isdisjoint(tried)

    @given(situations())
    def test_it_is_refused_only_if_nobody_is_left(self, situation):
        decision = run(situation)

        assert (decision.refusal is None) is bool(decision.attempts)
        assert decision.refusal is None or decision.refusal.availability is not None

    @given(situations())
    def test_the_same_seed_gives_the_same_decision(self, situation):
        assert run(situation) == run(situation)

    @given(situations())
    def test_without_fallbacks_one_endpoint_of_each_model_is_tried_or_those_named(self, situation):
        policy, call, *_ = situation
        wishes = merge(call.preferences, policy.routing.preferences)
        decision = run(situation)

        if wishes.allow_fallbacks is False and wishes.order and ":" not in call.models[0]:
            assert all(is_named(wishes.order, attempt.endpoint) for attempt in decision.attempts)
        elif wishes.allow_fallbacks is False and not wishes.order:
            models = [attempt.endpoint.model for attempt in decision.attempts]
            assert len(set(models)) == len(models)

    @given(situations())
    def test_a_sort_by_price_is_respected(self, situation):
        policy, call, _, _, sticky, _ = situation
        wishes = merge(call.preferences, policy.routing.preferences)
        if wishes.sort != "price" or wishes.order or wishes.preferred_min_throughput or sticky:
            return
        if call.preferences.sort is None and ":" in call.models[0]:
            return

        by_model: dict[str, list[int]] = {}
        for attempt in run(situation).attempts:
            key = "" if wishes.partition == "none" else attempt.endpoint.model
            by_model.setdefault(key, []).append(typical_femto(attempt.endpoint.price))
        assert all(prices == sorted(prices) for prices in by_model.values())
