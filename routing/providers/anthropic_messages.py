"""A Chat Completions conversation as Anthropic's system prompt and turns (docs.anthropic.com/en/api/messages).

The API's rules: system texts stand apart from the turns; tool results belong to the user and come first in his
turn; turns of the same role are one; no text is empty; the first turn is the user's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from routing.providers.anthropic_content import Block, blocks_of, cache_control, lift_cache_control, texts_of
from routing.providers.anthropic_reasoning import THINKING, thinking_blocks
from routing.providers.wire_format import Unsupported

SYSTEM = ("system", "developer")
BEGINNING = "."
"""What the user is taken to have said where a conversation begins with the assistant."""
_FOREIGN = re.compile(r"[^a-zA-Z0-9_-]")


class Conversation(NamedTuple):
    """The system's blocks, the turns, and what of the messages could not be said."""

    system: list[Block]
    turns: list[dict[str, Any]]
    dropped: frozenset[str]

    @property
    def tools_used(self) -> list[str]:
        """The names of the tools that were called, in order."""
        names = [
            block["name"] for turn in self.turns for block in turn["content"] if block["type"] == "tool_use"
        ]
        return list(dict.fromkeys(names))

    @property
    def is_amid_unthought_calls(self) -> bool:
        """Whether the last turn answers calls that no thoughts precede: thinking cannot begin there."""
        if len(self.turns) < 2 or self.turns[-1]["content"][0]["type"] != "tool_result":
            return False
        return self.turns[-2]["content"][0]["type"] not in THINKING


def read_messages(messages: list[dict[str, Any]]) -> Conversation:
    """The conversation. Raises Unsupported for what it must not do without."""
    system = [
        block
        for message in messages
        if message.get("role") in SYSTEM
        for block in texts_of(message.get("content"))
    ]
    dropped: set[str] = set()
    turns: list[dict[str, Any]] = []
    for role, blocks in _said(messages, dropped):
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        elif blocks:
            turns.append({"role": role, "content": blocks})
    if not turns and system:
        system, turns = [], [{"role": "user", "content": system}]
    if not turns:
        raise Unsupported("messages", "must hold some text")
    return Conversation(system, _in_order(turns), frozenset(dropped))


def _said(messages: list[dict[str, Any]], dropped: set[str]) -> Iterator[tuple[str, list[Block]]]:
    for message in messages:
        role = message.get("role")
        if message.get("name") and role in ("user", "assistant"):
            dropped.add("messages.name")
        if role == "user":
            yield "user", blocks_of(message.get("content"))
        elif role == "assistant":
            yield "assistant", _assistant(message, dropped)
        elif role == "tool":
            yield "user", [_result(message)]
        elif role not in SYSTEM:
            raise Unsupported("messages", f"may not have the role {str(role)[:50]!r} at this provider")


def _in_order(turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for turn in turns:
        if turn["role"] == "user":
            turn["content"].sort(key=lambda block: block["type"] != "tool_result")
    if turns[0]["role"] == "assistant":
        turns.insert(0, {"role": "user", "content": [{"type": "text", "text": BEGINNING}]})
    last = turns[-1]["content"][-1]
    if turns[-1]["role"] == "assistant" and last["type"] == "text":
        last["text"] = last["text"].rstrip()  # the API refuses a beginning that ends with blanks
    return turns


def _assistant(message: Mapping[str, Any], dropped: set[str]) -> list[Block]:
    thoughts, is_whole = thinking_blocks(message.get("reasoning_details"))
    if not is_whole:
        dropped.add("messages.reasoning_details")
    for name in ("audio", "images"):
        if message.get(name):
            dropped.add(f"messages.{name}")
    said = texts_of(message.get("content")) or texts_of(message.get("refusal"))
    calls = message.get("tool_calls")
    return [*thoughts, *said, *(_call(call) for call in (calls if isinstance(calls, list) else ()))]


def _call(call: Any) -> Block:
    function = call.get("function") if isinstance(call, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(function, dict) or not isinstance(name, str):
        raise Unsupported("messages", "must have a function with a name in each of tool_calls")
    block = {"type": "tool_use", "id": _identifier(call.get("id")), "name": name}
    return block | {"input": _arguments(function.get("arguments"))} | cache_control(call)


def _arguments(text: Any) -> dict[str, Any]:
    """The arguments as an object; what a model once wrote and is none is kept as it is, under one name."""
    if isinstance(text, dict):
        return text
    if not isinstance(text, str) or not text.strip():
        return {}
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError):
        found = None
    return found if isinstance(found, dict) else {"arguments": text}


def _result(message: Mapping[str, Any]) -> Block:
    content = blocks_of(message.get("content"))
    marker = lift_cache_control(content) | cache_control(message)
    block: Block = {"type": "tool_result", "tool_use_id": _identifier(message.get("tool_call_id"))}
    return block | ({"content": content} if content else {}) | marker


def _identifier(given: Any) -> str:
    """A call's id in the letters that the API allows; other providers' have more of them."""
    if not isinstance(given, str) or not given:
        raise Unsupported("messages", "must have an id for each tool call and its result")
    return _FOREIGN.sub("_", given)
