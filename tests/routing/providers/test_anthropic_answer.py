"""What Anthropic's answers and errors are to the caller."""

from __future__ import annotations

import json

import pytest
from openrouter.components import ChatResult

from routing.pricing import Usage, usage_from_provider
from routing.provider_failures import ProviderFailure
from routing.providers import Answer
from routing.providers.anthropic_answer import usage_of
from routing.providers.anthropic_tools import JSON_TOOL
from tests.routing.make import make_call
from tests.routing.providers.anthropic_events import WIRE, message, text

FORMAT = "anthropic-claude-v1"
CITED = {
    "type": "web_search_result_location",
    "cited_text": "It is so.",
    "encrypted_index": "x",
    "title": "A page",
    "url": "https://a.test/",
}
QUOTED = {
    "type": "page_location",
    "cited_text": "It is so.",
    "document_index": 0,
    "document_title": "a.pdf",
    "start_page_number": 1,
    "end_page_number": 2,
}


def parse(*blocks, **more) -> Answer:
    found = WIRE.parse_response(json.dumps(message(*blocks, **more)).encode(), call=make_call("a/b"))
    assert isinstance(found, Answer)
    shown = {"id": "gen-1", "model": "a/b", "provider": "Anthropic"}
    ChatResult.model_validate({**found.body, **shown, "created": 1})
    return found


def message_of(*blocks, **more):
    return parse(*blocks, **more).body["choices"][0]["message"]


def fail(body: bytes) -> ProviderFailure:
    found = WIRE.parse_response(body, call=make_call("a/b"))
    assert isinstance(found, ProviderFailure)
    return found


def call(name="look_up", **arguments):
    return {"type": "tool_use", "id": "toolu_1", "name": name, "input": arguments}


class TestTheMessage:
    def test_is_all_of_the_text(self):
        found = parse(text("Hello, "), text("world"))

        assert found.body["choices"][0]["message"]["content"] == "Hello, world"
        assert (found.upstream_id, found.counted_tokens) == ("msg_1", 3)

    def test_says_the_service_tier_in_openais_words(self):
        assert parse(text("x")).body["service_tier"] == "default"

    def test_may_be_empty(self):
        assert message_of()["content"] == ""

    def test_has_thoughts_with_what_is_needed_to_give_them_back(self):
        found = message_of(
            {"type": "thinking", "thinking": "Hm.", "signature": "s"},
            {"type": "redacted_thinking", "data": "x"},
            text("42"),
        )

        assert (found["reasoning"], found["content"]) == ("Hm.", "42")
        assert found["reasoning_details"] == [
            {"type": "reasoning.text", "text": "Hm.", "signature": "s", "format": FORMAT, "index": 0},
            {"type": "reasoning.encrypted", "data": "x", "format": FORMAT, "index": 1},
        ]

    def test_has_calls_with_their_arguments_as_text(self):
        found = message_of(text("Let me see."), call(city="Zürich"), call(), stop="tool_use")

        assert [(one["index"], one["id"], one["function"]["name"]) for one in found["tool_calls"]] == [
            (0, "toolu_1", "look_up"),
            (1, "toolu_1", "look_up"),
        ]
        assert [json.loads(one["function"]["arguments"]) for one in found["tool_calls"]] == [
            {"city": "Zürich"},
            {},
        ]

    def test_of_calls_alone_has_no_content(self):
        assert message_of(call(), stop="tool_use")["content"] is None

    def test_is_the_input_of_the_tool_that_stands_for_it(self):
        found = parse(call(JSON_TOOL, age=7), stop="tool_use")

        assert found.body["choices"][0]["message"]["content"] == '{"age":7}'
        assert "tool_calls" not in found.body["choices"][0]["message"]
        assert (found.finish_reason, found.native_finish_reason) == ("stop", "tool_use")

    def test_says_where_a_text_comes_from(self):
        found = message_of(text("So: "), text("it is.", citations=[CITED, QUOTED]))

        page, document = found["annotations"]
        assert page == {
            "type": "url_citation",
            "url_citation": {
                "url": "https://a.test/",
                "title": "A page",
                "content": "It is so.",
                "start_index": 4,
                "end_index": 10,
            },
        }
        assert document == QUOTED

    def test_passes_over_what_anthropic_did_itself(self):
        block = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}

        assert message_of(block, text("42"))["content"] == "42"


class TestTheFinishReason:
    @pytest.mark.parametrize(
        ("native", "ours"),
        [
            ("end_turn", "stop"),
            ("stop_sequence", "stop"),
            ("pause_turn", "stop"),
            ("max_tokens", "length"),
            ("model_context_window_exceeded", "length"),
            ("refusal", "content_filter"),
        ],
    )
    def test_is_put_in_the_contracts_words_beside_the_providers_own(self, native, ours):
        found = parse(text("x"), stop=native)

        choice = found.body["choices"][0]
        assert (choice["finish_reason"], choice["native_finish_reason"]) == (ours, native)
        assert (found.finish_reason, found.native_finish_reason) == (ours, native)

    def test_says_which_sequence_it_was(self):
        found = parse(text("x"), stop="stop_sequence", stop_sequence="END")

        assert found.body["choices"][0]["stop_sequence"] == "END"

    def test_of_calls_is_calls(self):
        assert parse(call(), stop="tool_use").finish_reason == "tool_calls"

    def test_of_a_refusal_has_its_reason(self):
        details = {"type": "refusal", "category": "bio", "explanation": "Too dangerous."}

        assert message_of(stop="refusal", stop_details=details)["refusal"] == "Too dangerous."


