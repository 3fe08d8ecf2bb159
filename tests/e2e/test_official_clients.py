"""The clients of OpenAI, Anthropic and OpenRouter against a whole stack: every way of asking that their users know."""

from __future__ import annotations

import json
from collections.abc import Iterator

import anthropic
import pytest
from openai import OpenAI
from openrouter import OpenRouter
from pydantic import BaseModel

from tests.e2e.recorder import keys_of
from tests.live_stack import LiveStack

pytestmark = pytest.mark.full

TEXT = "the quick brown fox"
ASKED = '{"city": "Oslo"}'
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": CITY}}
SUNNY = "sunny in Oslo"


class Place(BaseModel):
    """A structured output."""

    city: str
    population: int


@pytest.fixture
def openai(live_stack: LiveStack) -> Iterator[OpenAI]:
    with OpenAI(
        base_url=live_stack.demo["base_url"], api_key=keys_of(live_stack.demo)[1], max_retries=0
    ) as client:
        yield client


@pytest.fixture
def claude(live_stack: LiveStack) -> Iterator[anthropic.Anthropic]:
    base = live_stack.demo["base_url"].removesuffix("/v1")
    with anthropic.Anthropic(base_url=base, api_key=keys_of(live_stack.demo)[1], max_retries=0) as client:
        yield client


@pytest.fixture
def openrouter(live_stack: LiveStack) -> Iterator[OpenRouter]:
    with OpenRouter(server_url=live_stack.demo["base_url"], api_key=keys_of(live_stack.demo)[1]) as client:
        yield client


class TestOpenAIsClient:
    def test_streams_chat_to_the_end_with_usage(self, openai):
        with openai.chat.completions.stream(
            model="simulator/echo",
            messages=[{"role": "user", "content": TEXT}],
            stream_options={"include_usage": True},
        ) as stream:
            pieces = [event.delta for event in stream if event.type == "content.delta"]
            whole = stream.get_final_completion()

        assert "".join(pieces) == whole.choices[0].message.content == TEXT
        assert whole.usage.total_tokens == 8

    @pytest.mark.parametrize("is_streamed", [False, True])
    def test_calls_a_tool_and_goes_on_with_its_result(self, openai, is_streamed):
        question = {"role": "user", "content": ASKED}
        asked = {"model": "simulator/tools", "tools": [WEATHER]}
        if is_streamed:
            with openai.chat.completions.stream(messages=[question], **asked) as stream:
                turn = stream.get_final_completion().choices[0].message
        else:
            turn = openai.chat.completions.create(messages=[question], **asked).choices[0].message
        [call] = turn.tool_calls
        result = {"role": "tool", "tool_call_id": call.id, "content": SUNNY}

        last = openai.chat.completions.create(
            messages=[question, turn.model_dump(exclude_none=True), result], **asked
        )

        assert (call.function.name, json.loads(call.function.arguments)) == ("weather", {"city": "Oslo"})
        assert last.choices[0].message.content == f"The tool said: {SUNNY}"

    def test_parses_a_structured_output(self, openai):
        answer = openai.chat.completions.parse(
            model="simulator/echo",
            messages=[{"role": "user", "content": TEXT}],
            response_format=Place,
        )

        assert isinstance(answer.choices[0].message.parsed, Place)

    def test_asks_for_responses_with_tools_and_objects(self, openai):
        tool = {"type": "function", "name": "weather", "parameters": CITY, "strict": False}
        asked = {"model": "simulator/tools", "tools": [tool]}
        question = {"role": "user", "content": ASKED}
        with openai.responses.stream(model="simulator/echo", input=TEXT) as stream:
            streamed = stream.until_done().get_final_response()
        turn = openai.responses.create(input=[question], **asked)
        [call] = [item for item in turn.output if item.type == "function_call"]
        result = {"type": "function_call_output", "call_id": call.call_id, "output": SUNNY}

        last = openai.responses.create(input=[question, call.model_dump(exclude_none=True), result], **asked)
        place = openai.responses.parse(model="simulator/echo", input=TEXT, text_format=Place)

        assert streamed.output_text == TEXT
        assert last.output_text == f"The tool said: {SUNNY}"
        assert isinstance(place.output_parsed, Place)

    def test_embeds(self, openai):
        answer = openai.embeddings.create(model="simulator/embed", input=["one", "two three"])

        assert [len(one.embedding) > 0 for one in answer.data] == [True, True]
        assert answer.usage.prompt_tokens == 3


