"""Amazon Bedrock: where a request goes and with what right, what an answer is, what a failure means."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest
import time_machine
from openrouter.components.chatresult import ChatResult

from config.lib.aws_signature import AwsCredential, Scope, signed_headers
from routing.pricing import Usage, usage_from_provider
from routing.provider_failures import ProviderFailure
from routing.providers import WIRE_FORMATS, Answer
from routing.providers.wire_format import Misconfigured, Unsupported
from tests.routing.make import make_call, make_endpoint, make_provider
from tests.routing.providers.amazon import SERVICE, parsed_answer

WIRE = WIRE_FORMATS["bedrock"]
MODEL = "us.anthropic.claude-sonnet-4-20250514-v1:0"
KEYS = {"accessKeyId": "AKIAEXAMPLE", "secretAccessKey": "hidden", "region": "eu-central-1"}
NOW = datetime(2026, 11, 24, tzinfo=UTC)
ANYWHERE = "https://bedrock-runtime.{region}.amazonaws.com/"


def build(credential, base_url=ANYWHERE, region=None, **more):
    provider = type(make_provider())("bedrock", "Amazon Bedrock", "bedrock", base_url, credential)
    endpoint = make_endpoint(upstream_model=MODEL, provider=provider, region=region)
    return WIRE.build_request(make_call("a/b", **more), endpoint, generation_id="gen-1")


def answer(*content, stop="end_turn", usage=None, **more) -> bytes:
    found = {
        "output": {"message": {"role": "assistant", "content": list(content)}},
        "stopReason": stop,
        "usage": usage or {"inputTokens": 5, "outputTokens": 2, "totalTokens": 7},
        "metrics": {"latencyMs": 3},
        **more,
    }
    return json.dumps(found).encode()


def parse(body: bytes) -> Answer:
    parsed_answer(body)  # what Amazon's own reader cannot read is no fixture
    found = WIRE.parse_response(body, call=make_call("a/b"))
    assert isinstance(found, Answer)
    head = {"id": "gen-1", "model": "a/b", "provider": "Amazon Bedrock"}
    ChatResult.model_validate_json(json.dumps({**found.body, **head}))
    return found


def message_of(*content):
    return parse(answer(*content)).body["choices"][0]["message"]


class TestTheRequest:
    def test_goes_to_the_credentials_region_signed_as_amazon_wants_it(self):
        with time_machine.travel(NOW, tick=False):
            request = build(json.dumps(KEYS))

        sent = {name: value for name, value in request.headers.items() if name not in ("authorization",)}
        unsigned = {name: value for name, value in sent.items() if name != "x-amz-date"}
        signed = signed_headers(
            request.url,
            unsigned,
            request.body,
            credential=AwsCredential("AKIAEXAMPLE", "hidden"),
            scope=Scope("eu-central-1", "bedrock"),
            now=NOW,
        )
        assert request.url == (
            "https://bedrock-runtime.eu-central-1.amazonaws.com"
            "/model/us.anthropic.claude-sonnet-4-20250514-v1%3A0/converse"
        )
        assert request.headers == signed
        assert request.headers["content-type"] == "application/json"
        assert "hidden" not in repr(request)

    def test_carries_the_token_of_a_temporary_key(self):
        request = build(json.dumps({**KEYS, "sessionToken": "temporary"}))

        assert request.headers["x-amz-security-token"] == "temporary"
        assert "x-amz-security-token" in request.headers["authorization"]

    def test_is_signed_for_the_region_of_an_address_that_names_one(self):
        request = build(json.dumps(KEYS), "https://bedrock-runtime-fips.us-west-2.amazonaws.com")

        assert "/us-west-2/bedrock/aws4_request" in request.headers["authorization"]

    def test_carries_a_bedrock_key_as_it_is(self):
        request = build("bedrock-api-key-1", "https://bedrock-runtime.us-east-1.amazonaws.com")

        assert request.headers["authorization"] == "Bearer bedrock-api-key-1"
        assert "x-amz-date" not in request.headers

    def test_takes_the_region_of_the_endpoint_for_a_bedrock_key(self):
        assert "bedrock-runtime.us-east-2." in build("bedrock-api-key-1", region="us-east-2").url

    @pytest.mark.parametrize(
        "credential", ["", "two words", "{", '{"accessKeyId": "AKIA"}', "bedrock-api-key-1"]
    )
    def test_cannot_be_made_without_a_credential_and_a_region(self, credential):
        with pytest.raises(Misconfigured) as caught:
            build(credential)

        assert (caught.value.failure.error_type, caught.value.failure.is_retryable) == (
            "provider_unavailable",
            True,
        )

    @pytest.mark.parametrize("base_url", ["https://[", "https://a.test:port"])
    def test_cannot_be_made_to_an_address_that_is_none(self, base_url):
        with pytest.raises(Misconfigured):
            build(json.dumps(KEYS), base_url)

    def test_asks_for_an_event_stream(self):
        request = build(json.dumps(KEYS), is_streamed=True)

        assert request.url.endswith("/converse-stream")
        assert request.headers["accept"] == "application/vnd.amazon.eventstream"

    def test_is_none_for_embeddings(self):
        with pytest.raises(Unsupported):
            build(json.dumps(KEYS), dialect="embeddings")

    def test_may_hold_lone_surrogates(self):
        body = build(json.dumps(KEYS), body={"messages": [{"role": "user", "content": "\ud83d"}]}).body

        assert json.loads(body)["messages"][0]["content"] == [{"text": "\ud83d"}]


class TestTheAnswer:
    def test_is_a_chat_completion(self):
        found = parse(answer({"text": "Hel"}, {"text": "lo"}))

        (choice,) = found.body["choices"]
        assert choice["message"] == {"role": "assistant", "content": "Hello", "refusal": None}
        assert (choice["finish_reason"], choice["native_finish_reason"]) == ("stop", "end_turn")
        assert (found.finish_reason, found.counted_tokens) == ("stop", 2)

    def test_has_tool_calls_with_their_arguments_as_text(self):
        use = {"toolUseId": "tooluse_1", "name": "weather", "input": {"city": "Köln"}}

        message = message_of({"toolUse": use}, {"toolUse": {**use, "input": {}}})

        assert message["content"] is None
        assert [call["function"]["arguments"] for call in message["tool_calls"]] == ['{"city":"Köln"}', "{}"]
        assert message["tool_calls"][0]["id"] == "tooluse_1"

    def test_has_reasoning_that_can_be_handed_back(self):
        sealed = base64.b64encode(b"sealed").decode()

        message = message_of(
            {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "sig"}}},
            {"reasoningContent": {"redactedContent": sealed}},
            {"text": "Yes"},
        )

        assert (message["reasoning"], message["content"]) == ("Hm.", "Yes")
        text, encrypted = message["reasoning_details"]
        assert (text["text"], text["signature"], text["format"]) == ("Hm.", "sig", "anthropic-claude-v1")
        assert (encrypted["type"], encrypted["data"], encrypted["index"]) == (
            "reasoning.encrypted",
            sealed,
            1,
        )

    def test_has_images_and_cited_text(self):
        message = message_of(
            {"image": {"format": "png", "source": {"bytes": "aGk="}}},
            {"citationsContent": {"content": [{"text": "Cited"}], "citations": []}},
        )

        assert message["images"][0]["image_url"]["url"] == "data:image/png;base64,aGk="
        assert message["content"] == "Cited"

    def test_may_be_empty(self):
        found = parse(answer())

        assert (found.body["choices"][0]["message"]["content"], found.counted_tokens) == ("", 0)

    @pytest.mark.parametrize("native", SERVICE.shape_for("StopReason").enum)
    def test_has_a_finish_reason_for_each_that_amazon_has(self, native):
        expected = {
            "tool_use": "tool_calls",
            "max_tokens": "length",
            "model_context_window_exceeded": "length",
            "guardrail_intervened": "content_filter",
            "content_filtered": "content_filter",
            "malformed_model_output": "error",
            "malformed_tool_use": "error",
        }

        found = parse(answer({"text": "a"}, stop=native))

        assert (found.finish_reason, found.native_finish_reason) == (expected.get(native, "stop"), native)

    def test_counts_what_was_cached_with_the_prompt(self):
        usage = {"inputTokens": 5, "outputTokens": 2, "totalTokens": 107}
        cached = {"cacheReadInputTokens": 70, "cacheWriteInputTokens": 30}

        found = parse(answer({"text": "a"}, usage={**usage, **cached}))

        assert usage_from_provider(found.usage, Usage()) == (
            Usage(prompt=105, completion=2, cached=70, cache_write=30),
            False,
        )

    @pytest.mark.parametrize("count", [None, -1, 10**12, "many", True, 1.5, []])
    def test_is_not_trusted_with_absurd_counts(self, count):
        body = answer({"text": "a"}, usage={"inputTokens": count, "outputTokens": count, "totalTokens": 1})

        found = WIRE.parse_response(body, call=make_call("a/b"))

        assert isinstance(found, Answer)
        assert usage_from_provider(found.usage, Usage(prompt=3, completion=1)) == (
            Usage(prompt=3, completion=1),
            True,
        )

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"<html>",
            b"[]",
            b"{}",
            b'{"output":{}}',
            b'{"output":{"message":{"content":1}}}',
            b'{"output":{"message":{"content":[1]}}}',
            b'{"message":"no"}',
            b"\xff",
            b"[" * 100_000,
        ],
    )
    def test_that_is_none_is_a_failure_that_another_provider_may_mend(self, body):
        failure = WIRE.parse_response(body, call=make_call("a/b"))

        assert isinstance(failure, ProviderFailure)
        assert (failure.error_type, failure.is_retryable) == ("provider_unavailable", True)

    def test_may_be_nested_as_deep_as_can_be(self):
        for depth in range(900, 1010, 3):
            nested = b'{"a":' * depth + b"1" + b"}" * depth
            block = b'{"toolUse":{"toolUseId":"t","name":"f","input":%b}}' % nested
            body = b'{"output":{"message":{"content":[%b]}}}' % block

            found = WIRE.parse_response(body, call=make_call("a/b"))

            assert isinstance(found, Answer | ProviderFailure)

    @pytest.mark.parametrize(
        "block",
        [
            {"text": 1},
            {"toolUse": 1},
            {"toolUse": {"name": 1}},
            {"toolUse": {"name": "f", "input": None}},
            {"reasoningContent": 1},
            {"reasoningContent": {"reasoningText": {"text": 1}}},
            {"image": {"source": 1}},
            {"citationsContent": {"content": [1]}},
            {"citationsContent": {"content": 1}},
            {"somethingNew": {}},
        ],
    )
    def test_may_hold_blocks_that_make_no_sense(self, block):
        found = WIRE.parse_response(answer(block, {"text": "a"}), call=make_call("a/b"))

        assert isinstance(found, Answer)
        assert found.body["choices"][0]["message"]["content"] == "a"


class TestAFailure:
    @pytest.mark.parametrize(
        ("status", "name", "kind", "is_retryable"),
        [
            (403, "AccessDeniedException", "permission_denied", True),
            (403, "ExpiredTokenException", "permission_denied", True),
            (429, "ThrottlingException", "rate_limit_exceeded", True),
            (404, "ResourceNotFoundException", "not_found", True),
            (408, "ModelTimeoutException", "timeout", True),
            (500, "InternalServerException", "provider_unavailable", True),
            (503, "ServiceUnavailableException", "provider_overloaded", True),
            (400, "ValidationException", "invalid_request", False),
            (429, "ModelNotReadyException", "provider_overloaded", True),
            (424, "ModelErrorException", "provider_unavailable", True),
            (400, "ThrottlingException", "rate_limit_exceeded", True),
            (502, "", "provider_unavailable", True),
        ],
    )
    def test_is_known_by_its_name(self, status, name, kind, is_retryable):
        headers = {"x-amzn-errortype": f"{name}:http://internal.amazon.com/coral/com.amazon.bedrock/"}

        failure = WIRE.read_failure(status, headers, b'{"message":"Why"}')

        assert (failure.error_type, failure.is_retryable) == (kind, is_retryable)
        assert (failure.provider_status, failure.provider_code) == (status, name or None)

    def test_may_be_named_in_the_body(self):
        body = b'{"__type":"com.amazon.coral.service#ThrottlingException","Message":"Slow"}'

        failure = WIRE.read_failure(400, {}, body)

        assert (failure.error_type, failure.message) == ("rate_limit_exceeded", "Slow")

    @pytest.mark.parametrize(
        ("message", "kind"),
        [
            ("Input is too long for requested model.", "context_length_exceeded"),
            ("The provided model identifier is invalid.", "not_found"),
            ("Invocation of model ID x with on-demand throughput isn\u2019t supported.", "not_found"),
        ],
    )
    def test_of_validation_may_be_mended_elsewhere(self, message, kind):
        body = json.dumps({"message": message}).encode()

        failure = WIRE.read_failure(400, {"x-amzn-errortype": "ValidationException"}, body)

        assert (failure.error_type, failure.is_retryable) == (kind, True)

    def test_of_our_credential_quotes_nothing(self):
        body = b'{"message":"The security token AKIAEXAMPLE is not valid"}'

        failure = WIRE.read_failure(403, {"x-amzn-errortype": "UnrecognizedClientException"}, body)

        assert "AKIAEXAMPLE" not in repr(failure)

    @pytest.mark.parametrize(
        "body", [b"", b"<html>", b"\xff\x00", b"[]", b'{"message":["x"]}', b"[" * 10_000]
    )
    def test_may_say_nothing(self, body):
        failure = WIRE.read_failure(500, {}, body)

        assert (failure.error_type, failure.message) == ("provider_unavailable", "Provider returned error")
