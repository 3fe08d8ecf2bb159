"""Legacy completions through a workspace key, with the official client."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest

from tests.routing.gateway.process import GatewayProcess

PATH = "/api/v1/completions"


@pytest.fixture
def client(gateway: GatewayProcess, key: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url}/api/v1", api_key=key, max_retries=0) as client:
        yield client


class TestACompletion:
    @pytest.mark.parametrize("prompt", ["one two three", ["one two three"]], ids=["text", "list"])
    def test_is_the_answer_to_its_prompt(self, client, prompt):
        answer = client.completions.create(model="test/echo", prompt=prompt)

        assert (answer.object, answer.id[:4], answer.model) == ("text_completion", "gen-", "test/echo")
        assert (answer.choices[0].text, answer.choices[0].finish_reason) == ("one two three", "stop")

    def test_says_what_it_cost_and_is_charged_just_that(self, client, gateway):
        answer = client.completions.create(model="test/echo", prompt="one two three")

        assert answer.usage.cost == pytest.approx(3 * 0.000001 + 3 * 0.000002)
        assert gateway.end_of(answer.id).cost_nano == 9000

    def test_repeats_its_prompt_when_asked_to(self, client):
        answer = client.completions.create(model="test/echo", prompt="one two", echo=True)

        assert answer.choices[0].text == "one twoone two"

    def test_can_be_streamed(self, client, gateway):
        stream = client.completions.create(model="test/echo", prompt="one two", echo=True, stream=True)
        chunks = list(stream)

        assert "".join(choice.text for chunk in chunks for choice in chunk.choices) == "one twoone two"
        assert {chunk.object for chunk in chunks} == {"text_completion"}
        assert chunks[-1].usage.cost == pytest.approx(2 * 0.000001 + 2 * 0.000002)
        assert gateway.end_of(chunks[0].id).cost_nano == 6000

    def test_that_the_provider_cuts_ends_in_an_error(self, gateway, key):
        answer = gateway.post(key, {"model": "test/cut", "prompt": "one two three", "stream": True}, PATH)

        lines = [line for line in answer.body.decode().splitlines() if line]
        assert lines[-1] == "data: [DONE]"
        assert '"error_type":"provider_unavailable"' in lines[-2]
        assert '"object":"text_completion"' in lines[-2]


class TestWhatAConversationCannotDo:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("prompt", None),
            ("prompt", ""),
            ("prompt", []),
            ("prompt", ["one", "two"]),
            ("prompt", [1, 2, 3]),
            ("prompt", [[1, 2], [3]]),
            ("prompt", {"text": "one"}),
            ("suffix", "the end"),
            ("best_of", 3),
            ("logprobs", 100),
            ("logprobs", True),
            ("echo", "yes"),
        ],
    )
    def test_is_400_and_names_the_parameter(self, gateway, key, name, value):
        answer = gateway.post(key, {"model": "test/echo", "prompt": "one", name: value}, PATH)

        assert answer.status == 400
        assert answer.json()["error"]["metadata"]["parameter"] == name
