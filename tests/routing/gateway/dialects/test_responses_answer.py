"""A whole Responses answer: its items, its status, what it cost, and the request's settings once more."""

from __future__ import annotations

import json

import pytest

from routing.errors import Availability, Refusal, invalid_request, unauthorized
from tests.routing.gateway.dialects.responses_oracles import (
    DIALECT,
    SHOWN,
    USAGE,
    broken_stream,
    finish,
    read,
    stream,
)
from tests.routing.providers.streams import DONE, chunk, event

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def call(name: str, arguments: object, identifier: str = "call_1") -> dict:
    return {"id": identifier, "type": "function", "function": {"name": name, "arguments": arguments}}


class TestTheOutput:
    def test_of_text_is_a_message(self):
        answer = finish({"role": "assistant", "content": "Hello"})

        (message,) = answer["output"]
        assert (message["type"], message["role"], message["status"]) == ("message", "assistant", "completed")
        assert message["content"] == [
            {"type": "output_text", "text": "Hello", "annotations": [], "logprobs": []}
        ]
        assert answer["output_text"] == "Hello"
        assert (answer["id"], answer["model"], answer["object"]) == ("gen-1", "acme/served", "response")

    def test_of_everything_is_in_the_order_in_which_it_is_made(self):
        answer = finish(
            {
                "reasoning": "Hm",
                "reasoning_details": [
                    {
                        "type": "reasoning.text",
                        "text": "Hm",
                        "signature": "s",
                        "format": "anthropic-claude-v1",
                    }
                ],
                "content": "Let me see.",
                "tool_calls": [call("a", "{}"), call("b", "[]", "call_2")],
            },
            "tool_calls",
        )

        assert [item["type"] for item in answer["output"]] == [
            "reasoning",
            "message",
            "function_call",
            "function_call",
        ]
        assert answer["output"][0]["signature"] == "s"
        assert answer["output"][3]["call_id"] == "call_2"
        assert len({item["id"] for item in answer["output"]}) == 4
        assert answer["status"] == "completed"

    def test_of_sealed_reasoning_is_one_item_for_each_seal(self):
        sealed = [{"type": "reasoning.encrypted", "data": data, "id": "rs_1"} for data in ("x", "y")]

        first, second, _ = finish({"reasoning_details": sealed, "content": "Hi"})["output"]

        assert (first["encrypted_content"], second["encrypted_content"]) == ("x", "y")
        assert first["id"] == "rs_1" != second["id"]

    def test_of_arguments_that_are_no_string_is_one(self):
        answer = finish({"content": None, "tool_calls": [call("a", {"city": "Oslo"})]}, "tool_calls")

        assert json.loads(answer["output"][0]["arguments"]) == {"city": "Oslo"}

    @pytest.mark.parametrize("message", [{}, {"content": None}, {"content": ""}])
    def test_of_nothing_is_an_empty_message(self, message):
        assert finish(message)["output"][0]["content"][0]["text"] == ""

    def test_of_several_choices_is_the_first(self):
        body = {"choices": [{"message": {"content": text}, "finish_reason": "stop"} for text in "ab"]}

        answer = json.loads(DIALECT.finish_answer(read(), body, usage=USAGE, **SHOWN))

        assert answer["output_text"] == "a"

    def test_survives_lone_surrogates(self):
        assert finish({"content": "a\ud800b"})["output_text"] == "a\ud800b"


class TestTheStatus:
    @pytest.mark.parametrize(
        ("reason", "status", "why"),
        [
            ("stop", "completed", None),
            ("tool_calls", "completed", None),
            ("length", "incomplete", {"reason": "max_output_tokens"}),
            ("content_filter", "incomplete", {"reason": "content_filter"}),
        ],
    )
    def test_says_how_it_ended(self, reason, status, why):
        answer = finish({"content": "Hel"}, reason)

        assert (answer["status"], answer["incomplete_details"]) == (status, why)
        assert answer["output"][0]["status"] == status
        assert (answer["completed_at"] is None) == (status == "incomplete")

    def test_of_a_providers_error_is_failed(self):
        answer = finish({"content": "Hel"}, "error")

        assert (answer["status"], answer["error_type"]) == ("failed", "provider_unavailable")
        assert answer["error"]["code"] == "server_error"
        assert answer["usage"]["total_tokens"] == 42


class TestTheUsage:
    def test_has_tokens_and_cost_in_detail(self):
        assert finish({"content": "Hi"})["usage"] == {
            "input_tokens": 30,
            "input_tokens_details": {"cached_tokens": 10, "cache_write_tokens": 4},
            "output_tokens": 12,
            "output_tokens_details": {"reasoning_tokens": 5},
            "total_tokens": 42,
            "cost": 0.0015,
            "is_byok": False,
            "cost_details": {
                "upstream_inference_cost": None,
                "upstream_inference_input_cost": 0.001,
                "upstream_inference_output_cost": 0.0005,
            },
        }


