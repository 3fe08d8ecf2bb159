"""OpenAI's wire format: what is sent, what an answer is, what a failure means."""

from __future__ import annotations

import json

import pytest

from routing.provider_failures import ProviderFailure
from routing.providers import WIRE_FORMATS, Answer
from tests.routing.make import make_call, make_endpoint, make_provider

WIRE = WIRE_FORMATS["openai"]
ENDPOINT = make_endpoint(upstream_model="upstream-1")
MESSAGES = [
    {
        "role": "user",
        "content": [{"type": "text", "text": "Hi"}, {"type": "image_url", "image_url": {"url": "data:…"}}],
    }
]


def build(body, **more):
    request = WIRE.build_request(make_call("a/b", body=body, **more), ENDPOINT, generation_id="gen-1")
    return request, json.loads(request.body)


def answer(**fields) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}
    return json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": "m",
            "choices": [choice],
            **fields,
        }
    ).encode()


def parse(body: bytes, **more):
    found = WIRE.parse_response(body, call=make_call("a/b", **more))
    assert isinstance(found, Answer)
    return found


def fail(body: bytes):
    found = WIRE.parse_response(body, call=make_call("a/b"))
    assert isinstance(found, ProviderFailure)
    return found


class TestTheRequest:
    def test_goes_to_the_providers_address_with_its_credential(self):
        request, _ = build({"messages": MESSAGES})

        assert (request.method, request.url) == ("POST", "http://simulator.test/v1/chat/completions")
        assert request.headers["authorization"] == "Bearer secret-simulator"
        assert request.headers["x-request-id"] == "gen-1"
        assert "secret" not in repr(request)

    def test_has_no_authorization_where_the_provider_wants_none(self):
        endpoint = make_endpoint(provider=make_provider("local", is_simulator=True))
        open_provider = type(endpoint.provider)("local", "Local", "openai", "http://local.test/v1/")

        request = WIRE.build_request(
            make_call("a/b"), make_endpoint(provider=open_provider), generation_id="gen-1"
        )

        assert "authorization" not in request.headers
        assert request.url == "http://local.test/v1/chat/completions"

    def test_passes_everything_through_that_is_not_ours(self):
        theirs = {
            "messages": MESSAGES,
            "tools": [{"type": "function", "function": {"name": "f"}}],
            "temperature": 0,
            "response_format": {"type": "json_object"},
            "simulator": {"first_delay_ms": 1},
            "something_new": [None, {"deep": True}],
        }

        _, body = build({"model": "a/b", **theirs})

        assert body == {"model": "upstream-1", **theirs}

    def test_leaves_out_what_is_meant_for_us(self):
        ours = {
            "provider": {"sort": "price"},
            "models": ["c/d"],
            "plugins": [],
            "preset": "p",
            "route": "fallback",
            "transforms": [],
            "usage": {"include": True},
            "session_id": "s",
            "trace": {},
            "user": "jane@example.com",
            "debug": {},
            "stream_options": {"include_usage": False},
        }

        _, body = build({"messages": MESSAGES, **ours})

        assert body == {"model": "upstream-1", "messages": MESSAGES}

    def test_always_asks_for_usage_in_a_stream(self):
        asked = {"messages": MESSAGES, "stream": True, "stream_options": {"include_usage": False, "x": 1}}

        request, body = build(asked, is_streamed=True)

        assert (body["stream"], body["stream_options"]) == (True, {"include_usage": True, "x": 1})
        assert request.headers["accept"] == "text/event-stream"

    def test_says_reasoning_effort_in_openais_words(self):
        assert build({"messages": MESSAGES, "reasoning": {"effort": "low"}})[1]["reasoning_effort"] == "low"

    def test_carries_lone_surrogates_as_escapes(self):
        assert (
            build({"messages": [{"role": "user", "content": "\ud83d"}]})[1]["messages"][0]["content"]
            == "\ud83d"
        )

    def test_leaves_the_callers_body_as_it_was(self):
        body = {"model": "a/b", "messages": MESSAGES, "user": "x"}

        build(body, is_streamed=True)

        assert body == {"model": "a/b", "messages": MESSAGES, "user": "x"}


