"""The subagent: which tools it may be given, what the worker is asked, and what comes back."""

from __future__ import annotations

import pytest

from config.lib.declared import NotValid
from routing.plugins.operator import NOTHING_SET_UP, Missing
from routing.tools import TOOLS
from routing.tools.asking import LONGEST_ANSWER, LONGEST_QUESTION
from routing.tools.subagent import Subagent
from routing.tools.tool import ServerTool
from tests.routing.tools.asking_bench import OUTER, AskingBench, answer, use_of

SUBAGENT = TOOLS["subagent"]
TASK = {"task_name": "sum-up", "task_description": "Sum up: a b c."}
CLOCK = {"type": "openrouter:datetime", "parameters": {"timezone": "Europe/Berlin"}}


class Nowhere(ServerTool):
    """A tool that the operator has not set up."""

    slug = "nowhere"

    def missing(self, config, operator):
        return Missing("engine", "is not set up here")


async def run(arguments, bench, config=None):
    return await SUBAGENT.run(arguments, use_of(SUBAGENT, config), bench)


def fault(config, tool=SUBAGENT):
    with pytest.raises(NotValid) as refused:
        tool.read_config(config)
    return refused.value.path


class TestConfiguration:
    def test_takes_every_documented_parameter(self):
        given = {
            "name": "summarizer",
            "model": "~anthropic/claude-haiku-latest",
            "instructions": "Complete the task.",
            "tools": [CLOCK, {"type": "headgate:search_models"}],
            "max_tool_calls": 5,
            "max_completion_tokens": 2048,
            "reasoning": {"effort": "none", "max_tokens": 1},
            "temperature": 0.7,
        }

        assert SUBAGENT.read_config(given) == given

    @pytest.mark.parametrize("model", ["openrouter:subagent", "headgate:subagent"])
    def test_knows_that_it_is_no_model_itself(self, model):
        assert fault({"model": model}) == "parameters.model"

    @pytest.mark.parametrize("calls", [0, 26, 2.5])
    def test_bounds_the_steps_of_the_worker(self, calls):
        assert fault({"max_tool_calls": calls}) == "parameters.max_tool_calls"

    @pytest.mark.parametrize(
        ("name", "value"), [("inherit_functions", True), ("inherited_function_names", ["look_up"])]
    )
    def test_refuses_to_hand_on_the_callers_functions(self, name, value):
        assert fault({name: value}) == f"parameters.{name}"

    def test_hears_that_none_are_to_be_handed_on(self):
        given = {"inherit_functions": False, "inherited_function_names": []}

        assert SUBAGENT.read_config(given) == {}

    def test_has_one_default_among_several(self):
        uses = [use_of(SUBAGENT, (number and {"model": "a/b"}) or {}, number) for number in range(2)]

        assert [why for _, _, why in SUBAGENT.check_together(uses)] == [
            "Only one subagent tool can serve as the default. "
            "All other subagent tools must have a name defined"
        ]


class TestItsTools:
    @pytest.mark.parametrize(
        ("tool", "path"),
        [
            ({"type": "function", "function": {"name": "look_up"}}, "type"),
            ({"type": "openrouter:subagent"}, "type"),
            ({"type": "headgate:subagent", "parameters": {}}, "type"),
            ({"type": "openrouter:teleport"}, "type"),
            ({"type": "web_search"}, "type"),
            ({"type": 7}, "type"),
            ({}, "type"),
            ({"type": "openrouter:datetime", "timezone": "x"}, "parameters.timezone"),
            ({"type": "openrouter:datetime", "zone": "UTC"}, "parameters.zone"),
            ({"type": "openrouter:datetime", "parameters": []}, "parameters"),
            ({"type": "openrouter:datetime", "parameters": {"timezone": "x"}}, "parameters.timezone"),
            ({"type": "openrouter:advisor", "parameters": {"name": ""}}, "parameters.name"),
        ],
    )
    def test_that_it_cannot_have_are_refused_by_their_place(self, tool, path):
        assert fault({"tools": [CLOCK, tool]}) == f"parameters.tools[1].{path}"

    def test_may_have_their_settings_beside_their_type(self):
        given = {"tools": [{"type": "openrouter:datetime", "timezone": "Europe/Berlin"}]}

        assert SUBAGENT.read_config(given) == given

    @pytest.mark.parametrize("tools", ["openrouter:datetime", [1], [CLOCK] * 17])
    def test_are_a_list_of_objects(self, tools):
        assert fault({"tools": tools}).startswith("parameters.tools")

    def test_are_bounded_as_those_of_a_request(self):
        assert fault({"tools": [CLOCK, CLOCK]}) == "parameters.tools[1]"

    def test_get_on_with_each_other_as_those_of_a_request(self):
        advisors = [{"type": "openrouter:advisor", "parameters": {"name": "n"}}] * 2

        assert fault({"tools": advisors}) == "parameters.tools[1].parameters.name"

    def test_must_be_set_up(self):
        tool = Subagent({"openrouter:nowhere": Nowhere()}.get)
        config = tool.read_config({"tools": [{"type": "openrouter:nowhere"}]})

        missing = tool.missing(config, NOTHING_SET_UP)

        assert missing == Missing("tools[0].parameters.engine", "is not set up here")
        assert SUBAGENT.missing({"tools": [CLOCK]}, NOTHING_SET_UP) is None

    def test_name_models_that_must_be_permitted_too(self):
        inner = {"type": "openrouter:advisor", "parameters": {"model": "a/wise"}}
        use = use_of(SUBAGENT, {"model": "a/small", "tools": [CLOCK, inner]}, 2)

        assert list(SUBAGENT.models_of(use, AskingBench())) == [
            ("a/small", "tools[2].parameters.model"),
            ("a/wise", "tools[2].parameters.tools[1].parameters.model"),
        ]


