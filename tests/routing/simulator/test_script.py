"""The models that call tools as they are told, in every wire format that has tools."""

import json

import pytest

from tests.routing.simulator.asks import CHAT, PLACE, calling, chat, script
from tests.routing.simulator.scripts import ChatTalk, GeminiTalk, MessagesTalk

TOOLS = ("openrouter_web_search", "find_place", "openrouter_datetime")
CALLED = {ChatTalk: "tool_calls", MessagesTalk: "tool_use", GeminiTalk: "STOP"}
ENDED = {ChatTalk: "stop", MessagesTalk: "end_turn", GeminiTalk: "STOP"}
LOOK = {
    "say": "Let me look.",
    "calls": [
        {"name": "find_place", "arguments": {"city": "Rome", "days": 3}},
        {"name": "datetime"},
    ],
}


@pytest.fixture(params=[ChatTalk, MessagesTalk, GeminiTalk])
def kind(request):
    return request.param


@pytest.fixture(params=[False, True], ids=["whole", "stream"])
def talk(simulator, kind, request):
    return kind(simulator, TOOLS, is_stream=request.param)


class TestAScript:
    def test_calls_several_tools_in_a_turn_with_a_text_beside(self, talk, kind):
        said = talk.begin(script(LOOK, {"say": "done"}))

        assert said.text == "Let me look."
        assert [call[1:] for call in said.calls] == [
            ("find_place", {"city": "Rome", "days": 3}),
            ("openrouter_datetime", {}),
        ]
        assert (said.finish, said.tokens) == (CALLED[kind], 8)

    def test_goes_on_by_turns_and_not_by_calls_and_says_the_results(self, talk, kind):
        first = talk.begin(script(LOOK, calling("search"), {"say": "$last, after $results"}))
        second = talk.go_on(first, "north", "noon")

        last = talk.go_on(second, "found")

        assert [call[1] for call in second.calls] == ["openrouter_web_search"]
        assert (second.text, last.calls, last.finish) == ("", [], ENDED[kind])
        latest, _, everything = last.text.partition(", after ")
        assert "found" in latest
        assert "north" not in latest
        assert [everything.find(word) >= 0 for word in ("north", "noon", "found")] == [True] * 3

    def test_repeats_its_last_step_for_ever_and_no_call_has_the_id_of_another(self, talk, kind):
        said = talk.begin(script(LOOK))
        seen = [call[0] for call in said.calls]
        for _ in range(2):
            said = talk.go_on(said, "north", "noon")
            seen += [call[0] for call in said.calls]

        assert len(seen) == 6
        assert len(set(seen)) == (1 if kind is GeminiTalk else 6)

    def test_says_its_text_where_a_tool_is_not_offered(self, talk, kind):
        said = talk.begin(script({"say": "no tool", "calls": [{"name": "find_place"}, {"name": "advisor"}]}))

        assert (said.text, said.calls, said.finish) == ("no tool", [], ENDED[kind])

    def test_says_something_else_where_tools_are_forbidden(self, talk):
        talk.more = talk.none

        said = talk.begin(script(LOOK | {"else": "Never mind: $results."}))

        assert (said.text, said.calls) == ("Never mind: .", [])

    def test_is_found_before_what_the_user_says_later(self, talk):
        first = talk.begin(script(LOOK, {"say": "done"}))
        talk.go_on(first, "north", "noon")
        talk.turns.append(talk.user("and now?"))

        assert talk.ask().text == "done"

    def test_calls_by_the_exact_name_before_a_name_that_ends_like_it(self, simulator, kind):
        said = kind(simulator, ("my_advisor", "advisor")).begin(script(calling("advisor")))

        assert [call[1] for call in said.calls] == ["advisor"]

    def test_sends_broken_arguments_as_they_are_where_the_format_carries_text(self, simulator):
        played = script({"calls": [{"name": "find_place", "arguments": '{"city": '}]})
        [offered] = ChatTalk(simulator, ("find_place",)).request()[1]["tools"]

        answer = simulator.post(CHAT, chat("script", played, tools=[offered]))

        [call] = answer.json()["choices"][0]["message"]["tool_calls"]
        assert call["function"]["arguments"] == '{"city": '

    def test_answers_with_an_object_as_the_response_format_wants_it(self, simulator):
        talk = ChatTalk(simulator, ())
        schema = {"type": "json_schema", "json_schema": {"name": "place", "schema": PLACE}}
        talk.more = {"response_format": schema}

        assert json.loads(talk.begin(script({"say": "$schema"})).text) == {"city": "Oslo"}

    def test_fails_and_waits_as_a_step_says(self, simulator):
        played = script({"status": 503, "milliseconds": 30})

        answer, call = simulator.recorded(CHAT, chat("script", played))

        assert (answer.status, call.outcome) == (503, "error")
        assert (call.ended_at - call.started_at) / 1000 + 2 >= 30

    @pytest.mark.parametrize("text", ["hello there", "[1]", "7"])
    def test_is_an_echo_where_the_message_is_no_object(self, talk, text):
        assert talk.begin(text).text == text

    @pytest.mark.parametrize(
        "script",
        [
            {},
            {"steps": []},
            {"steps": ["say"]},
            {"steps": [{"say": 1}]},
            {"steps": [{"calls": [{"arguments": {}}]}]},
            {"steps": [{"calls": [{"name": "find_place", "arguments": 7}]}]},
            {"steps": [{"status": 200.0}]},
            {"steps": [{"status": 302}]},
            {"steps": [{"milliseconds": -1}]},
        ],
    )
    def test_is_refused_when_it_is_malformed(self, simulator, script):
        answer, call = simulator.recorded(CHAT, chat("script", json.dumps(script)))

        assert (answer.status, call.outcome) == (400, "error")

    def test_makes_no_calls_that_max_tokens_would_cut_in_half(self, simulator):
        talk = ChatTalk(simulator, TOOLS, more={"max_tokens": 7})

        said = talk.begin(script(LOOK))

        assert (said.text, said.calls, said.finish, said.tokens) == ("", [], "length", 0)


class TestCallingAll:
    def test_calls_every_tool_once_then_says_what_they_said(self, talk):
        talk.model = "calls-all"
        first = talk.begin("hello")

        last = talk.go_on(first, "one", "two", "three")

        assert [call[1:] for call in first.calls] == [(name, {"city": "Oslo"}) for name in TOOLS]
        assert last.calls == []
        assert [last.text.find(word) >= 0 for word in ("one", "two", "three")] == [True] * 3

    def test_is_an_echo_without_tools(self, simulator, kind):
        assert kind(simulator, (), model="calls-all").begin("hello").text == "hello"


class TestAPanel:
    @pytest.mark.parametrize("seat", [1, 8])
    def test_has_eight_seats_that_answer_with_their_names(self, simulator, seat):
        answer = simulator.post(CHAT, chat(f"panel-{seat}", "what now?"))

        assert answer.json()["choices"][0]["message"]["content"] == f"panel-{seat} says: what now?"
        assert answer.json()["usage"]["completion_tokens"] == 4

    def test_has_no_ninth(self, simulator):
        assert simulator.post(CHAT, chat("panel-9")).status == 404
