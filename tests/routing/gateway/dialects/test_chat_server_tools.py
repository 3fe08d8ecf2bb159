"""Server tools in Chat Completions: every spelling of a request, records in answers and of earlier turns."""

from __future__ import annotations

import json

import pytest
from openrouter.components import ChatResult, ChatStreamChunk

from routing.gateway.client import RefusedError
from routing.gateway.dialects import CHAT, tool_entries
from routing.tools import TOOLS
from routing.tools.tool import FUNCTION
from tests.routing.gateway.dialects import tool_calls
from tests.routing.gateway.dialects.tool_calls import (
    MERGED,
    OWN_CALL,
    SCRIPT,
    STEPS,
    THOUGHT,
    USED,
    piece,
    play,
)
from tests.routing.providers.streams import events_of

SHOWN = {"generation_id": "gen-1", "model": "acme/served", "provider": "Acme"}
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5, "server_tool_use_details": USED}
USER = {"role": "user", "content": "hi"}
SEARCH = {"type": "openrouter:web_search"}
RECORD = {
    "type": "reasoning.server_tool_call",
    "tool_name": "openrouter:web_search",
    "arguments": '{"query":"oslo"}',
    "result": '{"results":[]}',
    "tool_call_id": "call_1",
}
CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "openrouter_web_search", "arguments": '{"query":"oslo"}'},
}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": '{"results":[]}'}


def read(**more):
    body = {"model": "a/b", "messages": [USER], **more}
    return CHAT.read_call(json.dumps(body).encode(), {})


def replayed(message, *tools):
    return read(messages=[USER, {"role": "assistant", **message}, USER], tools=list(tools)).body["messages"][
        1:-1
    ]


class TestARequest:
    @pytest.mark.parametrize(
        "kind", ["web_search", "web_search_preview", "web_search_preview_2025_03_11", "web_search_2025_08_26"]
    )
    def test_may_call_web_search_as_openai_does(self, kind):
        tool = {
            "type": kind,
            "filters": {"allowed_domains": ["a.example"], "blocked_domains": None},
            "search_context_size": "low",
            "user_location": {"type": "approximate", "city": "Oslo", "region": None},
            "external_web_access": True,
        }

        assert read(tools=[tool]).body["tools"] == [
            {
                **SEARCH,
                "parameters": {
                    "search_context_size": "low",
                    "user_location": {"type": "approximate", "city": "Oslo"},
                    "allowed_domains": ["a.example"],
                },
            }
        ]

    def test_may_give_settings_beside_the_type(self):
        tool = {
            "type": "headgate:web_search",
            "max_results": 3,
            "max_uses": 1,
            "parameters": {"max_results": 4},
        }

        (entry,) = read(tools=[tool]).body["tools"]

        assert entry == {"type": "headgate:web_search", "parameters": {"max_results": 4, "max_uses": 1}}

    def test_keeps_tools_of_the_callers_own_and_what_is_wrong_with_others(self):
        own = {"type": "function", "function": {"name": "weather"}}
        wrong = {"type": "openrouter:advisor", "parameters": 7, "model": "a/b"}

        assert read(tools=[own]).body["tools"] == [own]
        assert read(tools=[own, wrong, SEARCH]).body["tools"] == [
            own,
            {"type": "openrouter:advisor", "parameters": 7},
            SEARCH,
        ]

    @pytest.mark.parametrize(
        ("given", "choice"),
        [
            ({"type": "web_search_preview"}, SEARCH),
            ({"type": "openrouter:datetime", "extra": 1}, {"type": "openrouter:datetime"}),
            (
                {"type": "function", "function": {"name": "f"}},
                {"type": "function", "function": {"name": "f"}},
            ),
            ("required", "required"),
        ],
    )
    def test_may_insist_on_one(self, given, choice):
        assert read(tools=[SEARCH], tool_choice=given).body["tool_choice"] == choice

    def test_may_bound_them_without_asking_more_of_an_endpoint(self):
        bounds = {"max_tool_calls": 3, "stop_server_tools_when": [{"type": "step_count_is", "step_count": 2}]}

        call = read(**bounds)

        assert bounds.items() <= call.body.items()
        assert call.parameters == frozenset()

    @pytest.mark.parametrize(
        "bound",
        [
            *({"max_tool_calls": wrong} for wrong in (0, -1, "3", True)),
            {"stop_server_tools_when": {"type": "x"}},
        ],
    )
    def test_with_a_bound_that_is_none_is_refused_by_name(self, bound):
        with pytest.raises(RefusedError) as refused:
            read(**bound)

        assert refused.value.refusal.metadata["parameter"] in bound


