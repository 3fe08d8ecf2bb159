"""The advisor: whom it asks, what it lets him see, what he remembers, and what comes back."""

from __future__ import annotations

import pytest

from config.lib.declared import NotValid
from routing.tools.advisor import COMPRESSED, UNASKED, Advisor
from routing.tools.asking import LONGEST_ANSWER, LONGEST_QUESTION
from tests.routing.tools.asking_bench import OUTER, AskingBench, answer, exchange, use_of

ADVISOR = Advisor()
HI = {"role": "user", "content": "Build a pool."}
OK = {"status": "ok", "model": "a/wise", "advice": "Close first."}
MINE = "openrouter_advisor"


async def run(arguments, bench, config=None, instance=0):
    return await ADVISOR.run(arguments, use_of(ADVISOR, config, instance), bench)


def fault(config):
    with pytest.raises(NotValid) as refused:
        ADVISOR.read_config(config)
    return refused.value.path


class TestConfiguration:
    def test_takes_every_documented_parameter(self):
        given = {
            "name": "Lead Architect",
            "model": "~anthropic/claude-opus-latest",
            "instructions": "Be decisive.",
            "forward_transcript": False,
            "stream": True,
            "max_completion_tokens": 2048,
            "max_tool_calls": 25,
            "reasoning": {"effort": "high", "max_tokens": 1000},
            "temperature": 0.7,
        }

        assert ADVISOR.read_config(given) == given

    def test_trims_names(self):
        assert ADVISOR.read_config({"name": f"  {'n' * 64} "}) == {"name": "n" * 64}

    @pytest.mark.parametrize(
        ("config", "path"),
        [
            ({"name": " "}, "parameters.name"),
            ({"name": "n" * 65}, "parameters.name"),
            ({"name": "ünder"}, "parameters.name"),
            ({"name": 1}, "parameters.name"),
            ({"model": ""}, "parameters.model"),
            ({"model": "openrouter:advisor"}, "parameters.model"),
            ({"temperature": 2.1}, "parameters.temperature"),
            ({"max_completion_tokens": 0}, "parameters.max_completion_tokens"),
            ({"reasoning": {"effort": "huge"}}, "parameters.reasoning.effort"),
            ({"reasoning": {"tokens": 1}}, "parameters.reasoning.tokens"),
            ({"forward_transcript": "yes"}, "parameters.forward_transcript"),
            ({"advisors": []}, "parameters.advisors"),
            ([], "parameters"),
        ],
    )
    def test_refuses_by_name_what_is_none(self, config, path):
        assert fault(config) == path


class TestSeveral:
    def check(self, *configs):
        uses = [use_of(ADVISOR, config, number) for number, config in enumerate(configs)]
        return [(use.where, *rest) for use, *rest in ADVISOR.check_together(uses)]

    def test_are_told_apart_by_their_names(self):
        assert self.check({"name": "reviewer"}, {"name": "architect"}, {}) == []

    def test_have_one_default_at_most(self):
        assert self.check({}, {"name": "reviewer"}, {"model": "a/b"}) == [
            (
                "tools[2]",
                "",
                "Only one advisor tool can serve as the default. "
                "All other advisor tools must have a name defined",
            )
        ]

    def test_share_no_name(self):
        assert self.check({"name": "reviewer"}, {"name": " reviewer "}) == [
            ("tools[1]", "name", "must be unique, and is the name of tools[0] as well")
        ]


