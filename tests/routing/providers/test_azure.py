"""Azure: OpenAI's bodies at other addresses, and what its content filter adds to the answers."""

from __future__ import annotations

import json

import pytest
from openai.types.chat import ChatCompletionChunk
from openrouter.components.chatresult import ChatResult

from routing.providers import WIRE_FORMATS, Answer
from routing.providers.wire_format import Misconfigured
from tests.routing.make import make_call, make_endpoint, make_provider
from tests.routing.providers.streams import DONE, USAGE, chunk, cut, event, events_of, text_of

WIRE = WIRE_FORMATS["azure"]
SLUG = "openai/gpt-wise"
V1 = "https://acme.openai.azure.com/openai/v1"
DEPLOYMENT = (
    "https://acme.openai.azure.com/openai/deployments/wise/chat/completions?api-version=2024-08-01-preview"
)
TOKEN = "eyJhbGciOi.eyJhdWQiOi.c2ln"
RESOURCE = {"api_key": "resource-key", "resource_name": "acme"}
DEPLOYED = {"api_key": "deployment-key", "endpoint_url": DEPLOYMENT, "model_id": "wise", "model_slug": SLUG}
SAFE = {"hate": {"filtered": False, "severity": "safe"}}
FILTERED = {"violence": {"filtered": True, "severity": "high"}}


def build(credential="azure-key", base_url=V1, **more):
    provider = type(make_provider())("azure", "Azure", "azure", base_url, credential)
    endpoint = make_endpoint(model=SLUG, upstream_model="gpt-wise", provider=provider)
    request = WIRE.build_request(make_call(SLUG, **more), endpoint, generation_id="gen-1")
    return request, json.loads(request.body)


class TestTheAddress:
    @pytest.mark.parametrize(
        ("base_url", "url", "model"),
        [
            (V1, f"{V1}/chat/completions", "gpt-wise"),
            (f"{V1}/", f"{V1}/chat/completions", "gpt-wise"),
            (f"{V1}/chat/completions", f"{V1}/chat/completions", "gpt-wise"),
            (f"{V1}?api-version=preview", f"{V1}/chat/completions?api-version=preview", "gpt-wise"),
            ("https://acme.openai.azure.com", f"{V1}/chat/completions", "gpt-wise"),
            ("https://acme.openai.azure.com/openai/", f"{V1}/chat/completions", "gpt-wise"),
            (DEPLOYMENT, DEPLOYMENT, None),
            (
                "https://acme.openai.azure.com/openai/deployments/wise",
                "https://acme.openai.azure.com/openai/deployments/wise/chat/completions?api-version=2024-10-21",
                None,
            ),
            (
                "https://acme.openai.azure.com?api-version=2025-01-01-preview",
                "https://acme.openai.azure.com/openai/deployments/gpt-wise/chat/completions"
                "?api-version=2025-01-01-preview",
                None,
            ),
            (
                "https://acme.services.ai.azure.com/models",
                "https://acme.services.ai.azure.com/models/chat/completions?api-version=2024-05-01-preview",
                "gpt-wise",
            ),
            (
                "https://acme.services.ai.azure.com/models/chat/completions?api-version=2025-04-01&a=b",
                "https://acme.services.ai.azure.com/models/chat/completions?api-version=2025-04-01&a=b",
                "gpt-wise",
            ),
            (
                "http://proxy.test:8080/azure/v1",
                "http://proxy.test:8080/azure/v1/chat/completions",
                "gpt-wise",
            ),
        ],
    )
    def test_is_made_of_whatever_azure_shows_as_one(self, base_url, url, model):
        request, body = build(base_url=base_url)

        assert (request.url, body.get("model")) == (url, model)

    @pytest.mark.parametrize(
        ("dialect", "ending"), [("embeddings", "embeddings"), ("completions", "chat/completions")]
    )
    def test_ends_as_the_dialect_wants_it(self, dialect, ending):
        request, _ = build(base_url=DEPLOYMENT, dialect=dialect)

        assert request.url == DEPLOYMENT.replace("chat/completions", ending)

    def test_that_is_none_is_no_request(self):
        with pytest.raises(Misconfigured):
            build(base_url="https://[")

    def test_of_a_deployment_escapes_its_name(self):
        provider = type(make_provider())("azure", "Azure", "azure", "https://a.test?api-version=1", "key")
        endpoint = make_endpoint(upstream_model="a b/../c", provider=provider)

        request = WIRE.build_request(make_call("a/b"), endpoint, generation_id="gen-1")

        assert (
            request.url == "https://a.test/openai/deployments/a%20b%2F..%2Fc/chat/completions?api-version=1"
        )


