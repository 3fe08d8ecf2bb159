"""Server tools in Anthropic's Messages: its own types of them, and blocks of calls told and brought back."""

from __future__ import annotations

import json

import httpx
import pytest
from anthropic.lib.streaming._beta_messages import accumulate_event
from anthropic.types import WebFetchToolResultBlock, WebSearchToolResultBlock
from anthropic.types.beta import BetaAdvisorToolResultBlock, BetaMessage, BetaRawMessageStreamEvent
from pydantic import TypeAdapter

from tests.routing.gateway.dialects import tool_calls
from tests.routing.gateway.dialects.messages import MESSAGES, USED, conversation, hold_against, read
from tests.routing.gateway.dialects.tool_calls import (
    ADVISED,
    BROKEN,
    FETCHED,
    FOUND,
    MERGED,
    OWN_CALL,
    SCRIPT,
    SEARCHED,
    STEPS,
    called,
    piece,
    play,
    ran,
)

SHOWN = {"generation_id": "gen-1", "model": "acme/one", "provider": "Acme"}
USAGE = {**USED, "server_tool_use_details": tool_calls.USED}
EVENT = TypeAdapter(BetaRawMessageStreamEvent)
TOOLS = [{"type": f"openrouter:{slug}"} for slug in ("web_search", "web_fetch", "advisor", "datetime")]
OWN = {"name": "weather", "input_schema": {"type": "object"}}
USE = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "advisor", "input": {"prompt": "Walk?"}}
ADVICE = {
    "type": "advisor_tool_result",
    "tool_use_id": "srvtoolu_1",
    "content": {"type": "advisor_result", "text": "No."},
}
TEXT = {"type": "text", "text": "Stay."}


def stream(*script):
    """The events, and what Anthropic's client makes of them."""
    sent = play(MESSAGES.open_events(read(), **SHOWN), script, USAGE)
    events = [json.loads(one.split(b"\ndata: ")[1]) for one in sent.removesuffix(b"\n\n").split(b"\n\n")]
    snapshot, about = None, {"json_bufs": {}, "request_headers": httpx.Headers()}
    for one in events:
        hold_against("MessagesStreamEvents", one)
        event = EVENT.validate_python(one)
        snapshot = accumulate_event(event=event, current_snapshot=snapshot, **about)
    return events, snapshot


def whole(steps, message, finish="stop"):
    choice = {"index": 0, "message": message, "finish_reason": finish, "steps": steps}
    shown = json.loads(MESSAGES.finish_answer(read(), {"choices": [choice]}, usage=USAGE, **SHOWN))
    BetaMessage.model_validate(shown)
    hold_against("MessagesResult", shown)
    return shown


def replayed(*content, tools=TOOLS):
    asked = {"role": "user", "content": "hi"}
    messages = [asked, {"role": "assistant", "content": list(content)}, asked]
    return read(messages=messages, tools=list(tools)).body["messages"][1:-1]


class TestARequest:
    def test_may_search_the_web_as_with_anthropic(self):
        tool = {
            "type": "web_search_20250305",
            "name": "web_search",
            "max_uses": 3,
            "allowed_domains": None,
            "blocked_domains": ["x.example"],
            "user_location": {"type": "approximate", "city": "Oslo", "region": None},
            "cache_control": {"type": "ephemeral"},
        }

        assert read(tools=[tool]).body["tools"] == [
            {
                "type": "openrouter:web_search",
                "parameters": {
                    "max_uses": 3,
                    "excluded_domains": ["x.example"],
                    "user_location": {"type": "approximate", "city": "Oslo"},
                },
            }
        ]

    @pytest.mark.parametrize("kind", ["web_fetch_20250910", "web_fetch_20260309"])
    def test_may_fetch_pages(self, kind):
        tool = {"type": kind, "name": "web_fetch", "max_content_tokens": 9, "blocked_domains": ["x.example"]}

        (entry,) = read(tools=[tool]).body["tools"]

        assert entry == {
            "type": "openrouter:web_fetch",
            "parameters": {"max_content_tokens": 9, "blocked_domains": ["x.example"]},
        }

    def test_may_ask_an_advisor(self):
        tool = {"type": "advisor_20260301", "name": "advisor", "model": "acme/wise", "max_uses": 2}

        (entry,) = read(tools=[tool]).body["tools"]

        assert entry == {"type": "openrouter:advisor", "parameters": {"model": "acme/wise"}}

    def test_may_name_any_of_the_gateways(self):
        tool = {"type": "openrouter:datetime", "parameters": {"timezone": "UTC"}}

        assert read(tools=[tool]).body["tools"] == [tool]

    def test_leaves_anthropics_other_tools_as_they_are(self):
        tool = {"type": "bash_20250124", "name": "bash"}

        assert read(tools=[tool]).body["tools"] == [tool]

    @pytest.mark.parametrize(
        ("name", "kind"),
        [("web_search", "web_search"), ("advisor", "advisor"), ("openrouter:datetime", "datetime")],
    )
    def test_may_insist_on_one(self, name, kind):
        choice = {"type": "tool", "name": name, "disable_parallel_tool_use": True}

        body = read(tools=[OWN, *TOOLS], tool_choice=choice).body

        assert body["tool_choice"] == {"type": f"openrouter:{kind}"}
        assert body["parallel_tool_calls"] is False

    def test_means_a_tool_of_the_callers_own_by_its_name_first(self):
        own = {**OWN, "name": "web_search"}

        body = read(tools=[own, *TOOLS], tool_choice={"type": "tool", "name": "web_search"}).body

        assert body["tool_choice"] == {"type": "function", "function": {"name": "web_search"}}

    def test_may_bound_them(self):
        bounds = {"max_tool_calls": 3, "stop_server_tools_when": [{"type": "step_count_is", "step_count": 2}]}

        assert bounds.items() <= read(**bounds).body.items()


