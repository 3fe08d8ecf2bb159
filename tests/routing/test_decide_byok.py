"""The decision with credentials of one's own: which attempts there are, in which order, and what they need."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.lib.byok_fee import ByokFee
from routing.call import ProviderPreferences
from routing.decide import decide
from routing.decision import NO_BALANCES, NOTHING_FOUND, Balances, Decision
from routing.guardrails.rules import Layer, Rules, merge
from routing.holds import later_plans, next_plan
from routing.policy import PurseLimit
from routing.usable_credential import LeavesTheProcess, UsableCredential
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
    make_provider,
)

ALPHA = make_endpoint("alpha", price=make_price(10**9, 10**9))
BETA = make_endpoint("beta", price=make_price(2 * 10**9, 2 * 10**9))
GAMMA = make_endpoint("gamma", price=make_price(3 * 10**9, 3 * 10**9))
SIM = make_model("simulator/echo", ALPHA, BETA, GAMMA)
CLOSED = make_model(
    "simulator/closed", make_endpoint("omega", provider=make_provider("omega", needs_credential=True))
)
CATALOG = replace(
    make_catalog(SIM),
    unroutable=frozenset({"simulator/closed"}),
    byok_models={"simulator/closed": CLOSED},
)
FEE = ByokFee(50_000, 25_000 * 10**9)
ALLOWANCE = PurseLimit(9, "m", True, "byok_allowance", 10**12, counts_byok=True)
BY_PRICE = {"sort": "price"}


def own(provider: str, name: str = "", **settings) -> UsableCredential:
    return UsableCredential(id=1, provider=provider, secret=f"mine-{name or provider}", **settings)


def policy_with(*credentials: UsableCredential, purses=(CREDITS,), **more):
    by_provider: dict[str, tuple[UsableCredential, ...]] = {}
    for credential in credentials:
        by_provider[credential.provider] = (*by_provider.get(credential.provider, ()), credential)
    return make_policy(*purses, credentials=by_provider, byok_fee=FEE, **more)


def run(policy, *models: str, balances=NO_BALANCES, **preferences) -> Decision:
    wishes = ProviderPreferences(**(BY_PRICE if "order" not in preferences else {}) | preferences)
    call = make_call(*(models or ("simulator/echo",)), preferences=wishes)
    return decide(policy, call, CATALOG, {}, balances, NOTHING_FOUND, 1, NOW)


def tried(decision: Decision) -> list[str]:
    """Each attempt by its provider, with what it carries where that is one's own."""
    return [
        attempt.endpoint.provider.credential if attempt.is_byok else attempt.endpoint.tag
        for attempt in decision.attempts
    ]


def dropped(decision: Decision) -> dict[str, str]:
    return {drop.tag: drop.reason for drop in decision.dropped}


class TestTheOrder:
    def test_is_prioritized_then_shared_then_fallback(self):
        policy = policy_with(own("beta"), own("gamma", "late", is_fallback=True))

        assert tried(run(policy)) == ["mine-beta", "alpha", "beta", "gamma", "mine-late"]

    def test_of_several_credentials_at_one_provider_is_their_own(self):
        policy = policy_with(own("beta", "first"), own("beta", "second"))

        assert tried(run(policy)) == ["mine-first", "mine-second", "alpha", "beta", "gamma"]

    def test_puts_ones_own_before_the_requested_order_and_keeps_it_on_both_sides(self):
        policy = policy_with(own("alpha"), own("gamma"))

        decision = run(policy, order=("gamma", "beta", "alpha"))

        assert tried(decision) == ["mine-gamma", "mine-alpha", "gamma", "beta", "alpha"]

    def test_without_fallbacks_stays_with_the_named_ones(self):
        policy = policy_with(own("gamma"))

        decision = run(policy, order=("beta", "gamma"), allow_fallbacks=False)

        assert tried(decision) == ["mine-gamma", "beta", "gamma"]

    def test_without_fallbacks_and_order_stays_with_the_first_provider(self):
        decision = run(policy_with(own("beta")), allow_fallbacks=False)

        assert tried(decision) == ["mine-beta", "beta"]
        assert dropped(decision) == {"alpha": "allow_fallbacks", "gamma": "allow_fallbacks"}

    def test_is_as_ever_for_who_has_none(self):
        assert tried(run(make_policy(CREDITS))) == ["alpha", "beta", "gamma"]