class TestAnEarlierTurn:
    def test_calls_and_is_answered_before_it_speaks(self):
        signed = {"type": "reasoning.text", "text": "So", "index": 2}
        message = {"content": "Rain.", "reasoning_details": [THOUGHT, RECORD, signed]}

        assert replayed(message, SEARCH) == [
            {"role": "assistant", "content": None, "tool_calls": [CALL], "reasoning_details": [THOUGHT]},
            RESULT,
            {"role": "assistant", "content": "Rain.", "reasoning_details": [signed]},
        ]

    def test_keeps_calls_of_the_callers_own_next_to_their_results(self):
        message = {"content": None, "tool_calls": [OWN_CALL], "reasoning_details": [RECORD]}

        *asked, last = replayed(message, SEARCH)

        assert asked == [{"role": "assistant", "content": None, "tool_calls": [CALL]}, RESULT]
        assert last == {"role": "assistant", "content": None, "tool_calls": [OWN_CALL]}

    def test_that_said_nothing_itself_is_its_calls(self):
        assert len(replayed({"content": "", "reasoning_details": [RECORD]}, SEARCH)) == 2

    def test_names_the_second_tool_of_a_kind_by_its_function(self):
        advisors = [{"type": "openrouter:advisor"}] * 2
        record = {**RECORD, "tool_name": "openrouter_advisor__1"}

        first, *_ = replayed({"content": "x", "reasoning_details": [record]}, *advisors)

        assert first["tool_calls"][0]["function"]["name"] == "openrouter_advisor__1"

    @pytest.mark.parametrize("tools", [[], [{"type": "openrouter:datetime"}]])
    def test_forgets_what_is_offered_no_more(self, tools):
        message = {"content": "Rain.", "reasoning_details": [THOUGHT, RECORD]}

        assert replayed(message, *tools) == [
            {"role": "assistant", "content": "Rain.", "reasoning_details": [THOUGHT]}
        ]

    @pytest.mark.parametrize("odd", [{"tool_name": 7}, {"arguments": 1, "result": None, "tool_call_id": 4}])
    def test_that_is_odd_is_no_error_of_ours(self, odd):
        told = replayed({"content": "x", "reasoning_details": [{**RECORD, **odd}, 7]}, SEARCH)

        assert told[-1]["content"] == "x"


class TestAnAnswer:
    def test_records_what_ran_among_the_reasoning(self):
        body = {
            "object": "chat.completion",
            "created": 1,
            "system_fingerprint": None,
            "choices": [{"index": 0, "message": dict(MERGED), "finish_reason": "stop", "steps": STEPS}],
        }

        answer = json.loads(CHAT.finish_answer(read(), body, usage=USAGE, **SHOWN))

        (choice,) = ChatResult.model_validate(answer).choices
        assert "steps" not in answer["choices"][0]
        assert choice.message.content == "Let me see. It rains."
        details = answer["choices"][0]["message"]["reasoning_details"]
        assert [detail["type"].removeprefix("reasoning.") for detail in details] == [
            *("text", "server_tool_call", "server_tool_call"),
            *("text", "server_tool_call", "server_tool_call"),
        ]
        assert [detail["index"] for detail in details] == list(range(6))
        assert details[1] == {
            "type": "reasoning.server_tool_call",
            "tool_name": "openrouter:web_search",
            "arguments": tool_calls.SEARCHED.arguments,
            "result": tool_calls.SEARCHED.result,
            "tool_call_id": "call_1",
            "id": "call_1",
            "index": 1,
            "format": None,
        }

    def test_says_how_often_tools_ran(self):
        body = {"choices": [{"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}]}

        used = json.loads(CHAT.finish_answer(read(), body, usage=USAGE, **SHOWN))["usage"]

        assert used["server_tool_use"] == {"web_search_requests": 1}
        assert used["server_tool_use_details"] == USED

    def test_can_be_asked_again(self):
        body = {"choices": [{"index": 0, "message": dict(MERGED), "finish_reason": "stop", "steps": STEPS}]}
        message = json.loads(CHAT.finish_answer(read(), body, usage=USAGE, **SHOWN))["choices"][0]["message"]
        tools = [
            {"type": f"openrouter:{slug}"} for slug in ("web_search", "web_fetch", "advisor", "datetime")
        ]

        told = replayed(message, *tools)

        assert [one["role"] for one in told] == [
            *("assistant", "tool", "tool", "assistant", "tool", "tool", "assistant")
        ]
        assert told[1]["content"] == tool_calls.SEARCHED.result


class TestAStream:
    def events(self, *script, call=None, usage=USAGE):
        opened = CHAT.open_events(call or read(tools=[SEARCH]), **SHOWN)
        *events, last = play(opened, script, usage).split(b"data: [DONE]")
        assert last == b"\n\n"
        found = events_of(b"".join(events))
        for one in found:
            ChatStreamChunk.model_validate(one)
        return found

    def test_tells_of_a_call_once_it_has_run(self):
        found = self.events(*SCRIPT)

        deltas = [choice["delta"] for one in found for choice in one["choices"]]
        details = [detail for delta in deltas for detail in delta.get("reasoning_details", [])]
        assert "".join([delta.get("content") or "" for delta in deltas]) == "Let me see. It rains."
        assert [detail.get("tool_name") for detail in details] == [
            *(None, "openrouter:web_fetch", "openrouter:web_search"),
            *(None, "openrouter:advisor", "openrouter:datetime"),
        ]
        assert [detail["index"] for detail in details] == list(range(6))
        assert {one["id"] for one in found} == {"gen-1"}

    def test_counts_reasoning_on_where_the_tools_have_become_functions(self):
        function = {"type": "function", "function": {"name": "openrouter_web_search"}}

        *_, last = [
            detail["index"]
            for one in self.events(*SCRIPT, call=read(tools=[function]))
            for choice in one["choices"]
            for detail in choice["delta"].get("reasoning_details", [])
        ]

        assert last == 5

    def test_ends_with_how_often_tools_ran(self):
        assert self.events(*SCRIPT)[-1]["usage"]["server_tool_use"] == {"web_search_requests": 1}

    def test_without_tools_is_passed_on_as_it_is(self):
        data = piece({"reasoning_details": [THOUGHT]}, {"content": "hi"}, finish="stop")

        assert CHAT.open_events(read(), **SHOWN).feed(data) is data


def test_tools_have_the_names_here_that_they_have_where_they_run():
    named = {name: tool.slug for tool in TOOLS.values() for name in tool.names}

    assert (FUNCTION, named) == (tool_entries.FUNCTION, tool_entries.ALIASES)
