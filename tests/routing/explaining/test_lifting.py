"""What would let a refused request through: the smallest change, decided anew each time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from routing.catalog_snapshot import CatalogSnapshot
from routing.decision import Decision
from routing.explaining.describing import described
from routing.explaining.lifting import Lifting, lifting_of
from routing.explaining.matter import Asked, Matter, PurseState, judge, read
from routing.explaining.telling import told
from routing.gateway.preparing import preparation_of
from routing.guardrails.rules import BuiltinFilter, Filter, Layer, Rules, merge
from routing.policy import PurseLimit
from tests.routing.make import (
    CREDITS,
    KEY_LIMIT,
    NOW,
    make_catalog,
    make_endpoint,
    make_model,
    make_policy,
    make_price,
)

ECHO = make_model("simulator/echo", make_endpoint("alpha"), make_endpoint("beta", is_zdr=True))
OTHER = make_model("simulator/other", make_endpoint("gamma", supported_parameters=frozenset({"tools"})))
FREE = make_model("simulator/free", make_endpoint("gamma", price=make_price(0, 0)))
EMBED = make_model("simulator/embed", make_endpoint("alpha"), output_modalities=("embeddings",))
CATALOG = make_catalog(ECHO, OTHER, FREE, EMBED)
ACCOUNT, WORKSPACE, KEY = Layer("account"), Layer("workspace", "g-1"), Layer("api-key", "g-2")


def matter_of(
    *layers: Rules,
    purses: tuple[PurseLimit, ...] = (CREDITS,),
    states: dict[int, PurseState] | None = None,
    dialect: str = "chat",
    catalog: CatalogSnapshot = CATALOG,
    policy=None,
    **body: object,
) -> Matter:
    asked = {"model": "simulator/echo", "messages": [{"role": "user", "content": "Hello"}], **body}
    policy = policy or make_policy(*purses, rules=merge(layers))
    matter = Matter(Asked(dialect, msgspec.json.encode(asked), {}), policy, catalog, states or {}, {}, 1, NOW)
    return read(matter, preparation_of(policy))


def lifted(matter: Matter) -> tuple[Decision, Lifting]:
    decision = judge(matter)
    return decision, lifting_of(matter, decision)


def ways(matter: Matter) -> list[list[tuple[str, str, str, object]]]:
    """The ways as (kind, setting, action, value); each of them passes."""
    decision, lifting = lifted(matter)
    assert decision.refusal is not None
    for way in lifting.ways:
        changed = matter
        for change in way:
            changed = change.apply(changed)
        assert judge(changed).refusal is None
    return [[(one.kind, one.setting, one.action, one.value) for one in way] for way in lifting.ways]


class TestWhatIsAllowed:
    def test_needs_no_change(self):
        decision, lifting = lifted(matter_of())

        assert (decision.refusal, lifting.ways) == (None, ())


class TestARequestThatCannotBeRead:
    def test_is_let_through_without_the_parameter(self):
        assert ways(matter_of(temperature="hot")) == [[("request", "temperature", "remove", None)]]

    def test_may_have_two_such_parameters(self):
        found = ways(matter_of(temperature="hot", provider={"only": 7}))

        assert {one[1] for one in found[0]} == {"temperature", "provider.only"}


class TestAModel:
    def test_that_nobody_knows_is_replaced_by_one_that_is_spelled_alike(self):
        found = ways(matter_of(model="simulator/ecko"))

        assert found[0] == [("request", "model", "set", "simulator/echo")]

    def test_that_embeds_is_replaced_by_one_that_talks(self):
        assert all(way[0][3] != "simulator/embed" for way in ways(matter_of(model="simulator/embed")))

    def test_that_a_layer_leaves_off_its_allowlist_is_put_there_or_replaced(self):
        rules = Rules(WORKSPACE, allowed_models=frozenset({"simulator/other"}))

        assert ways(matter_of(rules))[:2] == [
            [("guardrail", "allowed_models", "add", "simulator/echo")],
            [("request", "model", "set", "simulator/other")],
        ]

    def test_that_two_layers_forbid_takes_both_unless_another_model_does(self):
        layers = (
            Rules(ACCOUNT, ignored_models=frozenset({"simulator/echo"})),
            Rules(KEY, allowed_models=frozenset({"simulator/none"})),
        )

        found = ways(matter_of(*layers))

        assert {(one[1], one[2]) for one in found[0]} == {
            ("ignored_models", "remove"),
            ("allowed_models", "add"),
        }


class TestEndpoints:
    def test_that_the_request_leaves_out_come_back_without_the_preference(self):
        found = ways(matter_of(provider={"only": ["nobody"]}))

        assert found[0] == [("request", "provider.only", "remove", None)]

    def test_that_lack_a_parameter_come_back_without_it(self):
        asked = {"model": "simulator/other", "temperature": 1, "provider": {"require_parameters": True}}

        found = ways(matter_of(**asked))

        assert [("request", "provider.require_parameters", "remove", None)] in found
        assert [("request", "parameters", "remove", ["temperature"])] in found

    def test_that_a_layer_leaves_out_come_back_with_its_setting(self):
        rules = Rules(WORKSPACE, ignored_providers=frozenset({"alpha", "beta"}))

        found = ways(matter_of(rules))

        assert found[0] == [("guardrail", "ignored_providers", "remove", ["alpha"])]

    def test_under_zdr_come_back_when_the_models_group_is_free_of_it(self):
        rules = Rules(ACCOUNT, zdr_groups=frozenset({"other"}))

        found = ways(matter_of(rules, model="simulator/other"))

        assert found[0] == [("guardrail", "enforce_zdr_other", "set", False)]

    def test_may_need_the_request_and_a_layer_to_change(self):
        rules = Rules(WORKSPACE, ignored_providers=frozenset({"alpha"}))

        found = ways(matter_of(rules, provider={"only": ["alpha"]}))

        assert found[0] == [("request", "provider.only", "remove", None)]

    def test_that_train_come_back_when_training_is_allowed(self):
        catalog = make_catalog(make_model("a/b", make_endpoint("alpha", trains_on_prompts=True)))
        rules = Rules(KEY, denied=frozenset({"enable_paid_model_training"}))

        found = ways(matter_of(rules, catalog=catalog, model="a/b"))

        assert found == [[("guardrail", "enable_paid_model_training", "set", True)]]


class TestARegion:
    def test_is_another_host_or_another_setting(self):
        rules = Rules(WORKSPACE, data_regions=frozenset({"europe"}))

        assert ways(matter_of(rules)) == [
            [("request", "region", "set", "europe")],
            [("guardrail", "allowed_data_regions", "add", "global")],
        ]


class TestABlock:
    TEXT = [{"role": "user", "content": "the secret word"}, {"role": "user", "content": "harmless"}]

    def test_is_lifted_without_the_text_or_without_the_filter(self):
        rules = Rules(WORKSPACE, filters=(Filter("secret", "block", "word"),))

        assert ways(matter_of(rules, messages=self.TEXT)) == [
            [("request", "texts", "remove", ["messages/0/content"])],
            [("guardrail", "content_filters", "remove", "word")],
        ]

    def test_of_a_built_in_is_lifted_by_flagging(self):
        rules = Rules(KEY, builtins=(BuiltinFilter("email", "block"),))

        found = ways(matter_of(rules, messages=[{"role": "user", "content": "to a@b.example"}]))

        assert [("guardrail", "content_filter_builtins", "set", {"slug": "email", "action": "flag"})] in found

    def test_of_two_layers_takes_both(self):
        layers = (
            Rules(WORKSPACE, filters=(Filter("secret", "block", "word"),)),
            Rules(KEY, filters=(Filter("harmless", "block", "other"),)),
        )
        matter = matter_of(*layers, messages=self.TEXT)

        decision, lifting = lifted(matter)

        assert decision.refusal is not None
        assert lifting.ways[0][0].setting == "texts"


class TestMoney:
    def test_that_is_spent_is_lifted_by_a_higher_limit_or_a_free_model(self):
        spent = {KEY_LIMIT.purse_id: PurseState(spent_nano=10**9)}

        found = ways(matter_of(purses=(CREDITS, KEY_LIMIT), states=spent))

        assert found == [[("limit", "key:m", "set", 10**9 + 1)]]

    def test_of_the_account_is_not_needed_for_a_free_model(self):
        spent = {CREDITS.purse_id: PurseState(spent_nano=CREDITS.limit_nano or 0)}

        found = ways(matter_of(states=spent))

        assert [way[0][0] for way in found] == ["limit", "request"]
        assert found[1] == [("request", "model", "set", "simulator/free")]

    def test_that_a_strict_limit_has_no_room_for_is_lifted_by_a_shorter_answer(self):
        strict = PurseLimit(3, "d", True, "workspace", 10**6)
        states = {3: PurseState(spent_nano=0)}

        found = ways(matter_of(purses=(CREDITS, strict), states=states, max_tokens=9000))

        assert found[0][0][:3] == ("limit", "workspace:d", "set")
        assert any(way[0][1] == "max_tokens" for way in found)

    def test_in_two_purses_takes_both(self):
        budget = PurseLimit(3, "d", False, "workspace", 5)
        spent = {KEY_LIMIT.purse_id: PurseState(spent_nano=10**9), 3: PurseState(spent_nano=7)}

        found = ways(matter_of(purses=(CREDITS, KEY_LIMIT, budget), states=spent))

        assert {one[1] for one in found[0]} == {"key:m", "workspace:d"}

    def test_under_a_limit_of_nothing_takes_another_limit(self):
        closed = replace(KEY_LIMIT, limit_nano=0)

        assert ways(matter_of(purses=(CREDITS, closed)))[0] == [("limit", "key:m", "set", 1)]

    def test_counts_byok_only_where_the_limit_does(self):
        state = {KEY_LIMIT.purse_id: PurseState(spent_nano=1, byok_nano=10**9)}

        assert judge(matter_of(purses=(CREDITS, KEY_LIMIT), states=state)).refusal is None
        counting = replace(KEY_LIMIT, counts_byok=True)
        assert judge(matter_of(purses=(CREDITS, counting), states=state)).refusal is not None


class TestAKey:
    def test_that_is_disabled_is_enabled(self):
        policy = make_policy(CREDITS, refusal="disabled")

        assert ways(matter_of(policy=policy)) == [[("key", "disabled", "set", False)]]

    def test_that_has_expired_is_given_a_later_end(self):
        policy = make_policy(CREDITS, expires_at=NOW - timedelta(days=1))

        assert ways(matter_of(policy=policy)) == [[("key", "expires_at", "set", None)]]

    def test_whose_owner_has_left_is_beyond_help(self):
        assert ways(matter_of(policy=make_policy(CREDITS, refusal="owner_left"))) == []


class TestTheSearch:
    def test_goes_through_several_refusals_one_after_the_other(self):
        layers = (Rules(WORKSPACE, data_regions=frozenset({"europe"})),)
        spent = {KEY_LIMIT.purse_id: PurseState(spent_nano=10**9)}
        matter = matter_of(*layers, purses=(CREDITS, KEY_LIMIT), states=spent, provider={"only": ["nobody"]})

        found = ways(matter)

        assert {one[0] for one in found[0]} == {"request", "limit"}
        assert len(found[0]) == 3

    def test_ends_in_time_with_a_thousand_models_and_layers_that_forbid_all(self):
        catalog = make_catalog(
            *(make_model(f"author/model-{number}", make_endpoint("alpha")) for number in range(1000))
        )
        layers = [
            Rules(Layer(scope), allowed_models=frozenset(), allowed_providers=frozenset())
            for scope in ("account", "workspace", "member", "api-key")
        ]

        decision, lifting = lifted(matter_of(*layers, catalog=catalog, model="author/model-7"))

        assert decision.refusal is not None
        assert lifting.ways == () or len(lifting.ways[0]) <= 4


class TestTelling:
    @pytest.mark.parametrize("is_whole", [True, False])
    def test_shows_others_amounts_and_values_only_to_whoever_manages(self, is_whole: bool):
        rules = Rules(WORKSPACE, ignored_models=frozenset({"simulator/echo"}))
        matter = matter_of(rules, purses=(CREDITS, KEY_LIMIT))
        decision, lifting = lifted(matter)

        found = told(matter, decision, lifting, is_whole=is_whole)

        change, deposited, own = found["would_lift"]["changes"][0], *found["budgets"]
        assert (change["scope"], change["setting"]) == ("workspace", "ignored_models")
        assert (change["value"] is not None) is is_whole
        assert (deposited["limit_usd"] is not None) is is_whole
        assert own["limit_usd"] == 1
        assert "simulator/echo" in change["description"] or not is_whole

    def test_says_every_change_in_a_sentence(self):
        rules = Rules(WORKSPACE, ignored_models=frozenset({"simulator/echo"}))
        _, lifting = lifted(matter_of(rules))

        assert described(lifting.ways[0][0], ["simulator/echo"]) == (
            "Remove simulator/echo from ignored_models of the workspace's guardrail."
        )

    def test_names_the_layer_that_left_an_endpoint_out(self):
        layers = (Rules(ACCOUNT), Rules(KEY, ignored_providers=frozenset({"alpha"})))
        matter = matter_of(*layers, provider={"ignore": ["beta"]})
        decision, lifting = lifted(matter)

        found = told(matter, decision, lifting, is_whole=True)

        causes = {one["endpoint"]: (one["cause"], one["setting"]) for one in found["endpoints"]}
        assert causes == {
            "alpha": ("api-key", "ignored_providers"),
            "beta": ("request", "allowed_providers"),
        }
        assert [one["verdict"] for one in found["layers"]] == ["passed", "refused"]

    def test_shows_what_is_redacted_as_it_is_passed_on(self):
        rules = Rules(KEY, builtins=(BuiltinFilter("email", "redact"),))
        matter = matter_of(rules, messages=[{"role": "user", "content": "to a@b.example"}])
        decision, lifting = lifted(matter)

        scan = told(matter, decision, lifting, is_whole=False)["scan"]

        assert scan["verdict"] == "redacted"
        assert scan["redacted_texts"] == [{"place": "messages[0].content", "text": "to [EMAIL]"}]
