"""`POST /responses` through a running gateway, asked by the official OpenAI client."""

from __future__ import annotations

import pytest
from openai import APIStatusError, OpenAI

TOOL = {
    "type": "function",
    "name": "look_up",
    "parameters": {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]},
}


@pytest.fixture
def client(gateway, key):
    """The official client."""
    with OpenAI(base_url=f"{gateway.url}/api/v1", api_key=key, max_retries=0, timeout=20) as client:
        yield client


class TestAResponse:
    def test_is_what_the_model_said(self, client):
        answer = client.responses.create(model="test/echo", input="one two three")

        assert (answer.output_text, answer.status) == ("one two three", "completed")

    def test_is_charged_as_the_same_words_in_chat(self, client, gateway):
        raw = client.responses.with_raw_response.create(model="test/echo", input="one two three")
        end = gateway.end_of(raw.headers["x-generation-id"])

        assert (end.status, end.cost_nano) == ("completed", 9000)
        assert raw.parse().usage.total_tokens == end.prompt_tokens + end.completion_tokens

    def test_is_streamed_in_the_documented_order(self, client):
        with client.responses.stream(model="test/echo", input="one two three") as stream:
            kinds = [event.type for event in stream]
            final = stream.get_final_response()

        assert kinds[:2] == ["response.created", "response.in_progress"]
        assert kinds[-1] == "response.completed"
        assert final.output_text == "one two three"

    def test_calls_a_tool(self, client):
        answer = client.responses.create(model="test/tools", input='{"word": "gate"}', tools=[TOOL])

        (call,) = [item for item in answer.output if item.type == "function_call"]
        assert (call.name, call.arguments) == ("look_up", '{"word": "gate"}')

    def test_that_is_cut_ends_failed_and_is_charged_for_what_came(self, gateway, key):
        body = {"model": "test/cut", "input": "one two three four five six", "stream": True}

        answer = gateway.post(key, body, "/api/v1/responses")
        end = gateway.end_of(answer.headers["x-generation-id"])

        assert b"event: response.failed" in answer.body or b'"type":"response.failed"' in answer.body
        assert (end.status, end.cost_nano > 0) == ("error", True)


class TestARefusal:
    def test_names_the_parameter(self, client):
        with pytest.raises(APIStatusError) as refused:
            client.responses.create(model="test/echo", input="hello", previous_response_id="resp_1")

        assert refused.value.status_code == 400
        assert "previous_response_id" in str(refused.value)

    def test_is_given_to_tools_that_others_would_run(self, client):
        with pytest.raises(APIStatusError, match="hosted tool file_search"):
            client.responses.create(model="test/echo", input="hello", tools=[{"type": "file_search"}])