class TestACredential:
    def test_is_carried_instead_of_the_installations_own(self):
        [attempt, *shared] = run(policy_with(own("beta"))).attempts

        assert (attempt.endpoint.provider.credential, attempt.is_byok) == ("mine-beta", True)
        assert attempt.endpoint.id == BETA.id
        assert {one.endpoint.provider.credential for one in shared} == {
            "secret-alpha",
            "secret-beta",
            "secret-gamma",
        }

    def test_is_put_into_an_endpoint_once_and_anew_for_another_catalog(self):
        credential = own("beta")

        assert credential.carried_by(BETA) is credential.carried_by(BETA)
        dearer = replace(BETA, price=make_price(7, 7))
        assert credential.carried_by(dearer).price.prompt == 7

    def test_is_used_for_its_models_alone(self):
        policy = policy_with(own("beta", models=frozenset({"simulator/other"})))

        assert tried(run(policy)) == ["alpha", "beta", "gamma"]

    def test_is_used_for_what_it_has_a_deployment_of(self):
        policy = policy_with(own("beta", deployed=frozenset({"simulator/other"})))

        assert tried(run(policy)) == ["alpha", "beta", "gamma"]

    def test_reaches_a_provider_that_this_installation_has_no_credential_for(self):
        assert tried(run(policy_with(own("omega")), "simulator/closed")) == ["mine-omega"]

    def test_for_something_else_reaches_nothing_there(self):
        for policy in (policy_with(own("beta")), make_policy(CREDITS)):
            refusal = run(policy, "simulator/closed").refusal

            assert (refusal.status, refusal.rule) == (404, "no_endpoints")

    def test_is_nowhere_to_be_read_and_never_leaves_the_process(self):
        policy = policy_with(own("beta"))
        decision = run(policy)

        assert "mine-beta" not in repr(policy) + repr(decision) + str(decision.attempts)
        with pytest.raises(LeavesTheProcess):
            pickle.dumps(policy)


class TestSharedCapacity:
    def test_is_closed_for_the_models_of_a_required_credential(self):
        here = run(policy_with(own("beta", is_required=True, models=frozenset({"simulator/echo"}))))
        elsewhere = run(policy_with(own("beta", is_required=True, models=frozenset({"simulator/other"}))))

        assert tried(here) == ["mine-beta", "alpha", "gamma"]
        assert dropped(here) == {"beta": "byok_only"}
        assert tried(elsewhere) == ["alpha", "beta", "gamma"]

    def test_is_closed_for_every_model_where_only_byok_is_wanted(self):
        decision = run(policy_with(own("beta", is_byok_only=True, models=frozenset({"simulator/other"}))))

        assert tried(decision) == ["alpha", "gamma"]

    def test_stays_closed_by_a_credential_that_cannot_be_opened(self):
        broken = UsableCredential(id=1, provider="beta", secret="", is_required=True)

        assert tried(run(policy_with(broken))) == ["alpha", "gamma"]


class TestARule:
    @pytest.mark.parametrize(
        "preferences", [{"only": ("alpha",)}, {"ignore": ("beta",)}, {"max_price": {"prompt": 1.5}}]
    )
    def test_of_the_request_leaves_out_ones_own_as_well(self, preferences):
        assert tried(run(policy_with(own("beta")), **preferences))[0] == "alpha"

    def test_of_a_guardrail_leaves_out_ones_own_as_well(self):
        rules = merge([Rules(Layer("account"), ignored_providers=frozenset({"beta"}))])

        assert tried(run(policy_with(own("beta"), rules=rules))) == ["alpha", "gamma"]

    def test_about_data_asks_what_was_declared_of_the_account(self):
        said = run(policy_with(own("beta", declared_zdr=True)), zdr=True)
        unsaid = run(policy_with(own("beta")), zdr=True)

        assert tried(said) == ["mine-beta"]
        assert unsaid.refusal.availability.excluded_by == ("data_policy:zdr",)

    def test_about_data_leaves_out_an_account_that_is_declared_to_keep_them(self):
        keeping = replace(
            CATALOG, models={"simulator/echo": make_model("simulator/echo", replace(BETA, is_zdr=True))}
        )
        call = make_call("simulator/echo", preferences=ProviderPreferences(zdr=True))
        policy = policy_with(own("beta", declared_zdr=False))

        decision = decide(policy, call, keeping, {}, NO_BALANCES, NOTHING_FOUND, 1, NOW)

        assert tried(decision) == ["beta"]


