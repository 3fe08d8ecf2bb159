"""Server tools in the Responses API: how they are asked for, their items, and the items of earlier turns."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest

from routing.gateway.client import RefusedError
from tests.routing.gateway.dialects import tool_calls
from tests.routing.gateway.dialects.responses_oracles import (
    CALLED,
    DIALECT,
    OVERLOADED,
    RETURNED,
    SHOWN,
    USAGE,
    WEATHER,
    accumulate,
    check_response,
    joined,
    kinds,
    messages,
    read,
    read_events,
)
from tests.routing.gateway.dialects.tool_calls import (
    ADVISED,
    ADVISING,
    BROKEN,
    MERGED,
    OWN_CALL,
    SCRIPT,
    SEARCHED,
    SEARCHING,
    STEPS,
    USED,
    called,
    piece,
    play,
    ran,
)

USED_TOO = {**USAGE, "server_tool_use_details": USED}
SEARCH = {"type": "openrouter:web_search"}
SLUGS = ("web_search", "web_fetch", "advisor", "datetime")
TOOLS = [{"type": f"openrouter:{slug}"} for slug in SLUGS]
SAID = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Rain."}]}
ITEM = {
    "type": "openrouter:datetime",
    "id": "st_1",
    "status": "completed",
    "datetime": "noon",
    "timezone": "UTC",
}


def stream(*script, call=None):
    events = DIALECT.open_events(call or read(tools=TOOLS), **SHOWN)
    return read_events(play(events, script, USED_TOO), has_server_tools=True)


def whole(steps, message, finish="stop"):
    choice = {"index": 0, "message": message, "finish_reason": finish, "steps": steps}
    answer = json.loads(
        DIALECT.finish_answer(read(tools=TOOLS), {"choices": [choice]}, usage=USED_TOO, **SHOWN)
    )
    check_response(answer, has_server_tools=True)
    return answer


def types(items):
    return [item["type"].removeprefix("openrouter:") for item in items]


class TestARequest:
    @pytest.mark.parametrize("kind", ["web_search", "web_search_preview", "web_search_2025_08_26"])
    def test_may_search_the_web_as_with_openai(self, kind):
        tool = {"type": kind, "filters": {"excluded_domains": ["x.example"]}, "search_context_size": "high"}

        assert read(tools=[tool]).body["tools"] == [
            {**SEARCH, "parameters": {"search_context_size": "high", "excluded_domains": ["x.example"]}}
        ]

    def test_may_mix_them_with_the_callers_own(self):
        tools = read(tools=[WEATHER, {**SEARCH, "parameters": {"max_results": 3}}]).body["tools"]

        assert [tool["type"] for tool in tools] == ["function", "openrouter:web_search"]
        assert tools[1]["parameters"] == {"max_results": 3}

    @pytest.mark.parametrize("choice", [SEARCH, {"type": "web_search_preview"}])
    def test_may_insist_on_one(self, choice):
        assert read(tools=[WEATHER, SEARCH], tool_choice=choice).body["tool_choice"] == SEARCH

    def test_may_allow_some_of_them(self):
        allowed = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "web_search"}]}

        body = read(tools=[WEATHER, *TOOLS], tool_choice=allowed).body

        assert (body["tools"], body["tool_choice"]) == ([SEARCH], "auto")

    def test_may_bound_them(self):
        bounds = {
            "max_tool_calls": 3,
            "stop_server_tools_when": [{"type": "max_cost", "max_cost_in_dollars": 1}],
        }

        call = read(**bounds)

        assert bounds.items() <= call.body.items()
        assert (call.parameters, call.dropped) == (frozenset(), ())

    def test_is_repeated_with_what_the_contract_has_words_for(self):
        tool = {"type": "web_search", "search_context_size": "low"}

        repeated = read(tools=[tool, *TOOLS], tool_choice=SEARCH).detail["responses"]

        assert (repeated["tools"], repeated["tool_choice"]) == ([tool], "required")


class TestAStream:
    def test_has_an_item_for_each_call_in_the_order_of_their_beginnings(self):
        events = stream(*SCRIPT)

        output = events[-1]["response"]["output"]
        assert types(output) == [
            *("reasoning", "message", "web_search", "web_fetch"),
            *("reasoning", "advisor", "datetime", "message"),
        ]
        assert {item["status"] for item in output} == {"completed"}
        assert events[-1]["response"]["output_text"] == "Let me see. It rains."

    @pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")  # about items that are not OpenAI's
    def test_is_put_together_by_the_official_client(self):
        response = accumulate(stream(*SCRIPT), has_server_tools=True)

        assert response.output_text == "Let me see. It rains."
        assert [item.type for item in response.output][2] == "openrouter:web_search"

    def test_begins_and_ends_every_item_at_its_place(self):
        added, done = {}, {}
        for event in stream(*SCRIPT):
            if event["type"].startswith("response.output_item"):
                (added if event["type"].endswith("added") else done)[event["output_index"]] = event["item"]

        assert list(added) == list(range(8))
        assert list(done) == [0, 1, 3, 2, 4, 5, 6, 7]
        assert [added[at]["id"] for at in added] == [done[at]["id"] for at in added]
        assert added[2]["action"] == {"type": "search", "query": "oslo"}
        assert done[2]["action"] == tool_calls.ACTION

    def test_tells_of_a_search(self):
        script = (
            ("begin_tool", SEARCHING),
            ("tell_tool", SEARCHING, "web_search_call.searching", {}),
            ("end_tool", SEARCHED),
        )

        found = [event for event in stream(*script) if "web_search_call" in event["type"]]

        assert kinds(found) == [
            "web_search_call.in_progress",
            "web_search_call.searching",
            "web_search_call.completed",
        ]
        assert {event["output_index"] for event in found} == {0}

    def test_tells_of_a_panel(self):
        begun = called("fusion")
        analysis = {
            name: []
            for name in ("consensus", "contradictions", "partial_coverage", "unique_insights", "blind_spots")
        }
        told = [
            ("in_progress", {}),
            ("panel.added", {"model": "a/b"}),
            ("panel.reasoning.delta", {"model": "a/b", "delta": "Hm"}),
            ("panel.delta", {"model": "a/b", "delta": "Yes"}),
            ("panel.completed", {"model": "a/b", "content": "Yes"}),
            ("panel.failed", {"model": "c/d", "error": "No."}),
            ("analysis.in_progress", {"analyst_model": "a/b", "judge_model": "a/b"}),
            ("analysis.completed", {"analysis": analysis}),
            ("completed", {}),
        ]
        script = [("tell_tool", begun, f"fusion_call.{name}", fields) for name, fields in told]

        ended = ran(begun, {"analysis": analysis, "responses": [{"model": "a/b", "content": "Yes"}]})

        found = stream(("begin_tool", begun), *script, ("end_tool", ended))

        assert [kind for kind in kinds(found) if kind.startswith("fusion_call")] == [
            f"fusion_call.{name}" for name, _ in told
        ]
        assert found[-1]["response"]["output"][0]["analysis"] == analysis

    def test_tells_of_a_failed_member_so_that_no_client_takes_it_for_the_end(self):
        begun = called("fusion")
        failed = {"model": "c/d", "error": "No.", "status_code": 502}

        found = stream(
            ("begin_tool", begun),
            ("tell_tool", begun, "fusion_call.panel.failed", failed),
            ("end_tool", begun),
        )

        [event] = [one for one in found if one["type"] == "response.fusion_call.panel.failed"]
        assert (event["error"], event["message"], event["status_code"]) == ("", "No.", 502)

    def test_lets_advice_arrive_in_pieces(self):
        deltas = [("tell_tool", ADVISING, "advisor.delta", {"delta": text}) for text in ("N", "o.")]

        found = stream(("begin_tool", ADVISING), *deltas, ("end_tool", ADVISED))

        assert joined(found, "output_text") == "No."
        done = next(event for event in found if event["type"] == "response.output_text.done")
        assert (done["text"], done["item_id"]) == ("No.", found[-1]["response"]["output"][0]["id"])

    def test_does_not_tell_what_there_is_no_word_for(self):
        silent = stream(("begin_tool", ADVISING), ("end_tool", ADVISED))

        told = stream(
            ("begin_tool", ADVISING),
            ("tell_tool", ADVISING, "strange.event", {"x": 1}),
            ("end_tool", ADVISED),
        )

        assert kinds(told) == kinds(silent)

    @pytest.mark.parametrize(("slug", "status"), [("web_search", "failed"), ("web_fetch", "incomplete")])
    def test_says_that_a_call_failed_as_the_contract_can(self, slug, status):
        begun = called(slug)
        ended = ran(begun, {"error": "No."}, is_failed=True)

        (item, _) = stream(("begin_tool", begun), ("end_tool", ended), piece({"content": "x"}))[-1][
            "response"
        ]["output"]

        assert (item["status"], item["error"]) == (status, "No.")

    def test_names_the_second_tool_of_a_kind(self):
        begun = called("advisor", instance=1)

        (item, *_) = stream(("begin_tool", begun), ("end_tool", ran(begun, {"advice": "No."})))[-1][
            "response"
        ]["output"]

        assert item["instance_name"] == "openrouter_advisor__1"

    def test_names_the_first_of_several_where_the_contract_does(self):
        begun = called("advisor")._replace(is_one_of_several=True)

        (item, *_) = stream(("begin_tool", begun), ("end_tool", ran(begun, {"advice": "No."})))[-1][
            "response"
        ]["output"]

        assert item["instance_name"] == "openrouter_advisor"

    def test_that_fails_leaves_a_tool_unfinished(self):
        events = DIALECT.open_events(read(), **SHOWN)

        sent = events.begin_tool(SEARCHING) + events.fail(OVERLOADED)
        found = read_events(sent, has_server_tools=True)

        assert found[-1]["response"]["output"][0]["status"] == "incomplete"

    def test_ends_with_how_often_tools_ran(self):
        usage = stream(*SCRIPT)[-1]["response"]["usage"]

        assert usage["server_tool_use"] == {"web_search_requests": 1}
        assert usage["server_tool_use_details"]["tool_calls_executed"] == 2


class TestAWholeAnswer:
    def test_has_the_output_of_a_stream(self):
        answer = whole(STEPS, MERGED)

        assert answer["output"] == stream(*SCRIPT)[-1]["response"]["output"]
        assert answer["output_text"] == "Let me see. It rains."
        assert answer["usage"]["server_tool_use"] == {"web_search_requests": 1}

    def test_shows_calls_of_the_callers_own_and_no_others(self):
        theirs = {"id": "call_5", "type": "function", "function": {"name": "openrouter_web_search"}}
        step = STEPS[0]._replace(message={"tool_calls": [theirs, OWN_CALL]}, tools=(BROKEN,))

        output = whole([step], {"tool_calls": [OWN_CALL]}, "tool_calls")["output"]

        assert types(output) == ["function_call", "web_search"]
        assert output[1]["status"] == "failed"


class TestAnEarlierTurn:
    def test_calls_and_is_answered_before_it_speaks(self):
        asked, answered, said = messages([ITEM, SAID], tools=TOOLS)

        function = {"name": "openrouter_datetime", "arguments": '{"timezone":"UTC"}'}
        assert asked["tool_calls"] == [{"id": "st_1", "type": "function", "function": function}]
        assert answered["tool_call_id"] == "st_1"
        assert json.loads(answered["content"]) == {"status": "ok", "datetime": "noon", "timezone": "UTC"}
        assert said == {"role": "assistant", "content": "Rain."}

    @pytest.mark.parametrize("order", [(CALLED, ITEM, RETURNED), (ITEM, CALLED, RETURNED)])
    def test_keeps_calls_of_the_callers_own_next_to_their_results(self, order):
        second = {**ITEM, "id": "st_2"}
        told = messages([*order[:2], second, order[2]], tools=[WEATHER, *TOOLS])

        waiting = set()
        for message in told:
            if message["role"] == "tool":
                waiting.remove(message["tool_call_id"])
            else:
                assert not waiting
                waiting |= {call["id"] for call in message.get("tool_calls", ())}
        assert not waiting

    def test_is_what_an_answer_said(self):
        output = stream(*SCRIPT)[-1]["response"]["output"]

        told = messages([{"role": "user", "content": "hi"}, *output], tools=TOOLS)

        assert [one["role"] for one in told] == [
            *("user", "assistant", "tool", "tool"),
            *("assistant", "tool", "tool", "assistant"),
        ]
        search, advice = json.loads(told[2]["content"]), json.loads(told[5]["content"])
        assert search["sources"] == tool_calls.ACTION["sources"]
        assert advice == {"status": "ok", "model": "acme/wise", "advice": "No."}
        assert json.loads(told[4]["tool_calls"][0]["function"]["arguments"]) == {"prompt": "Walk?"}

    @pytest.mark.parametrize(
        "item",
        [
            {**ITEM, "status": "in_progress"},
            {"type": "openrouter:fusion", "status": "completed"},
            {**ITEM, "instance_name": "openrouter_datetime__1"},
            {"type": "openrouter:"},
        ],
    )
    def test_forgets_what_never_ended_or_is_offered_no_more(self, item):
        assert messages([item, SAID], tools=TOOLS) == [{"role": "assistant", "content": "Rain."}]

    @pytest.mark.parametrize("field", ["id", "status", "instance_name"])
    def test_that_is_odd_is_refused_by_name(self, field):
        with pytest.raises(RefusedError) as refused:
            messages([{**ITEM, field: 7}], tools=TOOLS)

        assert refused.value.refusal.metadata["parameter"] == f"input[0].{field}"

    def test_that_is_nested_too_deeply_is_no_error_of_ours(self):
        for depth in range(900, 1100, 7):
            deep = b"[" * depth + b"]" * depth
            item = b'{"type":"openrouter:fusion","status":"completed","analysis":' + deep + b"}"
            with suppress(RefusedError):
                read(b'{"model":"a/b","tools":[{"type":"openrouter:fusion"}],"input":[' + item + b"]}")
