"""The clients whose users have tools, each asked in the same words and read back into one shape."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import anthropic
from openai import OpenAI
from openrouter import OpenRouter

Json = dict[str, Any]
Call = tuple[str, str, Json]  # its id, its name, its arguments
NOTHING: Json = {"type": "object", "properties": {}, "additionalProperties": True}
SECONDS = 60.0


@dataclass(frozen=True)
class Turn:
    """What a client was told: `calls` are those that its user has to answer, `tools_used` the gateway's own count."""

    id: str
    text: str
    calls: tuple[Call, ...]
    is_waiting: bool
    cost: Decimal
    tools_used: Mapping[str, Any]


def server_tool(kind: str, **parameters: Any) -> Json:
    """An entry of `tools` that the gateway runs, as every dialect spells it."""
    return {"type": kind, **({"parameters": parameters} if parameters else {})}


class Asking:
    """One client against one stack."""

    takes_max_tool_calls = True

    def __init__(self, base: str, key: str) -> None:
        self.base, self.key = base, key

    def question(self, text: str) -> list[Any]:
        """The beginning of a conversation."""
        return [{"role": "user", "content": text}]

    def function(self, name: str) -> Json:
        """An entry of `tools` that the user runs, with any arguments."""
        raise NotImplementedError

    def answered(self, turn: Turn, results: Sequence[str]) -> list[Any]:
        """A turn, and what the user's functions said to its calls."""
        raise NotImplementedError

    def ask(self, talk: Sequence[Any], tools: Sequence[Json], *, is_streamed: bool, **limits: Any) -> Turn:
        """One request for simulator/script."""
        raise NotImplementedError


def usage_of(usage: Any) -> tuple[Decimal, Json]:
    """What all of it cost, and how many server tools ran; a client's usage object or a dict."""
    told = usage if isinstance(usage, dict) else usage.model_dump(by_alias=True, warnings=False)
    return Decimal(str(told["cost"])), told.get("server_tool_use_details") or {}


