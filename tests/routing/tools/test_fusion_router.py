"""Who stands behind `openrouter/fusion`, what the plugin adds, and that fusion never runs within itself."""

from __future__ import annotations

import msgspec
import pytest

from routing.gateway.client import RefusedError
from routing.gateway.router_metadata import requested_by, strategy_of
from routing.guardrails.rules import Layer, Rules, merge
from routing.plugins.bench import Surroundings
from routing.plugins.operator import NOTHING_SET_UP
from routing.plugins.running import arrange
from routing.policy import PluginDefault
from routing.tools.fusion_depth import depth_of, without_fusion
from routing.tools.fusion_presets import PRESETS, concrete, resolved
from tests.routing.make import (
    NOW,
    make_call,
    make_catalog,
    make_endpoint,
    make_model,
    make_policy,
    make_price,
)

ALIAS, FLASH = "openrouter/fusion", "openrouter/fusion-flash"
OPUS, GPT, GEMINI = "anthropic/claude-opus-5.5", "openai/gpt-6-sol", "google/gemini-3.1-pro-preview"
HAIKU, LUNA, LITE = "anthropic/claude-haiku-5.5", "openai/gpt-6-luna", "google/gemini-3.1-flash-lite"
STRONG, QUICK = [OPUS, GPT, GEMINI], [HAIKU, LUNA, LITE]


def priced(slug, dollars=1, **more):
    return make_model(slug, make_endpoint(price=make_price(dollars * 10**9, dollars * 10**9)), **more)


FRONTIER = make_catalog(*[priced(slug) for slug in (*STRONG, *QUICK, "anthropic/claude-opus-4")])
SMALL = make_catalog(*[priced(f"a/m{number}", number + 1) for number in range(10)], priced("b/n", 9))


def around(catalog=FRONTIER, **policy):
    return Surroundings(make_policy(**policy), catalog, NOTHING_SET_UP, NOW)


def asking(*models, tools=None, plugin=None, **more):
    body = {"model": models[0], "messages": [], **more.pop("body", {})}
    if tools is not None:
        body["tools"] = tools
    if plugin is not None:
        more["plugins"] = {"fusion": plugin}
    return make_call(*models, body=body, **more)


def fusion_of(call):
    """The tool's parameters; exactly one entry is fusion's."""
    (entry,) = [tool for tool in call.body["tools"] if tool["type"].endswith(":fusion")]
    return entry["parameters"]