class TestAStream:
    def test_tells_of_the_tools_that_anthropics_clients_know(self):
        _, message = stream(*SCRIPT)

        assert [block.type for block in message.content] == [
            *("thinking", "text", "server_tool_use", "server_tool_use"),
            *("web_fetch_tool_result", "web_search_tool_result", "thinking"),
            *("server_tool_use", "advisor_tool_result", "text"),
        ]
        assert message.content[2].input == {"query": "oslo"}
        assert message.content[8].content.text == "No."
        assert message.stop_reason == "end_turn"

    def test_has_blocks_one_after_the_other(self):
        events, _ = stream(*SCRIPT)

        places = [
            (event["type"].removeprefix("content_block_"), event["index"])
            for event in events
            if event["type"] in ("content_block_start", "content_block_stop")
        ]
        assert places == [(what, index) for index in range(10) for what in ("start", "stop")]

    def test_says_nothing_of_other_tools(self):
        begun = called("datetime")

        _, message = stream(
            ("begin_tool", begun),
            ("tell_tool", begun, "x.y", {}),
            ("end_tool", ran(begun, {})),
            piece({"content": "x"}),
        )

        assert [block.type for block in message.content] == ["text"]

    def test_ends_with_how_often_tools_ran(self):
        events, _ = stream(*SCRIPT)

        assert events[-2]["usage"]["server_tool_use"] == {"web_search_requests": 1, "web_fetch_requests": 1}


class TestAWholeAnswer:
    def test_has_the_blocks_of_each_step_in_order(self):
        answer = whole(STEPS, MERGED)

        _, message = stream(*SCRIPT)
        kinds = [block["type"] for block in answer["content"]]
        assert sorted(kinds) == sorted(block.type for block in message.content)
        assert kinds[-2:] == ["advisor_tool_result", "text"]
        assert answer["content"][-1]["citations"][0]["url"] == "https://oslo.example/"
        assert answer["usage"]["server_tool_use"] == {"web_search_requests": 1, "web_fetch_requests": 1}

    def test_is_understood_by_the_official_types(self):
        results = {
            block["type"]: block for block in whole(STEPS, MERGED)["content"] if "tool_use_id" in block
        }

        search = WebSearchToolResultBlock.model_validate(results["web_search_tool_result"])
        page = WebFetchToolResultBlock.model_validate(results["web_fetch_tool_result"])
        advice = BetaAdvisorToolResultBlock.model_validate(results["advisor_tool_result"])

        assert (search.content[0].title, search.content[0].url) == ("Oslo", "https://oslo.example/")
        assert (page.content.url, page.content.content.source.data) == ("https://oslo.example/", "Rain.")
        assert advice.content.text == "No."

    @pytest.mark.parametrize(
        ("slug", "error", "code"),
        [
            ("web_search", "This request may search 2 times, and has done so.", "max_uses_exceeded"),
            ("web_search", "The search needs a query: a string that is not empty.", "invalid_tool_input"),
            ("web_fetch", "Whatever.", "unavailable"),
            ("advisor", "Advisor call failed: prompt: is missing.", "unavailable"),
        ],
    )
    def test_says_why_a_call_failed_in_anthropics_words(self, slug, error, code):
        ended = ran(called(slug), {"status": "error", "error": error}, is_failed=True)
        step = STEPS[-1]._replace(tools=(ended,))

        block = whole([step], MERGED)["content"][-1]

        assert block["content"] == {"type": f"{slug}_tool_result_error", "error_code": code}

    def test_ends_with_the_callers_own_calls(self):
        step = STEPS[0]._replace(message={"tool_calls": [OWN_CALL]}, tools=(SEARCHED,))

        answer = whole([step], {"tool_calls": [OWN_CALL]}, "tool_calls")

        assert [block["type"] for block in answer["content"]] == [
            *("tool_use", "server_tool_use", "web_search_tool_result")
        ]
        assert answer["stop_reason"] == "tool_use"


