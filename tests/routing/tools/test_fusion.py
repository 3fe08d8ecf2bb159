"""Fusion: a panel answers, an analyst compares; what fails is told, and as much as can be is still of use."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openrouter import components

from config.lib.declared import NotValid
from routing.plugins.bench import Failed
from routing.tools.fusion import Fusion
from routing.tools.fusion_question import as_text, question_of
from tests.routing.tools.fusing_bench import (
    ANALYSIS,
    ANALYST,
    COMPARED,
    OUTER,
    PANEL,
    QUESTION,
    SEARCHING,
    FusingBench,
    fails,
    fuse,
    says,
    use_of,
)

FEW = 5
"""Seconds after which something that should happen at once has not happened."""

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
CALL = st.fixed_dictionaries({"function": ANYTHING | st.fixed_dictionaries({"name": ANYTHING})})
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "assistant", "tool", "developer"])},
    optional={"content": ANYTHING, "tool_calls": ANYTHING | st.lists(CALL | ANYTHING, max_size=2)},
)


def item_of(ran):
    """What the caller is told, as the SDK reads it."""
    status = "incomplete" if ran.is_failed else "completed"
    return components.OutputFusionServerToolItem.model_validate(
        {"type": "openrouter:fusion", "status": status, **ran.item}
    )


def names_of(bench):
    return [event for event, _ in bench.told]


class TestARun:
    async def test_gives_the_model_the_analysis_and_what_everybody_said(self):
        ran = await fuse(FusingBench())

        assert ran.result == {
            "status": "ok",
            "analysis": ANALYSIS,
            "responses": [{"model": slug, "content": f"I am {slug}."} for slug in PANEL],
        }
        assert not ran.is_failed

    async def test_asks_the_panel_at_the_same_time(self):
        bench = FusingBench(together=asyncio.Barrier(len(PANEL)))

        async with asyncio.timeout(FEW):
            ran = await fuse(bench)

        assert len(ran.result["responses"]) == len(PANEL)

    async def test_goes_on_without_those_who_fail_or_are_slow(self):
        broken = {"panel/m1": fails("No endpoint.", 404), "panel/m2": says("  ")}
        bench = FusingBench(broken, takes={"panel/m3": 61})

        ran = await fuse(bench, timeout_seconds=60)

        assert [one["model"] for one in ran.result["responses"]] == [PANEL[0], *PANEL[4:]]
        assert ran.result["failed_models"] == [
            {"model": "panel/m1", "error": "No endpoint.", "status_code": 404},
            {"model": "panel/m2", "error": "The model answered without any text."},
            {"model": "panel/m3", "error": "It took too long.", "status_code": 504},
        ]
        assert ran.result["analysis"] == ANALYSIS

    async def test_survives_what_is_not_expected_of_one_member(self):
        bench = FusingBench({"panel/m1": RuntimeError("bug"), "panel/m2": Failed("The service is gone.")})

        ran = await fuse(bench)

        assert [one["model"] for one in ran.result["failed_models"]] == ["panel/m1", "panel/m2"]
        assert "bug" not in str(ran.result)
        assert len(ran.result["responses"]) == 6

    async def test_gives_every_model_its_time_and_no_more(self):
        bench = FusingBench()

        await fuse(bench, timeout_seconds=7)

        assert all(seconds <= 7 for _, seconds in bench.asked)

    async def test_happens_once_a_turn(self):
        bench = FusingBench()
        await fuse(bench)
        asked = len(bench.asked)

        again = await fuse(bench)

        assert again.result["failure_reason"] == "fusion_invocation_capped"
        assert again.is_failed
        assert item_of(again).failure_reason == "fusion_invocation_capped"
        assert len(bench.asked) == asked

    async def test_happens_once_of_two_at_the_same_time(self):
        bench = FusingBench()

        ran = await asyncio.gather(fuse(bench), fuse(bench))

        assert [one.is_failed for one in ran] == [False, True]

    async def test_reads_in_the_sdk_whole_or_degraded(self):
        bench = FusingBench({"panel/m1": fails(), "panel/m0": says("Yes.", "https://a.example")})

        item = item_of(await fuse(bench))

        assert item.analysis.blind_spots == ["Methane."]
        assert (item.failed_models[0].model, item.failed_models[0].status_code) == ("panel/m1", 502)
        assert item.sources[0].url == "https://a.example"


class TestARunOfNoUse:
    @pytest.mark.parametrize(
        ("statuses", "reason"),
        [
            ((500, 502), "all_panels_failed"),
            ((500, 402), "insufficient_credits"),
            ((429, 500), "rate_limited"),
            ((429, 402), "insufficient_credits"),
        ],
    )
    async def test_says_why(self, statuses, reason):
        script = dict(zip(PANEL, [fails(status=status) for status in statuses], strict=False))

        ran = await fuse(FusingBench(script), analysis_models=list(script))

        assert ran.is_failed
        assert (ran.result["status"], ran.result["failure_reason"]) == ("error", reason)
        item = item_of(ran)
        assert (item.failure_reason, [one.status_code for one in item.failed_models]) == (reason, [*statuses])

    async def test_asks_no_analyst(self):
        bench = FusingBench({PANEL[0]: fails()})

        await fuse(bench, analysis_models=[PANEL[0]])

        assert not bench.bodies(ANALYST)

    async def test_that_is_a_fault_of_ours_is_called_unexpected(self):
        ran = await fuse(FusingBench({PANEL[0]: RuntimeError()}), analysis_models=[PANEL[0]])

        assert ran.result["failure_reason"] == "unexpected_error"

    async def test_may_be_one_without_a_question(self):
        ran = await fuse(FusingBench(request={"messages": []}))

        assert ran.result["failure_reason"] == "unexpected_error"


class TestTheAnalyst:
    @pytest.mark.parametrize(
        "text",
        [f"```json\n{COMPARED}\n```", f"Here it is:\n\n{COMPARED}", COMPARED.rstrip("}"), COMPARED + "\n"],
    )
    async def test_may_wrap_his_json_or_leave_its_end_out(self, text):
        ran = await fuse(FusingBench({ANALYST: says(text)}))

        assert ran.result["analysis"] == ANALYSIS

    @pytest.mark.parametrize("text", ["I would rather not.", "", '{"consensus": []}', "[]"])
    async def test_gets_a_second_chance(self, text):
        bench = FusingBench({ANALYST: [says(text), says(COMPARED)]})

        ran = await fuse(bench)

        assert ran.result["analysis"] == ANALYSIS
        assert len(bench.bodies(ANALYST)) == 2

    @pytest.mark.parametrize(
        ("said", "reason"),
        [
            (says("I would rather not."), "judge_not_valid_json"),
            (says('{"consensus": "all"}'), "judge_schema_mismatch"),
            (says('{"consensus": []}'), "judge_schema_mismatch"),
            (says("3"), "judge_schema_mismatch"),
            (says(" "), "judge_empty_completion"),
            (fails("Overloaded.", 529), "judge_upstream_error"),
            (Failed("Gone."), "judge_upstream_error"),
            (RuntimeError("bug"), "judge_upstream_error"),
        ],
    )
    async def test_who_fails_leaves_what_the_panel_said(self, said, reason):
        ran = await fuse(FusingBench({ANALYST: said}))

        assert (ran.is_failed, ran.result["status"]) == (False, "ok")
        assert "analysis" not in ran.result
        assert len(ran.result["responses"]) == 8
        assert (item_of(ran).analysis, item_of(ran).failure_reason) == (None, reason)

    async def test_is_not_asked_again_by_whom_he_failed(self):
        bench = FusingBench({ANALYST: fails()})

        await fuse(bench)

        assert len(bench.bodies(ANALYST)) == 1

    async def test_is_cool_and_held_to_a_schema(self):
        bench = FusingBench()

        await fuse(bench, temperature=1.5, max_completion_tokens=99, reasoning={"effort": "low"})

        (body,) = bench.bodies(ANALYST)
        assert body["temperature"] == 0
        assert (body["max_completion_tokens"], body["reasoning"]) == (99, {"effort": "low"})
        form = body["response_format"]["json_schema"]
        assert form["strict"] is True
        assert set(form["schema"]["required"]) == set(ANALYSIS)

    async def test_reads_the_question_and_every_answer_by_its_model(self):
        bench = FusingBench({"panel/m1": fails()})

        await fuse(bench)

        said = bench.bodies(ANALYST)[0]["messages"][1]["content"]
        assert QUESTION["content"] in said
        assert "# panel/m0\n\nI am panel/m0." in said
        assert "panel/m1" not in said

    async def test_is_whom_the_request_asks_unless_somebody_is_named(self):
        bench = FusingBench(models=(OUTER, "outer/other"))

        await fuse(bench, model=None)

        (body,) = bench.bodies(OUTER)
        assert body["models"] == [OUTER, "outer/other"]


class TestThePanel:
    async def test_is_asked_the_conversation(self):
        bench = FusingBench()

        await fuse(bench, temperature=1.5)

        body = bench.bodies(PANEL[0])[0]
        assert body["messages"] == [QUESTION]
        assert (body["temperature"], body["max_completion_tokens"]) == (1.5, 16_000)

    async def test_is_asked_what_the_model_adds_to_it(self):
        bench = FusingBench()

        await fuse(bench, {"prompt": " Only for Europe? "})

        assert bench.bodies(PANEL[0])[0]["messages"] == [
            QUESTION,
            {"role": "user", "content": "Only for Europe?"},
        ]

    @pytest.mark.parametrize(
        "arguments", [{"prompt": 3}, {"prompt": None}, {"prompt": ["x"]}, {"question": "?"}]
    )
    async def test_does_not_mind_arguments_that_make_no_sense(self, arguments):
        bench = FusingBench()

        await fuse(bench, arguments)

        assert bench.bodies(PANEL[0])[0]["messages"] == [QUESTION]

    async def test_hears_of_functions_in_words_and_nothing_of_the_call_that_led_here(self):
        function = {"name": "lookup", "arguments": '{"of": "x"}'}
        called = {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": function}]}
        result = {"role": "tool", "tool_call_id": "1", "content": "42"}
        pending = {"role": "assistant", "content": "Let me ask.", "tool_calls": [{"id": "2", "function": {}}]}
        bench = FusingBench(request={"messages": [QUESTION, called, result, pending]})

        await fuse(bench)

        assert bench.bodies(PANEL[0])[0]["messages"] == [
            QUESTION,
            {"role": "assistant", "content": '<tool_call name="lookup">\n{"of": "x"}\n</tool_call>'},
            {"role": "user", "content": '<tool_result name="lookup">\n42\n</tool_result>'},
        ]

    async def test_searches_and_reads_where_an_engine_is_set_up(self):
        bench = FusingBench(operator=SEARCHING)

        await fuse(bench, max_tool_calls=3)

        for model in (PANEL[0], ANALYST):
            body = bench.bodies(model)[0]
            assert [tool["type"] for tool in body["tools"]] == [
                "openrouter:web_search",
                "openrouter:web_fetch",
            ]
            assert body["stop_server_tools_when"] == [{"type": "step_count_is", "step_count": 3}]

    async def test_only_reads_where_none_is(self):
        bench = FusingBench()

        await fuse(bench)

        body = bench.bodies(PANEL[0])[0]
        assert [tool["type"] for tool in body["tools"]] == ["openrouter:web_fetch"]
        assert body["stop_server_tools_when"][0]["step_count"] == 4

    async def test_has_other_tools_or_none_if_that_is_said(self):
        bench, bare = FusingBench(), FusingBench()

        await fuse(bench, tools=[{"type": "headgate:datetime"}])
        await fuse(bare, tools=[])

        assert bench.bodies(PANEL[0])[0]["tools"] == [{"type": "headgate:datetime"}]
        assert not {"tools", "stop_server_tools_when"} & bare.bodies(PANEL[0])[0].keys()

    async def test_is_bound_by_what_the_request_says_of_privacy_and_not_by_whom_it_prefers(self):
        wishes = {"zdr": True, "data_collection": "deny", "only": ["acme"]}
        bench = FusingBench(request={"messages": [QUESTION], "provider": wishes})

        await fuse(bench)

        assert bench.bodies(PANEL[0])[0]["provider"] == {"zdr": True, "data_collection": "deny"}


class TestWhateverIsInTheConversation:
    @settings(max_examples=60, deadline=None)
    @given(st.lists(MESSAGE, max_size=5))
    def test_is_told_to_the_panel_without_calls_it_could_not_make(self, messages):
        asked = question_of({"messages": messages}, "")

        assert all("tool_calls" not in one for one in asked if one["role"] == "assistant")
        assert all(one["role"] != "tool" for one in asked)
        assert isinstance(as_text(asked), str)


class TestSources:
    async def test_are_told_once_each_of_panel_and_analyst(self):
        script = {
            "panel/m0": says("One.", "https://a.example", "https://b.example"),
            "panel/m1": says("Two.", "https://b.example"),
            ANALYST: says(COMPARED, "https://c.example", "https://a.example"),
        }

        ran = await fuse(FusingBench(script))

        urls = [f"https://{name}.example" for name in "abc"]
        assert [source["url"] for source in ran.item["sources"]] == urls
        assert [note["url_citation"]["url"] for note in ran.annotations] == urls
        assert [source["title"] for source in ran.item["sources"]] == [f"About {url}" for url in urls]

    async def test_may_be_none(self):
        assert "sources" not in (await fuse(FusingBench())).item


class TestWhatAStreamingCallerHears:
    EVENTS = {
        "fusion_call.in_progress": components.FusionCallInProgressEvent,
        "fusion_call.panel.added": components.FusionCallPanelAddedEvent,
        "fusion_call.panel.delta": components.FusionCallPanelDeltaEvent,
        "fusion_call.panel.reasoning.delta": components.FusionCallPanelReasoningDeltaEvent,
        "fusion_call.panel.completed": components.FusionCallPanelCompletedEvent,
        "fusion_call.panel.failed": components.FusionCallPanelFailedEvent,
        "fusion_call.analysis.in_progress": components.FusionCallAnalysisInProgressEvent,
        "fusion_call.analysis.completed": components.FusionCallAnalysisCompletedEvent,
        "fusion_call.completed": components.FusionCallCompletedEvent,
    }

    @pytest.mark.filterwarnings("ignore::DeprecationWarning")
    async def test_are_the_sdks_events(self):
        bench = FusingBench({"panel/m0": says("Yes.", reasoning="Hm."), "panel/m1": fails()})

        await fuse(bench, analysis_models=["panel/m0", "panel/m1"])

        for event, fields in bench.told:
            place = {"item_id": "x", "output_index": 0, "sequence_number": 1}
            self.EVENTS[event].model_validate({"type": f"response.{event}", **place, **fields})
        assert {event for event, _ in bench.told} == self.EVENTS.keys()

    async def test_is_in_order(self):
        bench = FusingBench()

        await fuse(bench, analysis_models=["panel/m0"])

        assert names_of(bench) == [
            "fusion_call.in_progress",
            "fusion_call.panel.added",
            "fusion_call.panel.delta",
            "fusion_call.panel.completed",
            "fusion_call.analysis.in_progress",
            "fusion_call.analysis.completed",
            "fusion_call.completed",
        ]

    async def test_ends_where_all_fail_too(self):
        bench = FusingBench({"panel/m0": fails()})

        await fuse(bench, analysis_models=["panel/m0"])

        assert names_of(bench)[-2:] == ["fusion_call.panel.failed", "fusion_call.completed"]


class TestWhoMayBeAsked:
    def test_is_told_with_its_place_before_anything_runs(self):
        use = use_of(analysis_models=["a/b", "c/d"], model="e/f")

        assert list(Fusion().models_of(use, FusingBench())) == [
            ("a/b", "tools[0].parameters.analysis_models[0]"),
            ("c/d", "tools[0].parameters.analysis_models[1]"),
            ("e/f", "tools[0].parameters.model"),
        ]

    def test_is_the_best_preset_where_nobody_is_named(self):
        bench = FusingBench()

        asked = list(Fusion().models_of(use_of(), bench))

        assert asked == [(slug, "tools[0]") for slug in ("panel/m0", "panel/m1", "panel/m2")]


class TestConfiguration:
    @pytest.mark.parametrize(
        ("parameters", "path"),
        [
            ({"analysis_models": []}, "parameters.analysis_models"),
            ({"analysis_models": ["a/b"] * 9}, "parameters.analysis_models"),
            ({"analysis_models": ["openrouter/fusion"]}, "parameters.analysis_models"),
            ({"analysis_models": ["a/b\x00"]}, "parameters.analysis_models"),
            ({"model": "headgate/fusion-flash:nitro"}, "parameters.model"),
            ({"model": 3}, "parameters.model"),
            ({"max_tool_calls": 0}, "parameters.max_tool_calls"),
            ({"max_tool_calls": 17}, "parameters.max_tool_calls"),
            ({"max_completion_tokens": 0}, "parameters.max_completion_tokens"),
            ({"temperature": 2.1}, "parameters.temperature"),
            ({"temperature": -1}, "parameters.temperature"),
            ({"reasoning": {"effort": "huge"}}, "parameters.reasoning.effort"),
            ({"reasoning": {"max_tokens": 0}}, "parameters.reasoning.max_tokens"),
            ({"timeout_seconds": 401}, "parameters.timeout_seconds"),
            ({"tools": [{"type": "openrouter:fusion"}]}, "parameters.tools[0].type"),
            ({"tools": [{"type": "openrouter:advisor"}]}, "parameters.tools[0].type"),
            ({"tools": [{}]}, "parameters.tools[0].type"),
            ({"tools": [3]}, "parameters.tools[0]"),
            ({"tools": [{"type": "openrouter:datetime", "parameters": 3}]}, "parameters.tools[0].parameters"),
            (
                {"tools": [{"type": "openrouter:datetime", "parameters": {"x": "y" * 9_000}}]},
                "parameters.tools[0].parameters",
            ),
            ({"preset": "general-high"}, "parameters.preset"),
        ],
    )
    def test_that_makes_no_sense_is_refused_by_its_place(self, parameters, path):
        with pytest.raises(NotValid) as refused:
            Fusion().read_config(parameters)

        assert refused.value.path == path

    def test_may_be_none(self):
        assert Fusion().read_config({}) == {}

    @pytest.mark.parametrize(
        ("tools", "is_missing"),
        [(None, False), ([], False), (["web_fetch"], False), (["web_fetch", "web_search"], True)],
    )
    def test_needs_a_search_engine_only_where_a_search_is_asked_for(self, tools, is_missing):
        entries = None if tools is None else [{"type": f"openrouter:{slug}"} for slug in tools]
        config = Fusion().read_config({"tools": entries})

        missing = Fusion().missing(config, FusingBench().operator)

        assert (missing is not None) == is_missing
        assert Fusion().missing(config, SEARCHING) is None