class TestTheAlias:
    @pytest.mark.parametrize("alias", [ALIAS, "headgate/fusion"])
    def test_is_the_best_presets_analyst_with_its_panel(self, alias):
        call = arrange(asking(alias), around())

        assert call.models == (OPUS,)
        assert fusion_of(call) == {"analysis_models": STRONG}
        assert "tools" in call.parameters

    @pytest.mark.parametrize("alias", [FLASH, "headgate/fusion-flash"])
    def test_flash_has_the_fast_panel_and_the_same_analyst(self, alias):
        call = arrange(asking(alias), around())

        assert call.models == (OPUS,)
        assert fusion_of(call) == {"analysis_models": QUICK}

    def test_flash_yields_to_what_is_said(self):
        call = arrange(asking(FLASH, plugin={"preset": "general-high"}), around())

        assert fusion_of(call)["analysis_models"] == STRONG

    def test_becomes_the_plugins_model(self):
        plugin = {"model": GPT, "analysis_models": ["a/b"], "max_tool_calls": 2}

        call = arrange(asking(ALIAS, plugin=plugin), around())

        assert call.models == (GPT,)
        assert fusion_of(call) == plugin

    def test_keeps_its_place_among_others(self):
        assert arrange(asking("a/b", ALIAS, "c/d"), around()).models == ("a/b", OPUS, "c/d")

    def test_hands_its_variants_on(self):
        assert arrange(asking(f"{ALIAS}:nitro"), around()).models == (f"{OPUS}:nitro",)

    def test_is_costless_with_free_models_alone(self):
        catalog = make_catalog(*FRONTIER.models.values(), priced("a/x:free", 0), priced("b/y:free", 0))

        call = arrange(asking(f"{ALIAS}:free"), around(catalog))

        assert call.models == ("a/x:free",)
        assert fusion_of(call)["analysis_models"] == ["a/x:free", "b/y:free"]

    def test_is_nobody_where_no_model_can_be_used(self):
        with pytest.raises(RefusedError) as refused:
            arrange(asking(f"{ALIAS}:free"), around())

        assert refused.value.refusal.status == 404

    def test_may_be_the_workspaces_default_model(self):
        assert arrange(make_call(), around(default_text_model=ALIAS)).models == (OPUS,)

    def test_may_lead_to_the_auto_router(self):
        call = arrange(asking(ALIAS, plugin={"model": "openrouter/auto"}), around())

        assert "openrouter/auto" not in call.models
        assert set(call.models) <= FRONTIER.models.keys()

    def test_goes_without_the_tool_if_the_request_says_so(self):
        off = {"plugins": [{"id": "fusion", "enabled": False}]}

        call = arrange(make_call(ALIAS, body=off, plugins={"fusion": None}), around())

        assert call.models == (OPUS,)
        assert "tools" not in call.body

    @pytest.mark.parametrize(("is_firm", "is_there"), [(False, True), (True, False)])
    def test_has_the_tool_though_a_workspace_has_it_off_unless_that_is_firm(self, is_firm, is_there):
        default = PluginDefault(False, is_firm, {"preset": "general-fast"})

        call = arrange(asking(ALIAS, plugins={"fusion": None}), around(plugins={"fusion": default}))

        assert ("tools" in call.body) == is_there
        assert not is_there or fusion_of(call)["analysis_models"] == QUICK

    def test_is_told_as_the_router(self):
        call = arrange(asking(f"{FLASH}:nitro"), around())

        assert requested_by(call, None) == FLASH
        assert strategy_of(call, None, None) == "fusion"

    def test_leaves_out_whom_the_policy_forbids(self):
        rules = merge([Rules.of(Layer("account"), {"ignored_models": [GPT]})])

        call = arrange(asking(ALIAS), around(rules=rules))

        assert fusion_of(call)["analysis_models"] == [OPUS, GEMINI]


class TestThePlugin:
    def test_leaves_the_model_and_offers_it_the_tool(self):
        call = arrange(asking("a/b", plugin={}), around())

        assert call.models == ("a/b",)
        assert call.body["tools"] == [
            {"type": "openrouter:fusion", "parameters": {"analysis_models": STRONG}}
        ]

    def test_brings_the_presets_analyst(self):
        call = arrange(asking("a/b", plugin={"preset": "general-fast"}), around())

        assert fusion_of(call) == {"analysis_models": QUICK, "model": OPUS}

    def test_keeps_the_requests_own_tools(self):
        own = {"type": "function", "function": {"name": "lookup"}}

        call = arrange(asking("a/b", tools=[own], plugin={}), around())

        assert [tool["type"] for tool in call.body["tools"]] == ["function", "openrouter:fusion"]

    def test_fills_in_the_tool_that_is_there(self):
        entry = {"type": "headgate:fusion", "parameters": {"max_tool_calls": 9}}

        call = arrange(asking("a/b", tools=[entry], plugin={"max_tool_calls": 2, "model": GPT}), around())

        assert fusion_of(call) == {"max_tool_calls": 9, "model": GPT, "analysis_models": STRONG}

    def test_heeds_parameters_that_stand_beside_the_type(self):
        entry = {"type": "openrouter:fusion", "analysis_models": ["a/b"]}

        call = arrange(asking("a/b", tools=[entry], plugin={"model": GPT}), around())

        assert call.body["tools"] == [
            {"type": "openrouter:fusion", "parameters": {"analysis_models": ["a/b"], "model": GPT}}
        ]

    def test_wins_over_the_tool_where_the_workspace_is_firm(self):
        entry = {"type": "openrouter:fusion", "parameters": {"analysis_models": ["dear/one"]}}
        firm = PluginDefault(True, True, {"analysis_models": ["a/b"]})

        call = arrange(asking("a/b", tools=[entry], plugin=firm.config), around(plugins={"fusion": firm}))

        assert fusion_of(call)["analysis_models"] == ["a/b"]

    def test_reads_tools_that_came_as_text(self):
        raw = msgspec.Raw(b'[{"type":"function"}]')

        call = arrange(asking("a/b", tools=raw, plugin={}), around())

        assert len(call.body["tools"]) == 2

    def test_that_nobody_asks_for_changes_nothing(self):
        call = asking("a/b")

        assert arrange(call, around()) is call