class TestAnEarlierTurn:
    def test_calls_and_is_answered_before_it_speaks(self):
        asked, answered, said = replayed(USE, ADVICE, TEXT)

        function = {"name": "openrouter_advisor", "arguments": '{"prompt":"Walk?"}'}
        assert asked == {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "srvtoolu_1", "type": "function", "function": function}],
        }
        assert json.loads(answered["content"]) == {"status": "ok", "advice": "No."}
        assert said == {"role": "assistant", "content": "Stay."}

    def test_is_what_an_answer_said(self):
        content = whole(STEPS, MERGED)["content"]

        told = replayed(*content)

        assert [one["role"] for one in told] == [
            *("assistant", "tool", "tool", "assistant", "tool", "assistant")
        ]
        assert told[0]["content"] == "Let me see. "
        assert [call["function"]["name"] for call in told[0]["tool_calls"]] == [
            "openrouter_web_search",
            "openrouter_web_fetch",
        ]
        assert json.loads(told[1]["content"]) == FOUND
        assert json.loads(told[2]["content"])["content"] == "Rain."

    def test_keeps_calls_of_the_callers_own_next_to_their_results(self):
        own = {"type": "tool_use", "id": "call_9", "name": "weather", "input": {}}
        result = {"type": "tool_result", "tool_use_id": "call_9", "content": "Rain"}
        messages = [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": [own, USE, ADVICE]},
            {"role": "user", "content": [result]},
        ]

        _, asked, *answers = read(messages=messages, tools=[OWN, *TOOLS]).body["messages"]

        assert [call["id"] for call in asked["tool_calls"]] == ["call_9", "srvtoolu_1"]
        assert [answer["tool_call_id"] for answer in answers] == ["srvtoolu_1", "call_9"]

    def test_forgets_what_is_offered_no_more(self):
        assert replayed(USE, ADVICE, TEXT, tools=[OWN]) == [{"role": "assistant", "content": "Stay."}]

    @pytest.mark.parametrize("odd", [{**ADVICE, "tool_use_id": "other"}, {"type": "text", "text": ""}])
    def test_forgets_a_call_without_a_result(self, odd):
        assert [one["role"] for one in replayed(USE, odd, TEXT)] == ["assistant"]

    def test_remembers_that_a_call_failed(self):
        step = STEPS[-1]._replace(tools=(BROKEN,))

        told = replayed(*whole([step], MERGED)["content"])

        assert json.loads(told[-1]["content"]) == {"status": "error", "error": "max_uses_exceeded"}

    @pytest.mark.parametrize("content", [7, None, [], [7], {"type": 7}, "text"])
    def test_that_is_odd_is_no_error_of_ours(self, content):
        odd = {"type": "web_search_tool_result", "tool_use_id": "s", "content": content}

        assert replayed({**USE, "id": "s", "name": "web_search", "input": 7}, odd, TEXT)

    def test_knows_the_pages_that_anthropic_itself_found(self):
        page = {
            "type": "web_search_result",
            "title": "Oslo",
            "url": "https://oslo.example/",
            "encrypted_content": "x",
        }
        result = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [page]}

        _, answered, _ = replayed({**USE, "name": "web_search"}, result, TEXT)

        assert json.loads(answered["content"])["results"] == [
            {"title": "Oslo", "url": "https://oslo.example/"}
        ]

    def test_without_any_is_one_message(self):
        assert conversation({"role": "assistant", "content": [TEXT]}) == [
            {"role": "assistant", "content": "Stay."}
        ]


def test_results_that_hold_all_are_not_sealed():
    blocks = whole([STEPS[0]._replace(tools=(FETCHED, ADVISED))], MERGED)["content"]

    assert "headgate" not in json.dumps(blocks)
