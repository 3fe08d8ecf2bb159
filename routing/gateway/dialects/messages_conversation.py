"""The conversation of a Messages request as that of Chat Completions (platform.claude.com/docs/en/api/messages).

A user's message may hold tool results among other things: each becomes a message of its own, and what a result holds
beside text follows in the user's message, because most providers take pictures and files from nobody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import msgspec

from routing.gateway.dialects.chunks import a_text
from routing.gateway.dialects.messages_blocks import (
    CACHED,
    Block,
    Part,
    blocks_of,
    content_of_parts,
    is_plain,
    parts_of,
    text_part,
)
from routing.gateway.dialects.messages_records import is_of_a_tool, turns_of
from routing.gateway.dialects.parameters import is_objects, refused
from routing.gateway.dialects.thinking import detail_of

ATTACHED = "(The result is attached to the next message.)"
THINKING = ("thinking", "redacted_thinking")

Message = dict[str, Any]


def read_conversation(body: Mapping[str, Any], offered: AbstractSet[str] = frozenset()) -> list[Message]:
    """The system prompt and all messages. Raises RefusedError naming what is wrong.

    `offered`: the functions of the server tools that the request offers its model.
    """
    given = body.get("messages")
    if not given or not is_objects(given):
        raise refused("messages", "must be a non-empty list of objects")
    messages = _read_system(body.get("system"))
    for index, message in enumerate(given):
        messages += _read_message(message, f"messages.{index}", offered)
    return messages


def has_citations(body: Mapping[str, Any]) -> bool:
    """Whether a document of the conversation is to be cited, which Chat Completions cannot ask for."""
    blocks = [
        block
        for message in body["messages"]
        if isinstance(message.get("content"), list)
        for block in message["content"]
    ]
    return any((block.get("citations") or {}) == {"enabled": True} for block in blocks)


def _read_system(system: Any) -> list[Message]:  # JSON of any kind
    if not system:
        return []
    parts = [part for block in blocks_of(system, "system") for part in parts_of(block, "system")]
    return [{"role": "system", "content": content_of_parts(parts)}]


def _read_message(message: Mapping[str, Any], where: str, offered: AbstractSet[str]) -> list[Message]:
    role = message.get("role")
    blocks = blocks_of(message.get("content"), f"{where}.content")
    if role == "assistant":
        return _turn(blocks, f"{where}.content", offered)
    if role == "user":
        return _asked(blocks, f"{where}.content")
    if role == "system":
        parts = [part for block in blocks for part in parts_of(block, f"{where}.content")]
        return [{"role": "system", "content": content_of_parts(parts)}]
    raise refused(f"{where}.role", "must be 'user' or 'assistant'")


def _asked(blocks: list[dict[str, Any]], where: str) -> list[Message]:
    """What a user said: the results of tools first, then everything else."""
    results: list[Message] = []
    attached: list[Part] = []
    parts: list[Part] = []
    for index, block in enumerate(blocks):
        if block.get("type") == "tool_result":
            result, media = _read_result(block, f"{where}.{index}")
            results.append(result)
            attached += media
        else:
            parts += parts_of(block, f"{where}.{index}")
    parts = attached + parts
    return (
        [*results, {"role": "user", "content": content_of_parts(parts)}] if parts or not results else results
    )


def _read_result(block: Block, where: str) -> tuple[Message, list[Part]]:
    """A tool's result, and what of it is no text."""
    if not isinstance(block.get("tool_use_id"), str):
        raise refused(f"{where}.tool_use_id", "must be a string")
    content = block.get("content")
    inner = blocks_of("" if content is None else content, f"{where}.content")
    parts = [part for one in inner for part in parts_of(one, f"{where}.content")]
    texts = [part for part in parts if part["type"] == "text" and part["text"]]
    media = [part for part in parts if part["type"] != "text"]
    if not texts:
        texts = [text_part(ATTACHED if media else "")]
    if block.get("is_error") is True:
        texts[0] = {**texts[0], "text": f"Error: {texts[0]['text']}".strip()}
    if isinstance(block.get(CACHED), dict):
        texts[-1] = {**texts[-1], CACHED: block[CACHED]}
    is_text = all(map(is_plain, texts))
    joined: Any = "\n".join([part["text"] for part in texts]) if is_text else texts
    return {"role": "tool", "tool_call_id": block["tool_use_id"], "content": joined}, media


def _turn(blocks: list[dict[str, Any]], where: str, offered: AbstractSet[str]) -> list[Message]:
    """What a model said, between the results of the server tools that it called."""
    if not any(map(is_of_a_tool, blocks)):
        return [_said(enumerate(blocks), where)]
    told: list[Message] = []
    for said, records in turns_of(blocks, offered):
        message = _said(said, where)
        if records:
            message["tool_calls"] = [*message.get("tool_calls", ()), *[record.call() for record in records]]
        if message.keys() != {"role", "content"} or message["content"] is not None:
            told += [message, *[record.answer() for record in records]]
    return told


def _said(blocks: Iterable[tuple[int, Block]], where: str) -> Message:
    """What a model said at once: text, reasoning and calls."""
    parts: list[Part] = []
    calls: list[dict[str, Any]] = []
    details: list[dict[str, Any]] = []
    for index, block in blocks:
        kind, place = block.get("type"), f"{where}.{index}"
        if kind in THINKING:
            details.append(_read_thinking(block, len(details), place))
        elif kind == "tool_use":
            calls.append(_read_call(block, place))
        else:
            parts += parts_of(block, place)
    message: Message = {"role": "assistant", "content": _joined(parts)}
    if details:
        message["reasoning_details"] = details
    if calls:
        message["tool_calls"] = calls
    return message


def _joined(parts: list[Part]) -> str | list[Part] | None:
    if all(map(is_plain, parts)):
        return "".join([part["text"] for part in parts]) if parts else None
    return parts


def _read_thinking(block: Block, index: int, where: str) -> dict[str, Any]:
    try:
        return detail_of(block, index)
    except ValueError:
        raise refused(where, "is no thinking block that was answered here") from None


def _read_call(block: Block, where: str) -> dict[str, Any]:
    for name in ("id", "name"):
        if not a_text(block, name):
            raise refused(f"{where}.{name}", "must be a string that is not empty")
    arguments = block.get("input")
    if not isinstance(arguments, dict | None):
        raise refused(f"{where}.input", "must be an object")
    encoded = msgspec.json.encode(arguments or {}).decode()
    call = {"id": block["id"], "type": "function", "function": {"name": block["name"], "arguments": encoded}}
    return {**call, CACHED: block[CACHED]} if isinstance(block.get(CACHED), dict) else call
