"""Chat Completions answered by a provider that speaks Anthropic's Messages, with real processes in between."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest

from tests.routing.gateway.process import GatewayProcess, question

TOOL = {
    "type": "function",
    "function": {
        "name": "look_up",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@pytest.fixture
def client(gateway: GatewayProcess, key: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url}/api/v1", api_key=key, max_retries=0) as client:
        yield client


class TestAnAnswer:
    def test_is_what_a_client_of_openai_expects(self, client):
        answer = client.chat.completions.create(**question("test/messages-echo", "hello there world"))

        assert answer.choices[0].message.content == "hello there world"
        assert (answer.choices[0].finish_reason, answer.provider) == ("stop", "Delta")
        assert answer.id.startswith("gen-")
        assert answer.usage.cost == pytest.approx(3 * 0.000001 + 3 * 0.000002)

    def test_may_be_a_call(self, client):
        answer = client.chat.completions.create(**question("test/messages-tools", "Zürich"), tools=[TOOL])

        assert answer.choices[0].finish_reason == "tool_calls"
        assert answer.choices[0].message.tool_calls[0].function.name == "look_up"


class TestAStream:
    def test_brings_the_words_and_at_the_end_what_they_cost(self, client):
        chunks = list(
            client.chat.completions.create(**question("test/messages-echo", "one two three", stream=True))
        )

        text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
        assert text == "one two three"
        assert chunks[-1].usage.cost == pytest.approx(3 * 0.000001 + 3 * 0.000002)

    def test_that_is_cut_off_ends_in_an_error_and_is_charged(self, gateway, key):
        answer = gateway.ask(key, "test/messages-cut", stream=True)

        end = gateway.end_of(answer.headers["x-generation-id"])
        assert b'"finish_reason":"error"' in answer.body
        assert (end.status, end.cost_nano > 0) == ("error", True)


class TestAFailure:
    def test_is_told_in_the_contracts_words(self, gateway, key):
        answer = gateway.ask(key, "test/messages-error-429")

        assert (answer.status, answer.headers["retry-after"]) == (429, "1")
        assert answer.json()["error"]["metadata"]["provider_code"] == "rate_limit_error"

    def test_of_a_request_that_cannot_be_said_is_the_callers(self, gateway, key):
        part = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
        messages = [{"role": "user", "content": [part]}]

        answer = gateway.ask(key, "test/messages-echo", messages=messages)

        assert answer.status == 400
        assert "input_audio" in answer.json()["error"]["message"]