class TestTheRepeatedSettings:
    def test_are_the_defaults_of_the_api_where_nothing_was_said(self):
        answer = finish({"content": "Hi"})

        assert (answer["tool_choice"], answer["tools"], answer["parallel_tool_calls"]) == ("auto", [], True)
        assert answer["text"] == {"format": {"type": "text"}}
        assert (answer["truncation"], answer["store"], answer["background"]) == ("disabled", False, False)
        assert answer["instructions"] is answer["temperature"] is answer["metadata"] is None

    def test_are_what_was_said(self):
        said = {
            "instructions": "Be brief.",
            "metadata": {"ticket": "7"},
            "temperature": 0.5,
            "top_p": 0.9,
            "presence_penalty": 1,
            "frequency_penalty": -1,
            "max_output_tokens": 99,
            "max_tool_calls": 3,
            "parallel_tool_calls": False,
            "user": "u",
            "safety_identifier": "s",
            "prompt_cache_key": "k",
            "top_logprobs": 2,
            "service_tier": "flex",
            "truncation": "auto",
            "tool_choice": {"type": "function", "name": "weather"},
        }

        answer = finish({"content": "Hi"}, call=read(tools=[{"type": "function", "name": "weather"}], **said))

        assert {name: answer[name] for name in said} == said

    def test_hold_nothing_that_nobody_looked_at(self):
        strange = {"defer_loading": "perhaps", "allowed_callers": 7}
        asked = read(
            tools=[
                {"type": "function", "name": "weather", **strange},
                {"type": "custom", "name": "patch", "format": None, **strange},
            ],
            text={"format": {"type": "text", "more": 1}, "more": 1},
            reasoning={"effort": "low", "more": 1},
        )

        answer = finish({"content": "Hi"}, call=asked)

        assert [tool.keys() & strange.keys() for tool in answer["tools"]] == [set(), set()]
        assert (answer["text"], answer["reasoning"]) == ({"format": {"type": "text"}}, {"effort": "low"})

    def test_hold_the_service_tier_that_it_was(self):
        body = {"choices": [{"message": {}, "finish_reason": "stop"}], "service_tier": "default"}
        asked = read(service_tier="auto")
        chunks = event(chunk({"content": "Hi"}, service_tier="default")) + event(chunk({}, "stop")) + DONE

        whole = json.loads(DIALECT.finish_answer(asked, body, usage=USAGE, **SHOWN))

        assert whole["service_tier"] == "default"
        assert stream(chunks, call=asked)[-1]["response"]["service_tier"] == "default"

    def test_hold_tools_text_and_reasoning_in_this_apis_spelling(self):
        form = {"type": "json_schema", "name": "place", "schema": SCHEMA}
        tools = [
            {"type": "function", "name": "weather", "parameters": SCHEMA, "strict": True},
            {"type": "custom", "name": "patch", "format": {"type": "text"}},
        ]
        asked = read(
            tools=tools,
            text={"format": form, "verbosity": "low"},
            reasoning={"effort": "high", "summary": None},
        )

        answer = finish({"content": "Hi"}, call=asked)

        assert answer["tools"] == [{**tools[0], "description": None}, tools[1]]
        assert answer["text"] == {"format": form, "verbosity": "low"}
        assert answer["reasoning"] == {"effort": "high"}


class TestAnError:
    def test_before_anything_was_sent_is_the_envelope_of_every_openai_shaped_dialect(self):
        body = json.loads(DIALECT.refuse(unauthorized(), generation_id="gen-1"))

        assert body["error"]["code"] == 401
        assert body["error"]["metadata"]["error_type"] == "authentication"

    @pytest.mark.parametrize(
        ("kind", "status", "code"),
        [
            ("rate_limit_exceeded", 429, "rate_limit_exceeded"),
            ("context_length_exceeded", 400, "invalid_prompt"),
            ("content_policy_violation", 400, "image_content_policy_violation"),
            ("authentication", 401, "server_error"),
            ("timeout", 504, "server_error"),
            ("image_too_large", 400, "image_too_large"),
        ],
    )
    def test_within_a_stream_has_a_code_of_the_few_that_there_are_and_our_own_kind(self, kind, status, code):
        response = broken_stream(b"", Refusal(status, kind, "No.", "provider"))[-1]["response"]

        assert (response["error"]["code"], response["error_type"]) == (code, kind)

    def test_within_a_stream_names_the_availability(self):
        known = Availability("capacity_exhausted", ("a/b",), is_retryable=True, retry_after=3)
        refusal = Refusal(429, "rate_limit_exceeded", "No.", "provider", availability=known)

        response = broken_stream(b"", refusal)[-1]["response"]

        assert response["error"]["availability"]["code"] == "capacity_exhausted"

    def test_within_a_stream_names_the_parameter(self):
        response = broken_stream(b"", invalid_request("No.", parameter="input"))[-1]["response"]

        assert response["error"]["metadata"] == {"parameter": "input"}
