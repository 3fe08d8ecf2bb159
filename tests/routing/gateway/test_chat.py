"""Chat Completions through a workspace key, with a real client, a real provider process and a real database."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest

from tests.routing.gateway.process import GatewayProcess, question


@pytest.fixture
def client(gateway: GatewayProcess, key: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url}/api/v1", api_key=key, max_retries=0) as client:
        yield client


class TestAnAnswer:
    def test_is_the_providers_with_our_id_and_the_model_as_served(self, client):
        answer = client.chat.completions.create(**question("test/echo", "hello there world"))

        assert answer.choices[0].message.content == "hello there world"
        assert answer.id.startswith("gen-")
        assert answer.model == "test/echo"
        assert answer.provider == "Alpha"

    def test_says_what_it_cost(self, client):
        usage = client.chat.completions.create(**question("test/echo", "hello there world")).usage

        assert (usage.prompt_tokens, usage.completion_tokens) == (3, 3)
        assert usage.cost == pytest.approx(3 * 0.000001 + 3 * 0.000002)
        assert usage.cost_details["upstream_inference_prompt_cost"] == pytest.approx(3 * 0.000001)


class TestAStream:
    def test_brings_the_words_and_at_the_end_what_they_cost(self, client):
        stream = client.chat.completions.create(**question("test/echo", "one two three four", stream=True))
        chunks = list(stream)

        text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
        assert text == "one two three four"
        assert chunks[-1].usage.cost == pytest.approx(4 * 0.000001 + 4 * 0.000002)
        assert {chunk.id for chunk in chunks} == {chunks[0].id}
        assert chunks[0].id.startswith("gen-")