class TestAPreset:
    def test_is_chosen_from_a_catalog_that_lacks_its_models(self):
        high, budget = resolved("general-high", SMALL, NOW), resolved("general-budget", SMALL, NOW)

        assert len(set(high.panel)) == len(set(budget.panel)) == 3
        assert "b/n" in high.panel
        assert high.analyst == budget.analyst == high.panel[0]
        price = {slug: model.endpoints[0].price.prompt for slug, model in SMALL.models.items()}
        assert price[high.panel[0]] > price[budget.panel[0]]

    @pytest.mark.parametrize("name", PRESETS)
    def test_is_the_same_however_the_catalog_is_ordered(self, name):
        backwards = make_catalog(*reversed(SMALL.models.values()))

        assert resolved(name, SMALL, NOW) == resolved(name, backwards, NOW)

    def test_has_no_models_that_cannot_chat(self):
        unfit = [
            priced("a/embed", output_modalities=("embeddings",)),
            priced("b/draw", output_modalities=("text", "image")),
            priced("c/deaf", input_modalities=("image",)),
            priced("d/gone", expires_at=NOW),
            make_model("e/old", make_endpoint(deprecated_at=NOW)),
            priced("openrouter/auto"),
            priced("f/fit:free"),
        ]

        assert resolved("general-high", make_catalog(*unfit), NOW) == ((), None)
        assert resolved("general-high", make_catalog(*unfit, priced("g/fit")), NOW).panel == ("g/fit",)

    def test_takes_those_of_its_models_that_exist_if_they_are_two(self):
        catalog = make_catalog(priced(GPT), priced(GEMINI), priced("a/b"))

        assert resolved("general-high", catalog, NOW) == ((GPT, GEMINI), GPT)

    def test_knows_the_newest_of_a_family(self):
        assert concrete("~anthropic/claude-opus-latest", FRONTIER) == OPUS
        assert concrete("~anthropic/claude-opus-latest:nitro", FRONTIER) == f"{OPUS}:nitro"
        assert concrete("~nobody/knows-latest", FRONTIER) == "~nobody/knows-latest"
        assert concrete("a/b", FRONTIER) == "a/b"


class TestWithinFusion:
    @pytest.mark.parametrize(
        ("value", "depth"),
        [
            (b"0", 0),
            (b"1", 1),
            (b" 2 ", 2),
            (b"", 0),
            (b"-1", 1),
            (b"x", 1),
            ("²".encode(), 1),
            (b"9" * 20, 1),
        ],
    )
    def test_is_what_the_header_says(self, value, depth):
        assert depth_of({b"x-openrouter-fusion-depth": value}) == depth

    def test_is_nobody_without_the_header(self):
        call = asking(ALIAS, tools=[{"type": "openrouter:fusion"}])

        assert depth_of({}) == 0
        assert without_fusion(call, 0) is call

    @pytest.mark.parametrize("model", [ALIAS, "headgate/fusion-flash:free"])
    def test_the_alias_is_refused(self, model):
        with pytest.raises(RefusedError) as refused:
            without_fusion(asking("a/b", model), 1)

        assert refused.value.refusal.status == 400
        assert refused.value.refusal.metadata["parameter"] == "model"

    def test_the_plugin_has_no_say(self):
        inner = without_fusion(asking("a/b", plugin={"preset": "general-high"}), 1)

        assert "tools" not in arrange(inner, around()).body
