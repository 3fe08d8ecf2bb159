"""How a model's endpoints stand with a policy is worked out once, and anew for another catalog or another policy."""

from __future__ import annotations

from dataclasses import replace

from routing.guardrails.rules import Layer, Rules, merge
from routing.selection import standing
from routing.selection.filters import ALLOWED_PROVIDERS
from routing.selection.standing import PRIORITIZED, PRIVATE, SHARED, standing_of
from routing.usable_credential import UsableCredential
from tests.routing.make import make_endpoint, make_model, make_policy

ALPHA, BETA = make_endpoint("alpha"), make_endpoint("beta")
MODEL = make_model("simulator/echo", ALPHA, BETA)
NO_BETA = merge([Rules.of(Layer("workspace"), {"ignored_providers": ["beta"]})])
OWN = {"alpha": (UsableCredential(1, "alpha", "mine", is_byok_only=True),)}


def kinds(found: standing.Standing) -> list[tuple[int, list[tuple[str, str | None]]]]:
    return [(kind, [(entry.tag, reason) for entry, reason in entries]) for kind, entries in found.kinds]


class TestAStanding:
    def test_is_the_same_for_everybody_without_rules_and_credentials(self):
        policy = make_policy()

        assert kinds(standing_of(policy, MODEL)) == [(SHARED, [("alpha", None), ("beta", None)])]
        assert not policy.standings

    def test_says_why_guardrails_leave_an_endpoint_out(self):
        found = standing_of(make_policy(rules=NO_BETA), MODEL)

        assert kinds(found) == [(SHARED, [("alpha", None), ("beta", ALLOWED_PROVIDERS)])]

    def test_has_endpoints_with_credentials_and_without(self):
        found = standing_of(make_policy(credentials=OWN), MODEL)

        assert kinds(found) == [(PRIORITIZED, [("alpha", None)]), (SHARED, [("beta", None)])]
        assert found.closed == (("alpha", "byok_only"),)

    def test_knows_private_endpoints(self):
        private = make_model("simulator/echo", replace(ALPHA, is_private=True))

        assert kinds(standing_of(make_policy(credentials=OWN), private)) == [(PRIVATE, [("alpha", None)])]

    def test_is_remembered(self):
        policy = make_policy(rules=NO_BETA)

        assert standing_of(policy, MODEL) is standing_of(policy, MODEL)

    def test_is_worked_out_anew_for_another_catalog(self):
        policy = make_policy(rules=NO_BETA)
        standing_of(policy, MODEL)

        found = standing_of(policy, make_model("simulator/echo", BETA))

        assert kinds(found) == [(SHARED, [("beta", ALLOWED_PROVIDERS)])]

    def test_is_no_other_policys(self):
        policy = make_policy(rules=NO_BETA)
        standing_of(policy, MODEL)

        found = standing_of(replace(policy, rules=merge([])), MODEL)

        assert kinds(found) == [(SHARED, [("alpha", None), ("beta", None)])]

    def test_of_many_models_does_not_fill_the_memory(self):
        policy = make_policy(rules=NO_BETA)

        for number in range(standing.MOST_REMEMBERED + 5):
            standing_of(policy, make_model(f"simulator/{number}", ALPHA))

        assert len(policy.standings) <= standing.MOST_REMEMBERED
