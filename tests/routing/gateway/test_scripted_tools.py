"""A conversation with tools through every wire format: call, be told, call again, answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.routing.gateway.process import GatewayProcess
from tests.routing.simulator.asks import PLACE, calling, script

MODELS = ["test/script", "test/messages-script", "test/gemini-script"]
TOOLS: Any = [
    {"type": "function", "function": {"name": name, "parameters": PLACE}}
    for name in ("openrouter_datetime", "openrouter_web_search")
]
BOTH = {"calls": [*calling("datetime")["calls"], *calling("search", {"city": "Rome"})["calls"]]}
SCRIPT = script(BOTH, calling("search", {"city": "Bonn"}), {"say": "They said: $results"})


@pytest.fixture
def client(gateway: GatewayProcess, key: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url}/api/v1", api_key=key, max_retries=0) as client:
        yield client


def message_of(client: openai.OpenAI, *, is_streamed: bool, **asked: Any) -> Any:
    """The message of one answer; its calls are in their order."""
    if not is_streamed:
        return client.chat.completions.create(**asked).choices[0].message
    with client.chat.completions.stream(**asked) as stream:
        return stream.get_final_completion().choices[0].message


def shown(call: Any) -> dict[str, Any]:
    """A call as it stands in a conversation."""
    function = {"name": call.function.name, "arguments": call.function.arguments}
    return {"id": call.id, "type": "function", "function": function}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("is_streamed", [False, True], ids=["whole", "streamed"])
class TestAScriptedModel:
    def test_calls_in_parallel_and_in_turn_and_answers(self, client, model, is_streamed):
        messages: list[Any] = [{"role": "user", "content": SCRIPT}]
        asked = {"model": model, "tools": TOOLS, "messages": messages, "is_streamed": is_streamed}
        calls = []
        while not (said := message_of(client, **asked)).content:
            messages.append({"role": "assistant", "tool_calls": [shown(call) for call in said.tool_calls]})
            for call in said.tool_calls:
                result = f"result {len(calls)}"
                messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
                calls.append(call)

        assert [(call.function.name, json.loads(call.function.arguments)) for call in calls] == [
            ("openrouter_datetime", {}),
            ("openrouter_web_search", {"city": "Rome"}),
            ("openrouter_web_search", {"city": "Bonn"}),
        ]
        assert len({call.id for call in calls}) == 3
        assert said.content.startswith("They said: ")
        assert [f"result {number}" in said.content for number in range(3)] == [True] * 3

    def test_answers_without_calls_where_tools_are_forbidden(self, client, model, is_streamed):
        messages: list[Any] = [{"role": "user", "content": script(calling("datetime", **{"else": "never"}))}]

        said = message_of(
            client, model=model, tools=TOOLS, messages=messages, tool_choice="none", is_streamed=is_streamed
        )

        assert (said.content, said.tool_calls) == ("never", None)
