"""Embeddings at Google AI Studio."""

from __future__ import annotations

import base64
import json
import struct

import pytest
from google.genai import types
from openai.types import CreateEmbeddingResponse

from routing.provider_failures import ProviderFailure
from routing.providers import WIRE_FORMATS, Answer, CannotAsk
from tests.routing.make import make_call
from tests.routing.providers.geminis import GEMINI, endpoint_at

VECTORS = {
    "embeddings": [{"values": [0.5, -1.0]}, {"values": [0.25, 2.0]}],
    "usageMetadata": {"promptTokenCount": 4},
}


def call(**body):
    return make_call("google/x", dialect="embeddings", body={"model": "google/x", **body})


def build(**body):
    endpoint = endpoint_at("gemini-embedding-001")
    request = GEMINI.build_request(call(**body), endpoint, generation_id="gen-1")
    sent = json.loads(request.body)
    for one in sent["requests"]:
        types.Content.model_validate(one["content"])
    return request, sent["requests"]


def parse(answer, **body):
    types.EmbedContentResponse.model_validate(answer)
    found = GEMINI.parse_response(json.dumps(answer).encode(), call=call(**body))
    assert isinstance(found, Answer)
    return found


class TestTheRequest:
    def test_asks_for_all_vectors_at_once(self):
        request, sent = build(input=["a", "b"], dimensions=2, input_type="search_query", user="jane")

        assert request.url.endswith("/v1beta/models/gemini-embedding-001:batchEmbedContents")
        assert sent == [
            {
                "model": "models/gemini-embedding-001",
                "content": {"parts": [{"text": text}]},
                "outputDimensionality": 2,
                "taskType": "RETRIEVAL_QUERY",
            }
            for text in "ab"
        ]
        assert request.dropped == ()

    def test_may_hold_one_text_or_a_picture(self):
        picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}

        assert build(input="a")[1][0]["content"] == {"parts": [{"text": "a"}]}
        assert (
            build(input=[{"content": [picture]}])[1][0]["content"]["parts"][0]["inlineData"]["data"] == "AAAA"
        )

    def test_names_what_cannot_be_said(self):
        assert build(input="a", input_type="dreams", truncate=True)[0].dropped == ("input_type", "truncate")

    @pytest.mark.parametrize("given", [None, "", [], [""], [1, 2], [[1, 2]], 7, ["a"] * 2049])
    def test_of_tokens_or_of_nothing_is_refused(self, given):
        with pytest.raises(CannotAsk, match="input"):
            build(input=given)

    def test_is_refused_at_vertex_ai(self):
        endpoint = endpoint_at("gemini-embedding-001", "vertex")

        with pytest.raises(CannotAsk, match="input"):
            WIRE_FORMATS["vertex"].build_request(call(input="a"), endpoint, generation_id="gen-1")


class TestTheAnswer:
    def test_is_openais_list(self):
        found = parse(VECTORS)

        shown = {**found.body, "model": "google/x", "usage": {"prompt_tokens": 4, "total_tokens": 4}}
        CreateEmbeddingResponse.model_validate(shown)
        assert [one["embedding"] for one in found.body["data"]] == [[0.5, -1.0], [0.25, 2.0]]
        assert found.usage == {"prompt_tokens": 4, "completion_tokens": 0}

    def test_may_be_packed(self):
        found = parse(VECTORS, encoding_format="base64")

        packed = base64.b64decode(found.body["data"][0]["embedding"])
        assert struct.unpack("<2f", packed) == (0.5, -1.0)

    def test_may_come_without_usage(self):
        assert parse({"embeddings": [{"values": [1.0]}]}).usage is None

    @pytest.mark.parametrize(
        "body",
        [
            b"{}",
            b'{"embeddings":[]}',
            b'{"embeddings":[7]}',
            b'{"embeddings":[{"values":[]}]}',
            b'{"embeddings":[{"values":["x"]}]}',
            b'{"embeddings":[{"values":[1e300]}]}',
            b'{"error":{"code":500,"message":"Oops"}}',
        ],
    )
    def test_that_is_none_is_a_failure(self, body):
        assert isinstance(GEMINI.parse_response(body, call=call()), ProviderFailure)