class TestTheWorker:
    async def test_sees_the_task_and_nothing_of_the_conversation(self):
        bench = AskingBench(answer(), messages=[{"role": "user", "content": "Audit this."}])

        await run(TASK, bench)

        assert bench.asked == [{"model": OUTER, "messages": [{"role": "user", "content": "Sum up: a b c."}]}]

    async def test_is_the_entrys_model_with_its_parameters_and_tools(self):
        config = {
            "model": "a/small",
            "instructions": "Be fast.",
            "tools": [CLOCK],
            "max_tool_calls": 3,
            "temperature": 1,
        }
        bench = AskingBench(answer())

        await run(TASK, bench, config)

        assert bench.asked == [
            {
                "model": "a/small",
                "temperature": 1,
                "messages": [
                    {"role": "system", "content": "Be fast."},
                    {"role": "user", "content": "Sum up: a b c."},
                ],
                "tools": [CLOCK],
                "max_tool_calls": 3,
            }
        ]

    async def test_without_tools_is_told_of_no_limit_to_their_use(self):
        bench = AskingBench(answer())

        await run(TASK, bench, {"max_tool_calls": 3, "tools": []})

        assert bench.asked[0].keys() == {"model", "messages"}

    def test_is_known_to_the_model_by_its_name(self):
        function = SUBAGENT.function(use_of(SUBAGENT, {"name": "summarizer", "model": "a/small"}))

        assert 'the subagent "summarizer" (a/small)' in function["description"]
        assert function["parameters"]["required"] == ["task_name", "task_description"]


class TestTheResult:
    async def test_is_the_outcome_and_whose_it_is(self):
        ran = await run(TASK, AskingBench(answer("abc", "a/small")), {"name": "summarizer"})

        assert ran.result == {
            "status": "ok",
            "model": "a/small",
            "task_name": "sum-up",
            "outcome": "abc",
        }
        assert ran.item == {"name": "summarizer", **TASK, "model": "a/small", "outcome": "abc"}

    async def test_is_cut_where_it_is_very_long(self):
        ran = await run(TASK, AskingBench(answer("x" * (LONGEST_ANSWER + 1))))

        assert ran.result["outcome"].endswith("[1 more characters were left out.]")

    async def test_says_why_there_is_no_outcome(self):
        ran = await run(TASK, AskingBench(answer("", error="No such model.", status=404)))

        told = "Subagent call failed: No such model."
        assert ran.is_failed
        assert ran.result == {"status": "error", "task_name": "sum-up", "error": told}
        assert ran.item == {**TASK, "error": told}

    @pytest.mark.parametrize(
        "arguments",
        [
            {},
            {"task_name": "sum-up"},
            {"task_description": "Sum up."},
            {"task_name": 1, "task_description": "Sum up."},
            {"task_name": "x" * 1_000_000, "task_description": "Sum up."},
            {"task_name": "sum-up", "task_description": {"a": []}},
            {"task_name": "sum-up", "task_description": "x" * (LONGEST_QUESTION + 1)},
            {"task_name": "sum-up", "task_description": "\udfff"},
        ],
    )
    async def test_of_arguments_that_make_no_sense_is_a_fault_and_nobody_is_asked(self, arguments):
        bench = AskingBench(answer())

        ran = await run(arguments, bench)

        assert ran.is_failed
        assert ran.result["status"] == "error"
        assert len(str(ran)) < 1000
        assert bench.asked == []

    async def test_is_a_fault_once_the_request_has_handed_over_too_much(self):
        bench = AskingBench(answer())

        ran = [await run(TASK, bench) for _ in range(17)]

        assert [one.is_failed for one in ran] == [False] * 16 + [True]