class TestWhatIsSetAside:
    def test_is_the_fee_for_ones_own_and_the_price_for_shared_capacity(self):
        decision = run(policy_with(own("beta")))

        for attempt in decision.attempts:
            wanted = FEE.on(attempt.estimate_nano) if attempt.is_byok else attempt.estimate_nano
            assert attempt.hold_nano == wanted
        assert [need.nano for need in decision.holds] == [max(one.hold_nano for one in decision.attempts)]

    def test_counts_the_list_price_where_byok_counts(self):
        counting = replace(KEY_LIMIT, counts_byok=True)
        policy = policy_with(own("gamma", is_byok_only=True), purses=(CREDITS, KEY_LIMIT, counting))

        decision = run(policy, only=("gamma",))

        [attempt] = decision.attempts
        fee, listed = attempt.hold_nano, attempt.estimate_nano
        assert [need.nano for need in decision.holds] == [fee, fee, listed + fee]

    def test_is_no_fee_while_the_allowance_lasts(self):
        policy = policy_with(own("gamma", is_byok_only=True), byok_allowance=ALLOWANCE)

        decision = run(policy, only=("gamma",))

        [attempt] = decision.attempts
        assert decision.is_fee_free
        assert [(need.purse.layer, need.nano) for need in decision.holds] == [
            ("byok_allowance", attempt.estimate_nano)
        ]
        after = next_plan(decision, policy)
        assert not after.is_fee_free
        assert [(need.purse.layer, need.nano) for need in after.holds] == [("credits", attempt.hold_nano)]
        assert next_plan(after, policy) is None

    def test_without_credits_is_ones_own_alone(self):
        policy = policy_with(own("beta"), byok_allowance=ALLOWANCE)

        decision = run(policy, balances=Balances(exhausted=frozenset({CREDITS.purse_id})))

        assert decision.refusal is None
        assert tried(decision) == ["mine-beta"]

    def test_without_credits_and_allowance_is_refused_for_want_of_credits(self):
        policy = policy_with(own("beta"), byok_allowance=ALLOWANCE)
        spent = frozenset({CREDITS.purse_id, ALLOWANCE.purse_id})

        refusal = run(policy, balances=Balances(exhausted=spent)).refusal

        assert refusal.status == 402

    def test_never_lets_another_limit_give_way(self):
        policy = policy_with(own("beta"), purses=(CREDITS, KEY_LIMIT), byok_allowance=ALLOWANCE)

        refusal = run(policy, balances=Balances(exhausted=frozenset({KEY_LIMIT.purse_id}))).refusal

        assert refusal.layer == "key"


CREDENTIALS = st.builds(
    UsableCredential,
    id=st.integers(1, 10**6),
    provider=st.sampled_from(["alpha", "beta", "gamma", "omega"]),
    secret=st.sampled_from(["", "one", "two"]),
    is_fallback=st.booleans(),
    is_required=st.booleans(),
    declared_zdr=st.sampled_from([None, True, False]),
    models=st.sampled_from([None, frozenset({"simulator/echo"}), frozenset({"simulator/other"})]),
)


class TestWhateverCredentialsThereAre:
    @settings(max_examples=300, deadline=None)
    @given(st.lists(CREDENTIALS, max_size=6), st.permutations(["alpha", "beta", "gamma"]), st.booleans())
    def test_sections_follow_each_other_and_nobody_pays_where_he_does_not_want_to(self, found, order, zdr):
        found.sort(key=lambda credential: credential.is_fallback)
        policy = policy_with(*found, byok_allowance=ALLOWANCE)

        decision = run(policy, order=tuple(order), zdr=zdr)

        carried = {
            id(credential.carried_by(entry)): credential
            for credential in found
            for entry in decision_entries(policy)
            if entry.provider.slug == credential.provider
        }
        section = []
        for attempt in decision.attempts:
            credential = carried.get(id(attempt.endpoint))
            assert attempt.is_byok is (credential is not None)
            section.append(1 if credential is None else 2 * credential.is_fallback)
            if credential is None:
                closing = list(policy.credentials.get(attempt.endpoint.provider.slug, ()))
                assert not any(one.closes("simulator/echo") for one in closing)
                assert attempt.endpoint.is_zdr or not zdr
            else:
                assert credential.is_for("simulator/echo")
                assert credential.secret
                assert credential.declared_zdr or not zdr
        assert section == sorted(section)
        shared = [one.endpoint.tag for one in decision.attempts if not one.is_byok]
        assert shared == [tag for tag in order if tag in shared]
        usable = [c for c in found if c.is_for("simulator/echo") and c.provider != "omega"]
        assert len(decision.attempts) - len(shared) == len([c for c in usable if c.declared_zdr or not zdr])
        for plan_holds in (decision.holds, *[plan.holds for plan in later_plans(decision, policy)]):
            assert all(need.nano >= 0 for need in plan_holds)


def decision_entries(policy):
    return CATALOG.models["simulator/echo"].endpoints