class TestTheModel:
    def test_of_the_entry_comes_first(self):
        use = use_of(ADVISOR, {"model": "a/fixed"})

        assert list(ADVISOR.models_of(use, AskingBench())) == [("a/fixed", "tools[0].parameters.model")]

    async def test_of_the_entry_is_not_overridden_by_the_call(self):
        bench = AskingBench(answer())

        await run({"prompt": "Hm?", "model": "a/called"}, bench, {"model": "a/fixed"})
        await run({"prompt": "Hm?", "model": 7}, bench, {"model": "a/fixed"})

        assert [body["model"] for body in bench.asked] == ["a/fixed", "a/fixed"]

    async def test_of_the_call_comes_next(self):
        bench = AskingBench(answer())

        await run({"prompt": "Hm?", "model": "a/called"}, bench)

        assert bench.asked[0]["model"] == "a/called"
        assert "models" not in bench.asked[0]

    @pytest.mark.parametrize(
        ("models", "named"),
        [
            ((OUTER,), {"model": OUTER}),
            ((OUTER, "a/next"), {"model": OUTER, "models": ["a/next"]}),
            ((), {}),
        ],
    )
    async def test_of_the_request_comes_last(self, models, named):
        bench = AskingBench(answer(), models=models)

        await run({"prompt": "Hm?", "model": ""}, bench)

        assert bench.asked[0] == {**named, "messages": [{"role": "user", "content": "Hm?"}]}

    def test_is_left_to_the_model_only_where_the_entry_names_none(self):
        free, fixed = (ADVISOR.function(use_of(ADVISOR, config)) for config in ({}, {"model": "a/b"}))

        assert free["parameters"]["properties"].keys() == {"prompt", "model"}
        assert fixed["parameters"]["properties"].keys() == {"prompt"}
        assert "a/b" in fixed["description"]


class TestWhatTheAdvisorIsAsked:
    async def test_is_the_prompt_alone_with_the_entrys_parameters(self):
        config = {
            "name": "reviewer",
            "instructions": "Find flaws.",
            "max_completion_tokens": 99,
            "reasoning": {"effort": "high"},
            "temperature": 0,
        }
        bench = AskingBench(answer(), messages=[HI])

        await run({"prompt": "Hm?"}, bench, config)

        assert bench.asked == [
            {
                "model": OUTER,
                "messages": [
                    {"role": "system", "content": "Find flaws."},
                    {"role": "user", "content": "Hm?"},
                ],
                "max_completion_tokens": 99,
                "reasoning": {"effort": "high"},
                "temperature": 0,
            }
        ]

    async def test_is_the_whole_conversation_where_that_is_forwarded(self):
        said = [HI, *exchange("look_up", {}, "Ten."), *exchange(MINE, {"prompt": "Hm?"}, {}, "call_2")[:1]]
        bench = AskingBench(answer(), messages=said)

        await run({"prompt": "Hm?"}, bench, {"forward_transcript": True, "instructions": "Be brief."})

        messages = bench.asked[0]["messages"]
        assert [message["role"] for message in messages] == ["system", "user", "assistant", "user", "user"]
        assert messages[-1]["content"] == "Hm?"
        assert "tools" not in bench.asked[0]

    async def test_needs_no_prompt_then(self):
        said = [HI, {"role": "assistant", "content": "I could use channels."}]
        bench = AskingBench(answer(), messages=said)

        ran = await run({}, bench, {"forward_transcript": True})

        assert bench.asked[0]["messages"] == [*said, {"role": "user", "content": UNASKED}]
        assert ran.item == {"model": "a/wise", "advice": "Do it."}
        function = ADVISOR.function(use_of(ADVISOR, {"forward_transcript": True}))
        assert function["parameters"]["required"] == []

    async def test_ends_with_what_the_user_said_where_there_is_no_prompt(self):
        bench = AskingBench(answer(), messages=[HI])

        await run({}, bench, {"forward_transcript": True})

        assert bench.asked[0]["messages"] == [HI]


class TestMemory:
    async def test_brings_back_what_this_advisor_said_in_the_conversation(self):
        said = [HI, *exchange(MINE, {"prompt": "First?"}, OK), {"role": "user", "content": "And now?"}]
        bench = AskingBench(answer(), messages=said)

        await run({"prompt": "Second?"}, bench)

        assert bench.asked[0] == {
            "model": OUTER,
            "messages": [
                {"role": "user", "content": "First?"},
                {"role": "assistant", "content": "Close first."},
                {"role": "user", "content": "Second?"},
            ],
            **COMPRESSED,
        }

    async def test_is_each_advisors_own(self):
        said = [*exchange(MINE, {"prompt": "A?"}, OK), *exchange(f"{MINE}__1", {"prompt": "B?"}, OK)]
        bench = AskingBench(answer(), messages=said)

        await run({"prompt": "C?"}, bench, instance=1)

        assert [message["content"] for message in bench.asked[0]["messages"]] == [
            "B?",
            "Close first.",
            "C?",
        ]

    @pytest.mark.parametrize(
        ("arguments", "result"),
        [
            ({"prompt": "A?"}, {"status": "error", "error": "No."}),
            ({"prompt": "A?"}, "no object"),
            ({"prompt": ["A?"]}, OK),
            ({}, OK),
            ("no object", OK),
        ],
    )
    async def test_holds_nothing_that_was_not_advice(self, arguments, result):
        bench = AskingBench(answer(), messages=exchange(MINE, arguments, result))

        await run({"prompt": "B?"}, bench)

        assert bench.asked[0] == {"model": OUTER, "messages": [{"role": "user", "content": "B?"}]}

    async def test_survives_results_that_are_no_json(self):
        said = exchange(MINE, {"prompt": "A?"}, OK)
        said[1]["content"] = "[" * 10_000
        bench = AskingBench(answer(), messages=said)

        await run({"prompt": "B?"}, bench)

        assert len(bench.asked[0]["messages"]) == 1