class ChatAsking(Asking):
    """Chat Completions in the words of any client."""

    def function(self, name: str) -> Json:
        return {"type": "function", "function": {"name": name, "parameters": NOTHING}}

    def answered(self, turn: Turn, results: Sequence[str]) -> list[Any]:
        calls = [
            {"id": id_, "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
            for id_, name, arguments in turn.calls
        ]
        said = [
            {"role": "tool", "tool_call_id": call[0], "content": result}
            for call, result in zip(turn.calls, results, strict=True)
        ]
        return [{"role": "assistant", "content": turn.text or None, "tool_calls": calls}, *said]

    def whole(self, answer: Any) -> Turn:
        """An answer that came at once."""
        [choice] = answer.choices
        calls = tuple(
            (call.id, call.function.name, json.loads(call.function.arguments))
            for call in choice.message.tool_calls or ()
        )
        is_waiting = choice.finish_reason == "tool_calls"
        return Turn(answer.id, choice.message.content or "", calls, is_waiting, *usage_of(answer.usage))

    def joined(self, chunks: Iterable[Any]) -> Turn:
        """An answer that was streamed."""
        listed = list(chunks)
        choices = [chunk.choices[0] for chunk in listed if chunk.choices]
        calls: dict[int, list[Any]] = {}
        for part in (part for one in choices for part in one.delta.tool_calls or ()):
            call = calls.setdefault(part.index, [part.id, part.function.name, ""])
            call[2] += part.function.arguments or ""
        finish = [one.finish_reason for one in choices if one.finish_reason]
        [usage] = [chunk.usage for chunk in listed if chunk.usage]
        assert len({chunk.id for chunk in listed}) == len(finish) == 1
        return Turn(
            listed[0].id,
            "".join(one.delta.content or "" for one in choices),
            tuple((id_, name, json.loads(arguments)) for id_, name, arguments in calls.values()),
            finish == ["tool_calls"],
            *usage_of(usage),
        )


class OpenAIChat(ChatAsking):
    """`openai`, client.chat.completions."""

    def ask(self, talk: Sequence[Any], tools: Sequence[Json], *, is_streamed: bool, **limits: Any) -> Turn:
        asked: Json = {"model": "simulator/script", "messages": talk, "tools": tools, "extra_body": limits}
        with OpenAI(base_url=self.base, api_key=self.key, max_retries=0, timeout=SECONDS) as client:
            answer = client.chat.completions.create(stream=is_streamed, **asked)
            return self.joined(answer) if is_streamed else self.whole(answer)


class OpenRouterChat(ChatAsking):
    """`openrouter`, client.chat.send; it has no word for max_tool_calls."""

    takes_max_tool_calls = False

    def ask(self, talk: Sequence[Any], tools: Sequence[Json], *, is_streamed: bool, **limits: Any) -> Turn:
        asked: Json = {"model": "simulator/script", "messages": talk, "tools": tools, **limits}
        with OpenRouter(server_url=self.base, api_key=self.key, timeout_ms=int(SECONDS * 1000)) as client:
            answer: Any = client.chat.send(stream=is_streamed, **asked)
            return self.joined(answer) if is_streamed else self.whole(answer)


class ResponsesAsking(Asking):
    """Responses in the words of any client."""

    def function(self, name: str) -> Json:
        return {"type": "function", "name": name, "parameters": NOTHING, "strict": False}

    def answered(self, turn: Turn, results: Sequence[str]) -> list[Any]:
        calls = [
            {"type": "function_call", "call_id": id_, "name": name, "arguments": json.dumps(arguments)}
            for id_, name, arguments in turn.calls
        ]
        said = [
            {"type": "function_call_output", "call_id": call[0], "output": result}
            for call, result in zip(turn.calls, results, strict=True)
        ]
        return [*calls, *said]

    def whole(self, answer: Any) -> Turn:
        """A Response object, streamed or not."""
        told = answer.model_dump(by_alias=True, warnings=False)
        calls = tuple(
            (item["call_id"], item["name"], json.loads(item["arguments"]))
            for item in told["output"]
            if item["type"] == "function_call"
        )
        texts = [
            part.get("text", "")
            for item in told["output"]
            if item["type"] == "message"
            for part in item["content"]
        ]
        assert told["status"] == "completed"
        return Turn(told["id"], "".join(texts), calls, bool(calls), *usage_of(told["usage"]))


class OpenAIResponses(ResponsesAsking):
    """`openai`, client.responses."""

    def ask(self, talk: Sequence[Any], tools: Sequence[Json], *, is_streamed: bool, **limits: Any) -> Turn:
        asked: Json = {"model": "simulator/script", "input": talk, "tools": tools, "extra_body": limits}
        with OpenAI(base_url=self.base, api_key=self.key, max_retries=0, timeout=SECONDS) as client:
            answer = client.responses.create(stream=is_streamed, **asked)
            return self.whole([*answer][-1].response if is_streamed else answer)


class OpenRouterResponses(ResponsesAsking):
    """`openrouter`, client.beta.responses."""

    def ask(self, talk: Sequence[Any], tools: Sequence[Json], *, is_streamed: bool, **limits: Any) -> Turn:
        asked: Json = {"model": "simulator/script", "input": talk, "tools": tools, **limits}
        with OpenRouter(server_url=self.base, api_key=self.key, timeout_ms=int(SECONDS * 1000)) as client:
            answer: Any = client.beta.responses.send(stream=is_streamed, **asked)
            return self.whole([*answer][-1].response if is_streamed else answer)


class AnthropicMessages(Asking):
    """`anthropic`, client.messages."""

    def function(self, name: str) -> Json:
        return {"name": name, "input_schema": NOTHING}

    def answered(self, turn: Turn, results: Sequence[str]) -> list[Any]:
        text = [{"type": "text", "text": turn.text}] if turn.text else []
        calls = [
            {"type": "tool_use", "id": id_, "name": name, "input": arguments}
            for id_, name, arguments in turn.calls
        ]
        said = [
            {"type": "tool_result", "tool_use_id": call[0], "content": result}
            for call, result in zip(turn.calls, results, strict=True)
        ]
        return [{"role": "assistant", "content": [*text, *calls]}, {"role": "user", "content": said}]

    def ask(self, talk: Sequence[Any], tools: Sequence[Json], *, is_streamed: bool, **limits: Any) -> Turn:
        asked: Json = {"model": "simulator/script", "messages": talk, "tools": tools, "extra_body": limits}
        base = self.base.removesuffix("/v1")
        with anthropic.Anthropic(base_url=base, api_key=self.key, max_retries=0, timeout=SECONDS) as client:
            answer: Any = client.messages.create(max_tokens=4000, stream=is_streamed, **asked)
            return self._joined(answer) if is_streamed else self._whole(answer)

    def _whole(self, message: Any) -> Turn:
        blocks = [block.model_dump(warnings=False) for block in message.content]
        calls = [
            (block["id"], block["name"], block["input"]) for block in blocks if block["type"] == "tool_use"
        ]
        text = "".join(block["text"] for block in blocks if block["type"] == "text")
        is_waiting = message.stop_reason == "tool_use"
        return Turn(message.id, text, tuple(calls), is_waiting, *usage_of(message.usage))

    def _joined(self, events: Iterable[Any]) -> Turn:
        listed = [event.model_dump(warnings=False) for event in events]
        blocks: dict[int, Json] = {}
        for event in listed:
            if event["type"] == "content_block_start":
                blocks[event["index"]] = event["content_block"] | {"fragments": ""}
            elif event["type"] == "content_block_delta":
                delta = event["delta"]
                blocks[event["index"]]["fragments"] += delta.get("text") or delta.get("partial_json") or ""
        calls = [
            (block["id"], block["name"], json.loads(block["fragments"] or "{}"))
            for block in blocks.values()
            if block["type"] == "tool_use"
        ]
        text = "".join(block["fragments"] for block in blocks.values() if block["type"] == "text")
        [begun] = [event["message"] for event in listed if event["type"] == "message_start"]
        [ended] = [event for event in listed if event["type"] == "message_delta"]
        assert listed[-1]["type"] == "message_stop"
        is_waiting = ended["delta"]["stop_reason"] == "tool_use"
        return Turn(begun["id"], text, tuple(calls), is_waiting, *usage_of(ended["usage"]))


CLIENTS: tuple[type[Asking], ...] = (
    OpenAIChat,
    OpenAIResponses,
    AnthropicMessages,
    OpenRouterChat,
    OpenRouterResponses,
)