class TestUsage:
    def test_counts_with_the_prompt_what_was_cached(self):
        usage = {
            "input_tokens": 10,
            "cache_creation_input_tokens": 20,
            "cache_read_input_tokens": 30,
            "output_tokens": 7,
            "output_tokens_details": {"thinking_tokens": 3},
        }

        found, is_estimated = usage_from_provider(parse(text("x"), usage=usage).usage, Usage())

        assert found == Usage(prompt=60, completion=7, reasoning=3, cached=30, cache_write=20)
        assert not is_estimated

    @pytest.mark.parametrize(
        ("usage", "prompt", "completion"),
        [
            (None, 5, 6),
            ("many", 5, 6),
            ({}, 5, 6),
            ({"input_tokens": -1, "output_tokens": 10**12}, 5, 6),
            ({"input_tokens": "12", "output_tokens": "7"}, 12, 7),
            ({"input_tokens": True, "output_tokens": None}, 5, 6),
            ({"input_tokens": 1, "output_tokens": 2, "cache_read_input_tokens": -9}, 1, 2),
            ({"input_tokens": 1, "output_tokens": 2, "cache_read_input_tokens": "x"}, 1, 2),
            ({"input_tokens": 1, "cache_creation_input_tokens": 10**12, "output_tokens": 2}, 5, 2),
            ({"input_tokens": 1, "output_tokens": 2, "output_tokens_details": 3}, 1, 2),
        ],
    )
    def test_that_is_absurd_is_not_believed(self, usage, prompt, completion):
        found, _ = usage_from_provider(usage_of(usage), Usage(prompt=5, completion=6))

        assert (found.prompt, found.completion) == (prompt, completion)


class TestAnAnswerThatIsNone:
    @pytest.mark.parametrize(
        "body",
        [b"", b"<html>", b"[]", b"{}", b'{"content":"x"}', b'{"content":[1]}', b"\xff", b"[" * 100_000],
    )
    def test_is_a_failure_that_another_provider_may_mend(self, body):
        assert (fail(body).error_type, fail(body).is_retryable) == ("provider_unavailable", True)

    def test_may_be_an_error(self):
        failure = fail(b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}')

        assert (failure.error_type, failure.message) == ("provider_overloaded", "Overloaded")

    def test_may_be_nested_as_deep_as_can_be(self):
        for depth in range(900, 1010):
            nested = b'{"a":' * depth + b"1" + b"}" * depth

            found = WIRE.parse_response(
                b'{"content":[{"type":"tool_use","input":%b}]}' % nested, call=make_call("a/b")
            )

            assert isinstance(found, Answer | ProviderFailure)


def error(kind: str, message: str = "Why") -> bytes:
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}
    return json.dumps(body).encode()


class TestAFailure:
    @pytest.mark.parametrize(
        ("status", "kind", "found", "shown", "is_retryable"),
        [
            (400, "invalid_request_error", "invalid_request", 400, False),
            (401, "authentication_error", "provider_unavailable", 502, True),
            (402, "billing_error", "provider_unavailable", 502, True),
            (403, "permission_error", "permission_denied", 403, True),
            (404, "not_found_error", "not_found", 404, True),
            (413, "request_too_large", "payload_too_large", 413, False),
            (429, "rate_limit_error", "rate_limit_exceeded", 429, True),
            (500, "api_error", "provider_unavailable", 502, True),
            (504, "timeout_error", "timeout", 504, True),
            (529, "overloaded_error", "provider_overloaded", 503, True),
        ],
    )
    def test_is_known_by_its_status_and_within_a_stream_by_its_type(
        self, status, kind, found, shown, is_retryable
    ):
        by_status = WIRE.read_failure(status, {}, error(kind))
        by_type = fail(error(kind))

        for failure in (by_status, by_type):
            assert (failure.error_type, failure.status, failure.is_retryable) == (found, shown, is_retryable)
            assert (failure.provider_status, failure.provider_code) == (status, kind)

    def test_says_when_to_come_back(self):
        headers = {"retry-after": "7"}

        assert WIRE.read_failure(429, headers, error("rate_limit_error")).retry_after == 7

    @pytest.mark.parametrize(
        ("words", "kind", "is_retryable"),
        [
            ("prompt is too long: 210000 tokens > 200000 maximum", "context_length_exceeded", True),
            (
                "input length and `max_tokens` exceed context limit: 1 + 2 > 2",
                "context_length_exceeded",
                True,
            ),
            ("Output blocked by content filtering policy", "content_policy_violation", True),
            (
                "messages.0.content.0.image.source.base64: image exceeds 5 MB maximum",
                "image_too_large",
                False,
            ),
            ("Could not process image", "invalid_image", False),
            ("messages: at least one message is required", "invalid_request", False),
        ],
    )
    def test_of_many_kinds_is_told_by_its_words(self, words, kind, is_retryable):
        failure = WIRE.read_failure(400, {}, error("invalid_request_error", words))

        assert (failure.error_type, failure.is_retryable, failure.message) == (kind, is_retryable, words)

    def test_of_our_account_is_no_fault_of_the_callers_and_quotes_nothing(self):
        words = "Your credit balance is too low to access the Anthropic API (sk-ant-abc)."

        failure = WIRE.read_failure(400, {}, error("invalid_request_error", words))

        assert (failure.error_type, failure.is_retryable) == ("provider_unavailable", True)
        assert "sk-ant" not in repr(failure)

    @pytest.mark.parametrize("body", [b"", b"<html>", b"\xff\x00", b'{"error":[1]}', b"[" * 100_000])
    def test_may_have_any_body(self, body):
        assert WIRE.read_failure(529, {}, body).error_type == "provider_overloaded"
