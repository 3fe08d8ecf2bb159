"""Anthropic's wire format."""

import json

import pytest

from tests.routing.simulator.asks import MESSAGES, PLACE, message

TOOLS = [{"name": "find_place", "input_schema": PLACE}]


class TestMessages:
    def test_are_echoed_with_usage(self, simulator):
        answer, call = simulator.recorded(MESSAGES, message("echo", system="be brief"))

        body = answer.json()
        assert (body["type"], body["role"], body["stop_reason"]) == ("message", "assistant", "end_turn")
        assert body["content"] == [{"type": "text", "text": "one two three"}]
        assert (body["usage"]["input_tokens"], body["usage"]["output_tokens"]) == (5, 3)
        assert (call.prompt_tokens, call.completion_tokens) == (5, 3)

    def test_stop_at_max_tokens(self, simulator):
        body = simulator.post(MESSAGES, message("lorem", max_tokens=7)).json()

        assert (body["stop_reason"], body["usage"]["output_tokens"]) == ("max_tokens", 7)

    def test_need_max_tokens(self, simulator):
        body = message("echo")
        del body["max_tokens"]

        answer = simulator.post(MESSAGES, body)

        assert answer.status == 400
        assert answer.json()["error"] == {
            "type": "invalid_request_error",
            "message": "max_tokens: Field required",
        }


class TestStreaming:
    def test_sends_the_documented_events_in_order(self, simulator):
        answer = simulator.post(MESSAGES, message("echo", stream=True))

        names = [
            line.removeprefix("event: ")
            for line in answer.body.decode().split("\n")
            if line.startswith("event: ")
        ]
        assert names == [event["type"] for event in answer.events()]
        assert names == [
            "message_start",
            "content_block_start",
            "ping",
            *["content_block_delta"] * 3,
            "content_block_stop",
            "message_delta",
            "message_stop",
        ]

    def test_tells_the_usage_at_the_start_and_at_the_end(self, simulator):
        events = simulator.post(MESSAGES, message("echo", stream=True)).events()

        start, delta = events[0]["message"]["usage"], events[-2]
        assert (start["input_tokens"], start["output_tokens"]) == (3, 0)
        assert (delta["usage"]["output_tokens"], delta["delta"]["stop_reason"]) == (3, "end_turn")


class TestTools:
    @pytest.mark.parametrize(
        ("text", "arguments"), [("where?", {"city": "Oslo"}), ('{"city": "Rome"}', {"city": "Rome"})]
    )
    def test_are_called(self, simulator, text, arguments):
        body = simulator.post(MESSAGES, message("tools", text, tools=TOOLS)).json()

        [block] = body["content"]
        assert (block["type"], block["name"], block["input"]) == ("tool_use", "find_place", arguments)
        assert body["stop_reason"] == "tool_use"

    def test_stream_their_input_as_partial_json(self, simulator):
        events = simulator.post(MESSAGES, message("tools", tools=TOOLS, stream=True)).events()

        fragments = [event["delta"] for event in events if event["type"] == "content_block_delta"]
        assert {fragment["type"] for fragment in fragments} == {"input_json_delta"}
        assert json.loads("".join(fragment["partial_json"] for fragment in fragments)) == {"city": "Oslo"}
        assert events[1]["content_block"]["input"] == {}
        assert events[-2]["delta"]["stop_reason"] == "tool_use"

    def test_are_not_called_again_once_a_result_is_there(self, simulator):
        body = message("tools", tools=TOOLS)
        result = {
            "type": "tool_result",
            "tool_use_id": "t",
            "content": [{"type": "text", "text": "far north"}],
        }
        body["messages"].append({"role": "user", "content": [result]})

        answer, call = simulator.recorded(MESSAGES, body)

        assert answer.json()["content"] == [{"type": "text", "text": "The tool said: far north"}]
        assert call.prompt_tokens == 5

    def test_are_not_called_when_the_caller_forbids_it(self, simulator):
        body = simulator.post(MESSAGES, message("tools", tools=TOOLS, tool_choice={"type": "none"})).json()

        assert body["content"] == [{"type": "text", "text": "one two three"}]