class TestTheResult:
    async def test_is_the_advice_and_whose_it_is(self):
        ran = await run({"prompt": "Hm?"}, AskingBench(answer()))

        assert ran.result == {"status": "ok", "model": "a/wise", "advice": "Do it."}
        assert ran.item == {"prompt": "Hm?", "model": "a/wise", "advice": "Do it."}
        assert not ran.is_failed

    async def test_is_cut_where_it_is_very_long(self):
        ran = await run({"prompt": "Hm?"}, AskingBench(answer("x" * (LONGEST_ANSWER + 7))))

        assert ran.result["advice"].endswith("x\n\n[7 more characters were left out.]")
        assert ran.item["advice"] == ran.result["advice"]

    @pytest.mark.parametrize(
        ("said", "told"),
        [
            (answer("", error="No such model.", status=404), "Advisor call failed: No such model."),
            (answer("", error="x" * 9999, status=502), "Advisor call failed: " + "x" * 500),
            (
                answer(" ", finish_reason="length"),
                "Advisor call failed: the model said nothing (finish_reason length).",
            ),
        ],
    )
    async def test_says_why_there_is_no_advice(self, said, told):
        ran = await run({"prompt": "Hm?"}, AskingBench(said))

        assert ran.is_failed
        assert ran.result == {"status": "error", "error": told}
        assert ran.item == {"prompt": "Hm?", "error": told}

    @pytest.mark.parametrize(
        "arguments",
        [
            {},
            {"prompt": ""},
            {"prompt": None},
            {"prompt": ["Hm?"]},
            {"prompt": "x" * (LONGEST_QUESTION + 1)},
            {"prompt": "\ud800"},
            {"prompt": "Hm?", "model": {"a": 1}},
            {"prompt": "Hm?", "model": "m" * 1_000_000},
        ],
    )
    async def test_of_arguments_that_make_no_sense_is_a_fault_and_nobody_is_asked(self, arguments):
        bench = AskingBench(answer())

        ran = await run(arguments, bench)

        assert ran.is_failed
        assert ran.result["status"] == "error"
        assert len(str(ran)) < 1000
        assert bench.asked == []

    async def test_ignores_arguments_that_were_not_asked_for(self):
        ran = await run({"prompt": "Hm?", "urgency": "high"}, AskingBench(answer()))

        assert not ran.is_failed

    async def test_is_a_fault_once_the_request_has_asked_too_often(self):
        bench = AskingBench(answer())

        ran = [await run({"prompt": "Hm?"}, bench, {"name": "n"}, number % 2) for number in range(9)]

        assert [one.is_failed for one in ran] == [False] * 8 + [True]
        assert len(bench.asked) == 8


class TestStreaming:
    PIECES = [("Hm, ", True), ("Do ", False), ("it.", False)]

    async def test_tells_the_advice_and_no_thoughts(self):
        bench = AskingBench(answer(), pieces=self.PIECES)

        await run({"prompt": "Hm?"}, bench, {"stream": True})

        assert bench.told == [("advisor.delta", {"delta": "Do "}), ("advisor.delta", {"delta": "it."})]

    @pytest.mark.parametrize("config", [{}, {"stream": False}])
    async def test_is_asked_for(self, config):
        bench = AskingBench(answer(), pieces=self.PIECES)

        await run({"prompt": "Hm?"}, bench, config)

        assert bench.told == []
