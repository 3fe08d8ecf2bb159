"""Embeddings through a workspace key, with the official client."""

from __future__ import annotations

import math
from collections.abc import Iterator

import openai
import pytest
from openrouter import OpenRouter

from observability.journal_records import Begin
from tests.routing.gateway.process import GatewayProcess

PATH = "/api/v1/embeddings"


@pytest.fixture
def client(gateway: GatewayProcess, key: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url}/api/v1", api_key=key, max_retries=0) as client:
        yield client


class TestEmbeddings:
    @pytest.mark.parametrize("form", ["float", "base64"])
    def test_come_as_vectors_in_the_form_that_was_asked_for(self, gateway, key, form):
        body = {"model": "test/embed", "input": "one two", "dimensions": 8, "encoding_format": form}

        answer = gateway.post(key, body, PATH).json()

        [found] = answer["data"]
        assert isinstance(found["embedding"], str if form == "base64" else list)
        assert (answer["object"], answer["model"], found["index"]) == ("list", "test/embed", 0)

    def test_are_what_the_official_client_expects(self, client):
        answer = client.embeddings.create(model="test/embed", input=["one two", "three"], dimensions=8)

        first, second = (one.embedding for one in answer.data)
        assert (len(first), len(second)) == (8, 8)
        assert math.isclose(sum(part * part for part in first), 1, rel_tol=1e-5)
        assert first != second

    @pytest.mark.parametrize(
        ("given", "tokens"),
        [("one two three", 3), (["one two", "three"], 3), ([1, 2, 3, 4], 4), ([[1, 2], [3]], 3)],
        ids=["text", "texts", "tokens", "lists of tokens"],
    )
    def test_cost_their_tokens_and_nothing_else(self, gateway, key, given, tokens):
        answer = gateway.post(key, {"model": "test/embed", "input": given}, PATH)

        usage, end = answer.json()["usage"], gateway.end_of(answer.headers["x-generation-id"])
        assert (usage["prompt_tokens"], usage["total_tokens"]) == (tokens, tokens)
        assert usage["cost"] == pytest.approx(tokens * 0.000001)
        assert (end.cost_nano, end.completion_tokens, end.is_usage_estimated) == (tokens * 1000, 0, False)

    def test_are_what_the_contracts_client_expects(self, gateway, key):
        with OpenRouter(api_key=key, server_url=f"{gateway.url}/api/v1") as sdk:
            answer = sdk.embeddings.generate(model="test/embed", input="one two", dimensions=4)

        assert (len(answer.data[0].embedding), answer.usage.prompt_tokens) == (4, 2)
        assert answer.usage.cost == pytest.approx(2 * 0.000001)

    def test_are_written_down_as_such(self, gateway, key):
        answer = gateway.post(key, {"model": "test/embed", "input": "one"}, PATH)

        identifier = gateway.end_of(answer.headers["x-generation-id"]).id
        [begin] = [one for one in gateway.records() if isinstance(one, Begin) and one.id == identifier]
        assert begin.context["dialect"] == "embeddings"


class TestARequestForEmbeddings:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("input", None),
            ("input", ""),
            ("input", []),
            ("input", [""]),
            ("input", ["one", 2]),
            ("input", [[]]),
            ("input", [{"content": []}]),
            ("input", 7),
            ("dimensions", 0),
            ("encoding_format", "hex"),
            ("stream", True),
        ],
    )
    def test_that_makes_no_sense_is_400_and_names_the_parameter(self, gateway, key, name, value):
        answer = gateway.post(key, {"model": "test/embed", "input": "one", name: value}, PATH)

        assert answer.status == 400
        assert answer.json()["error"]["metadata"]["parameter"] == name

    def test_of_a_model_that_is_no_embedder_is_refused_and_says_where_to_go(self, gateway, key):
        answer = gateway.post(key, {"model": "test/echo", "input": "one"}, PATH)

        assert answer.status == 400
        assert "/api/v1/chat/completions" in str(answer.json()["error"]["availability"])
