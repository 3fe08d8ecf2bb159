"""The decision with endpoints of the organization's own: before the platform's, and at its own expense."""

from __future__ import annotations

from dataclasses import replace

import pytest

from routing.call import ProviderPreferences
from routing.catalog_snapshot import CatalogSnapshot, ModelEntry
from routing.decide import decide
from routing.decision import NO_BALANCES, NOTHING_FOUND
from routing.policy import PurseLimit
from routing.pricing import NOTHING, Cost, Usage, at_own_expense, cost, estimate
from routing.selection.own_models import beside
from tests.routing.make import (
    CREDITS,
    NOW,
    make_call,
    make_catalog,
    make_endpoint,
    make_model,
    make_policy,
    make_price,
)

PUBLIC = make_model("meta/llama", make_endpoint("alpha"), make_endpoint("beta"))
CATALOG = make_catalog(PUBLIC)
WITH_BYOK = PurseLimit(3, "m", False, "workspace", 10**9, counts_byok=True)
WITHOUT_BYOK = PurseLimit(4, "m", False, "workspace", 10**9)


def own_model(slug: str, *tags: str, **settings: object) -> dict[str, ModelEntry]:
    """A model with private endpoints."""
    endpoints = [
        make_endpoint(tag, id=-number, is_private=True, **settings) for number, tag in enumerate(tags, 1)
    ]
    return {slug: make_model(slug, *endpoints)}


MINE = own_model("meta/llama", "ollama/1")


def run(own=MINE, catalog=CATALOG, slug="meta/llama", purses=(CREDITS,), **preferences):
    policy = replace(make_policy(*purses), own_models=own)
    call = make_call(slug, preferences=ProviderPreferences(**preferences))
    return decide(policy, call, catalog, {}, NO_BALANCES, NOTHING_FOUND, 1, NOW)


def tags(decision):
    return [attempt.endpoint.tag for attempt in decision.attempts]


class TestAModelOfBoth:
    def test_is_tried_at_the_own_endpoints_first(self):
        assert tags(run())[0] == "ollama/1"
        assert sorted(tags(run())[1:]) == ["alpha", "beta"]

    def test_is_tried_there_first_whatever_order_is_wished(self):
        assert tags(run(order=("beta",)))[:2] == ["ollama/1", "beta"]

    def test_is_not_tried_in_public_without_fallbacks(self):
        decision = run(allow_fallbacks=False)

        assert tags(decision) == ["ollama/1"]
        assert {(drop.tag, drop.reason) for drop in decision.dropped} == {
            ("alpha", "allow_fallbacks"),
            ("beta", "allow_fallbacks"),
        }

    def test_is_tried_in_public_without_fallbacks_where_that_is_what_was_named(self):
        assert tags(run(order=("beta",), allow_fallbacks=False)) == ["beta"]

    @pytest.mark.parametrize("name", ["ollama", "ollama/1", "OLLAMA"])
    def test_can_be_named_by_provider_or_endpoint(self, name: str):
        assert tags(run(only=(name,))) == ["ollama/1"]
        assert "ollama/1" not in tags(run(ignore=(name,)))

    def test_is_held_to_the_data_policies(self):
        assert tags(run(zdr=True)) == []
        assert tags(run(own=own_model("meta/llama", "ollama/1", is_zdr=True), zdr=True)) == ["ollama/1"]


class TestAModelOfOnesOwn:
    def test_is_there_for_who_has_it(self):
        assert tags(run(own_model("acme/llama", "ollama/1"), slug="acme/llama")) == ["ollama/1"]

    def test_is_unknown_to_everybody_else(self):
        refused, unknown = run({}, slug="acme/llama"), run(slug="acme/other")

        assert refused.refusal.rule == unknown.refusal.rule == "model_not_found"

    def test_makes_up_for_one_that_nobody_serves_in_public(self):
        catalog = CatalogSnapshot(1, {}, {}, unroutable=frozenset({"meta/llama"}))

        assert tags(run(catalog=catalog)) == ["ollama/1"]
        assert run({}, catalog=catalog).refusal.rule == "no_endpoints"

    def test_that_only_writes_does_not_embed(self):
        policy = replace(make_policy(CREDITS), own_models=own_model("acme/llama", "ollama/1"))
        call = make_call("acme/llama", dialect="embeddings")

        decision = decide(policy, call, CATALOG, {}, NO_BALANCES, NOTHING_FOUND, 1, NOW)

        assert (decision.refusal.status, decision.refusal.rule) == (400, "wrong_endpoint")
        assert "/api/v1/chat/completions" in decision.refusal.message


class TestWhatItCosts:
    def test_needs_no_credits(self):
        decision = run(own_model("acme/llama", "ollama/1"), slug="acme/llama")

        assert decision.refusal is None
        assert [need.nano for need in decision.holds] == []

    def test_is_set_aside_where_byok_counts(self):
        decision = run(
            own_model("acme/llama", "ollama/1"), slug="acme/llama", purses=(WITH_BYOK, WITHOUT_BYOK)
        )

        (attempt,) = decision.attempts
        held = {need.purse.purse_id: need.nano for need in decision.holds}
        listed = estimate(attempt.endpoint.price, make_call("acme/llama"), attempt.endpoint)
        assert (attempt.is_byok, attempt.hold_nano, attempt.estimate_nano) == (True, 0, listed)
        assert held == {3: listed, 4: 0}

    def test_is_the_publics_where_the_public_may_have_to_answer(self):
        decision = run(own_model("meta/llama", "ollama/1", price=make_price(1, 1)))

        assert [need.nano for need in decision.holds] == [
            max(attempt.hold_nano for attempt in decision.attempts)
        ]
        assert decision.holds[0].nano > 0

    def test_is_metered_exactly_and_taken_from_no_credits(self):
        charge = at_own_expense(cost(make_price(333, 1_000_001), Usage(prompt=7, completion=1)))

        assert charge == Cost(0, 7 * 333, 1_000_001, byok_nano=1)
        assert at_own_expense(NOTHING) == NOTHING


class TestTheCatalogOfAnOrganization:
    def test_is_the_very_same_without_endpoints_of_its_own(self):
        assert beside(CATALOG, {}) is CATALOG

    def test_has_both_kinds_of_endpoints_of_a_model_the_own_first(self):
        seen = beside(CATALOG, MINE).models["meta/llama"]

        assert seen.endpoints[0].tag == "ollama/1"
        assert len(seen.endpoints) == 3
        assert len(CATALOG.models["meta/llama"].endpoints) == 2

    def test_has_models_that_others_do_not(self):
        assert "acme/llama" in beside(CATALOG, own_model("acme/llama", "ollama/1")).models