class TestAnthropicsClient:
    ASKED = {"model": "simulator/echo", "max_tokens": 100, "messages": [{"role": "user", "content": TEXT}]}

    def test_gets_a_message(self, claude):
        message = claude.messages.create(**self.ASKED)

        assert (message.content[0].text, message.stop_reason) == (TEXT, "end_turn")
        assert (message.usage.input_tokens, message.usage.output_tokens) == (4, 4)

    def test_streams_one(self, claude):
        with claude.messages.stream(**self.ASKED) as stream:
            text = "".join(stream.text_stream)
            message = stream.get_final_message()

        assert text == message.content[0].text == TEXT
        assert message.usage.output_tokens == 4

    @pytest.mark.parametrize("is_streamed", [False, True])
    def test_calls_a_tool_and_goes_on_with_its_result(self, claude, is_streamed):
        question = {"role": "user", "content": ASKED}
        asked = self.ASKED | {
            "model": "simulator/tools",
            "tools": [{"name": "weather", "input_schema": CITY}],
        }
        if is_streamed:
            with claude.messages.stream(**asked | {"messages": [question]}) as stream:
                turn = stream.get_final_message()
        else:
            turn = claude.messages.create(**asked | {"messages": [question]})
        [call] = [block for block in turn.content if block.type == "tool_use"]
        result = {"type": "tool_result", "tool_use_id": call.id, "content": SUNNY}

        last = claude.messages.create(
            **asked
            | {
                "messages": [
                    question,
                    {"role": "assistant", "content": turn.content},
                    {"role": "user", "content": [result]},
                ]
            }
        )

        assert (call.name, call.input, turn.stop_reason) == ("weather", {"city": "Oslo"}, "tool_use")
        assert last.content[0].text == f"The tool said: {SUNNY}"


class TestOpenRoutersClient:
    def test_calls_a_tool_and_goes_on_with_its_result(self, openrouter):
        question = {"role": "user", "content": ASKED}
        asked = {"model": "simulator/tools", "tools": [WEATHER]}
        turn = openrouter.chat.send(messages=[question], **asked).choices[0].message
        [call] = turn.tool_calls
        result = {"role": "tool", "tool_call_id": call.id, "content": SUNNY}

        last = openrouter.chat.send(messages=[question, turn, result], **asked)

        assert (call.function.name, json.loads(call.function.arguments)) == ("weather", {"city": "Oslo"})
        assert last.choices[0].message.content == f"The tool said: {SUNNY}"

    def test_gets_an_object(self, openrouter):
        schema = {"name": "place", "schema": Place.model_json_schema()}

        answer = openrouter.chat.send(
            model="simulator/echo",
            messages=[{"role": "user", "content": TEXT}],
            response_format={"type": "json_schema", "json_schema": schema},
        )

        assert Place.model_validate_json(answer.choices[0].message.content)

    def test_asks_for_responses(self, openrouter):
        answer = openrouter.beta.responses.send(model="simulator/echo", input=TEXT)
        events = list(openrouter.beta.responses.send(model="simulator/echo", input=TEXT, stream=True))

        assert answer.output[0].content[0].text == TEXT
        assert events[-1].response.output[0].content[0].text == TEXT

    def test_embeds(self, openrouter):
        answer = openrouter.embeddings.generate(model="simulator/embed", input="one two three")

        assert len(answer.data[0].embedding) > 0