class TestTheAnswer:
    def test_is_given_with_usage_and_reasons_apart(self):
        found = parse(answer(usage={"prompt_tokens": 1}))

        assert (found.usage, found.upstream_id) == ({"prompt_tokens": 1}, "chatcmpl-1")
        assert (found.finish_reason, found.native_finish_reason) == ("stop", "stop")
        assert "usage" not in found.body
        assert found.body["system_fingerprint"] is None
        assert found.body["choices"][0]["native_finish_reason"] == "stop"
        assert found.counted_tokens == 2

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"<html>",
            b"[]",
            b"{}",
            b'{"choices":[]}',
            b'{"choices":[1]}',
            b'{"choices":"x"}',
            b"\xff",
            b"[" * 100_000,
        ],
    )
    def test_that_is_none_is_a_failure_that_another_provider_may_mend(self, body):
        failure = fail(body)

        assert (failure.error_type, failure.is_retryable) == ("provider_unavailable", True)

    def test_with_an_error_in_it_is_that_failure(self):
        failure = fail(b'{"error":{"code":429,"message":"Slow"}}')

        assert (failure.error_type, failure.message) == ("rate_limit_exceeded", "Slow")

    def test_with_an_error_in_it_may_be_nested_as_deep_as_can_be(self):
        for depth in range(900, 1010):
            code = b'{"a":' * depth + b"1" + b"}" * depth

            failure = WIRE.parse_response(b'{"error":{"code":%b}}' % code, call=make_call("a/b"))

            assert failure.error_type == "provider_unavailable"

    def test_may_be_embeddings(self):
        body = b'{"object":"list","data":[{"embedding":[0.5]}],"model":"m","usage":{"prompt_tokens":4}}'

        found = parse(body, dialect="embeddings")

        assert found.body["data"] == [{"embedding": [0.5]}]
        assert found.usage == {"prompt_tokens": 4, "completion_tokens": 0}


class TestAFailure:
    @pytest.mark.parametrize(
        ("status", "kind", "shown", "is_retryable"),
        [
            (400, "invalid_request", 400, False),
            (401, "provider_unavailable", 502, True),
            (402, "provider_unavailable", 502, True),
            (403, "permission_denied", 403, True),
            (404, "not_found", 404, True),
            (408, "timeout", 504, True),
            (409, "provider_unavailable", 502, True),
            (413, "payload_too_large", 413, False),
            (418, "invalid_request", 400, False),
            (422, "unprocessable", 422, False),
            (429, "rate_limit_exceeded", 429, True),
            (500, "provider_unavailable", 502, True),
            (502, "provider_unavailable", 502, True),
            (503, "provider_overloaded", 503, True),
            (504, "timeout", 504, True),
            (520, "provider_unavailable", 502, True),
            (524, "timeout", 504, True),
            (529, "provider_overloaded", 503, True),
            (302, "provider_unavailable", 502, True),
        ],
    )
    def test_is_known_by_its_status_and_is_never_our_own_500(self, status, kind, shown, is_retryable):
        failure = WIRE.read_failure(status, {}, b'{"error":{"message":"Why"}}')

        assert (failure.error_type, failure.status, failure.is_retryable) == (kind, shown, is_retryable)
        assert failure.provider_status == status

    @pytest.mark.parametrize("status", [401, 402, 403])
    def test_of_our_credential_quotes_nothing(self, status):
        failure = WIRE.read_failure(status, {}, b'{"error":{"message":"Incorrect API key provided: sk-abc"}}')

        assert "sk-abc" not in repr(failure)

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            (b'{"error":{"message":"Why","code":"c"}}', "Why"),
            (b'{"error":"Why"}', "Why"),
            (b'{"message":"Why"}', "Why"),
            (b'[{"error":{"message":"Why"}}]', "Why"),
            (b"<html>", "Provider returned error"),
            (b"", "Provider returned error"),
            (b"\xff\x00", "Provider returned error"),
            (b'{"error":{"message":["x"]}}', "Provider returned error"),
            (b'{"error":{"message":"a\\u0000b"}}', "a\ufffdb"),
        ],
    )
    def test_says_what_the_provider_said(self, body, message):
        assert WIRE.read_failure(500, {}, body).message == message

    @pytest.mark.parametrize(
        ("header", "seconds"),
        [
            ("7", 7),
            ("0.2", 1),
            ("-5", 0),
            ("999999", 3600),
            ("nan", None),
            ("soon", None),
            ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
            ("", None),
        ],
    )
    def test_says_when_to_come_back(self, header, seconds):
        assert WIRE.read_failure(429, {"retry-after": header}, b"").retry_after == seconds

    @pytest.mark.parametrize(
        "error",
        [
            {"code": "context_length_exceeded"},
            {"message": "This model's maximum context length is 8192 tokens."},
        ],
    )
    def test_of_a_prompt_that_is_too_long_may_be_mended_elsewhere(self, error):
        failure = WIRE.read_failure(400, {}, json.dumps({"error": error}).encode())

        assert (failure.error_type, failure.is_retryable) == ("context_length_exceeded", True)
