"""The official clients on both sides of the dialect: what they ask is understood, and so is what they get."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import openai
import pytest
from openrouter import OpenRouter
from pydantic import BaseModel

from routing.call import Call
from routing.gateway.client import RefusedError
from tests.routing.gateway.dialects.responses_oracles import DIALECT, SHOWN, USAGE
from tests.routing.providers.streams import DONE, chunk, event, open_stream

MODEL = "acme/model"
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
TOOL = {
    "type": "function",
    "name": "weather",
    "description": "d",
    "strict": False,
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


class Place(BaseModel):
    city: str


class Gateway(httpx.BaseTransport):
    """The dialect behind an address; its provider says the city that a request asks for, or calls a tool."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        assert request.url.path == DIALECT.path
        try:
            call = DIALECT.read_call(request.read(), dict(request.headers.raw))
        except RefusedError as error:
            return httpx.Response(400, content=DIALECT.refuse(error.refusal, generation_id=None))
        self.calls.append(call)
        message = {"reasoning": "Hm", "content": '{"city": "Oslo"}'}
        if call.body.get("tools"):
            message["tool_calls"] = [CALL]
        if call.is_streamed:
            return httpx.Response(
                200, headers={"content-type": "text/event-stream"}, content=self._stream(call, message)
            )
        body = {"choices": [{"message": message, "finish_reason": "stop"}]}
        content = DIALECT.finish_answer(call, body, usage=USAGE, **SHOWN)
        return httpx.Response(200, headers={"content-type": "application/json"}, content=content)

    def _stream(self, call: Call, message: dict) -> bytes:
        source = open_stream()
        events = DIALECT.open_events(call, **SHOWN)
        deltas = [{name: message[name]} for name in ("reasoning", "content") if name in message]
        deltas += [{"tool_calls": [{"index": 0, **one}]} for one in message.get("tool_calls", [])]
        told = b"".join([event(chunk(delta)) for delta in deltas]) + event(chunk({}, "stop")) + DONE
        return events.feed(source.feed(told)) + events.finish(source.final_chunk(USAGE), USAGE)


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


@pytest.fixture
def official(gateway: Gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url="http://gateway.example/api/v1",
        api_key="any",
        max_retries=0,
        http_client=httpx.Client(transport=gateway),
    ) as client:
        yield client


@pytest.fixture
def openrouter(gateway: Gateway) -> Iterator[OpenRouter]:
    with (
        httpx.Client(transport=gateway) as http,
        OpenRouter(api_key="any", server_url="http://gateway.example/api/v1", client=http) as client,
    ):
        yield client


class TestTheClientOfOpenAI:
    def test_gets_an_answer(self, official):
        response = official.responses.create(model=MODEL, input="hi", instructions="Be brief.")

        assert response.output_text == '{"city": "Oslo"}'
        assert response.usage.output_tokens_details.reasoning_tokens == 5

    def test_gets_an_object_of_its_own_type(self, official, gateway):
        response = official.responses.parse(model=MODEL, input="hi", text_format=Place)

        assert response.output_parsed == Place(city="Oslo")
        assert gateway.calls[0].body["response_format"]["json_schema"]["strict"] is True

    def test_streams(self, official):
        with official.responses.stream(model=MODEL, input="hi", text_format=Place) as stream:
            seen = [one.delta for one in stream if one.type == "response.output_text.delta"]
            response = stream.get_final_response()

        assert "".join(seen) == response.output_text == '{"city": "Oslo"}'
        assert response.output_parsed == Place(city="Oslo")

    def test_goes_on_after_a_tool_call(self, official, gateway):
        first = official.responses.create(model=MODEL, input="hi", tools=[TOOL])
        output = {"type": "function_call_output", "call_id": first.output[-1].call_id, "output": "Rain"}

        official.responses.create(
            model=MODEL, input=[{"role": "user", "content": "hi"}, *first.output, output], tools=[TOOL]
        )

        user, assistant, tool = gateway.calls[1].body["messages"]
        assert user["content"] == "hi"
        assert assistant["tool_calls"] == [CALL]
        assert tool == {"role": "tool", "tool_call_id": "call_1", "content": "Rain"}

    def test_is_told_which_parameter_is_wrong(self, official):
        with pytest.raises(openai.BadRequestError, match="previous_response_id"):
            official.responses.create(model=MODEL, input="hi", previous_response_id="resp_1")


class TestTheClientOfOpenRouter:
    def test_gets_an_answer(self, openrouter):
        response = openrouter.responses.send(
            model=MODEL, input="hi", tools=[TOOL], reasoning={"effort": "low"}
        )

        assert [item.type for item in response.output] == ["reasoning", "message", "function_call"]
        assert response.usage.cost == 0.0015

    def test_streams(self, openrouter, gateway):
        with openrouter.responses.send(model=MODEL, input="hi", tools=[TOOL], stream=True) as stream:
            events = list(stream)

        assert not any(getattr(one, "is_unknown", False) for one in events)
        assert events[-1].response.output[2].arguments == '{"city":"Oslo"}'
        assert json.loads(events[-1].response.output[1].content[0].text) == {"city": "Oslo"}
        assert gateway.calls[0].is_streamed