class TestTheCredential:
    def test_is_a_key_in_a_header_of_its_own(self):
        request, _ = build("azure-key")

        assert request.headers["api-key"] == "azure-key"
        assert "authorization" not in request.headers
        assert "azure-key" not in repr(request)

    def test_may_be_a_token(self):
        request, _ = build(TOKEN)

        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        assert "api-key" not in request.headers

    def test_may_be_none(self):
        assert not {"api-key", "authorization"} & build("")[0].headers.keys()

    @pytest.mark.parametrize(
        ("more", "url"),
        [
            ({}, f"{V1}/chat/completions"),
            ({"resource_type": "openai"}, f"{V1}/chat/completions"),
            (
                {"resource_type": "ai_foundry"},
                "https://acme.services.ai.azure.com/openai/v1/chat/completions",
            ),
        ],
    )
    def test_may_name_its_resource(self, more, url):
        request, body = build(json.dumps([RESOURCE | more]), "https://ignored.test")

        assert (request.url, request.headers["api-key"], body["model"]) == (url, "resource-key", "gpt-wise")

    def test_may_list_deployments_which_go_first(self):
        request, body = build(json.dumps([RESOURCE, DEPLOYED]), "https://ignored.test")

        assert (request.url, request.headers["api-key"]) == (DEPLOYMENT, "deployment-key")
        assert "model" not in body

    def test_names_the_model_to_a_deployment_whose_address_does_not(self):
        entry = {**DEPLOYED, "endpoint_url": "https://acme.services.ai.azure.com/models/chat/completions"}

        assert build(json.dumps(entry))[1]["model"] == "wise"

    def test_goes_to_the_resource_where_no_deployment_is_of_the_model(self):
        request, _ = build(json.dumps([{**DEPLOYED, "model_slug": "other/model"}, RESOURCE]))

        assert request.headers["api-key"] == "resource-key"

    @pytest.mark.parametrize(
        "credential",
        [
            "two words",
            "[",
            "[]",
            "[1]",
            '{"api_key": "a"}',
            json.dumps({**DEPLOYED, "model_slug": "other/model"}),
        ],
    )
    def test_that_is_of_no_use_is_no_request(self, credential):
        with pytest.raises(Misconfigured) as caught:
            build(credential)

        assert caught.value.failure.is_retryable
        assert "deployment-key" not in str(caught.value)


class TestTheBody:
    def test_is_openais(self):
        theirs = {
            "messages": [{"role": "user", "content": "Hi"}],
            "tools": [{"type": "function", "function": {"name": "f"}}],
            "something_new": 1,
        }

        request, body = build(
            body={"model": SLUG, "provider": {}, "user": "jane", **theirs}, is_streamed=True
        )

        assert body == {
            "model": "gpt-wise",
            "stream": True,
            "stream_options": {"include_usage": True},
            **theirs,
        }
        assert (request.headers["accept"], request.dropped) == ("text/event-stream", ())

    def test_may_hold_what_the_inference_api_does_not_know(self):
        foundry, _ = build(base_url="https://acme.services.ai.azure.com/models")

        assert foundry.headers["extra-parameters"] == "pass-through"
        assert "extra-parameters" not in build()[0].headers


class TestTheContentFilter:
    def test_is_a_finish_reason_of_an_answer(self):
        choice = {
            "index": 0,
            "finish_reason": "content_filter",
            "message": {"role": "assistant"},
            "content_filter_results": FILTERED,
        }
        body = {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": "gpt-wise",
            "choices": [choice],
            "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": SAFE}],
            "usage": USAGE,
        }

        found = WIRE.parse_response(json.dumps(body).encode(), call=make_call(SLUG))

        assert isinstance(found, Answer)
        assert (found.finish_reason, found.usage) == ("content_filter", USAGE)
        assert found.body["choices"][0]["content_filter_results"] == FILTERED
        ChatResult.model_validate_json(json.dumps(found.body))

    @pytest.mark.parametrize("is_streamed", [False, True])
    def test_of_the_prompt_is_a_failure_that_another_provider_may_not_have(self, is_streamed):
        inner = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": FILTERED}
        error = {"code": "content_filter", "message": "Filtered", "status": 400, "innererror": inner}
        body = json.dumps({"error": error}).encode()

        failure = read(b"data: %b\n\n" % body)[0].failure if is_streamed else WIRE.read_failure(400, {}, body)

        assert (failure.error_type, failure.is_retryable) == ("content_policy_violation", True)
        assert (failure.status, failure.provider_code) == (400, "content_filter")


def read(stream: bytes, *places: int):
    reader = WIRE.open_stream(generation_id="gen-1", model=SLUG, provider="Azure")
    passed = b"".join(reader.feed(piece) for piece in cut(stream, places))
    return reader, passed + reader.end()


class TestTheStream:
    FIRST = {
        "choices": [],
        "created": 0,
        "id": "",
        "model": "",
        "object": "",
        "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": SAFE}],
    }

    def stream(self, finish="stop", results=SAFE):
        texts = [chunk({"content": text}) for text in ("Hé", "llo")]
        for one in texts:
            one["choices"][0]["content_filter_results"] = SAFE
        last = chunk({}, finish)
        last["choices"][0]["content_filter_results"] = results
        late = chunk()
        late["choices"] = [{"index": 0, "finish_reason": None, "content_filter_offsets": {"check_offset": 1}}]
        events = [self.FIRST, *texts, last, late, chunk(choices=[], usage=USAGE)]
        return b"".join(event(one) for one in events) + DONE

    @pytest.mark.parametrize("is_cut", [False, True])
    def test_begins_with_what_the_filter_says_of_the_prompt(self, is_cut):
        stream = self.stream()

        reader, passed = read(stream, *(range(len(stream)) if is_cut else ()))

        assert text_of(passed) == "Héllo"
        assert (reader.upstream_id, reader.usage, reader.finish_reason) == ("chatcmpl-1", USAGE, "stop")
        assert (reader.failure, reader.is_done) == (None, True)
        for one in events_of(passed):
            ChatCompletionChunk.model_validate(one)
            assert (one["id"], one["model"], one["object"]) == ("gen-1", SLUG, "chat.completion.chunk")

    def test_may_end_at_the_filter(self):
        reader, passed = read(self.stream("content_filter", FILTERED))

        finishes = [one["choices"][0]["finish_reason"] for one in events_of(passed)]
        assert reader.finish_reason == "content_filter"
        assert finishes == [None, None, "content_filter", None]


class TestAFailure:
    @pytest.mark.parametrize(
        ("status", "error", "kind", "is_retryable"),
        [
            (404, {"code": "DeploymentNotFound", "message": "No"}, "not_found", True),
            (400, {"code": "unknown_model", "message": "No"}, "not_found", True),
            (400, {"code": "OperationNotSupported", "message": "No"}, "not_found", True),
            (400, {"code": "BadRequest", "message": "No"}, "invalid_request", False),
            (
                401,
                {"code": "401", "message": "Access denied for key azure-key"},
                "provider_unavailable",
                True,
            ),
            (429, {"code": "429", "message": "Slow"}, "rate_limit_exceeded", True),
            (500, {"code": "InternalServerError", "message": "No"}, "provider_unavailable", True),
        ],
    )
    def test_is_known_by_its_status_and_its_code(self, status, error, kind, is_retryable):
        failure = WIRE.read_failure(status, {"retry-after": "7"}, json.dumps({"error": error}).encode())

        assert (failure.error_type, failure.is_retryable, failure.retry_after) == (kind, is_retryable, 7)
        assert "azure-key" not in repr(failure)
