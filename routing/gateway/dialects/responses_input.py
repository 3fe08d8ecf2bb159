"""The input of a Responses request as the messages of a Chat Completions request.

One turn of the assistant is one message there (its reasoning, what it said, the tools that it called), and several
items here. What a turn's text cited (`annotations`) and its `phase` have no place in a message and stay behind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, TypeAlias

from routing.gateway.dialects.parameters import Check, check, is_objects, is_text, refused
from routing.gateway.dialects.responses_content import flattened, read_content, texts_of
from routing.gateway.dialects.responses_records import add_record
from routing.gateway.dialects.tool_entries import is_ours

Item: TypeAlias = Mapping[str, Any]  # the caller's JSON
Message: TypeAlias = dict[str, Any]

ROLES = ("user", "system", "developer", "assistant")

_CALL: dict[str, Check] = {"call_id": is_text, "name": is_text, "arguments": is_text, "input": is_text}
_REASONING: dict[str, Check] = {
    "id": is_text,
    "encrypted_content": is_text,
    "signature": is_text,
    "format": is_text,
}


def read_messages(
    instructions: str | None, given: Any, offered: AbstractSet[str] = frozenset()
) -> list[Message]:
    """The messages of a conversation. Raises RefusedError naming the item that cannot be passed on.

    `offered`: the functions of the server tools that the request offers its model.
    """
    messages: list[Message] = [{"role": "system", "content": instructions}] if instructions else []
    if isinstance(given, str):
        return [*messages, {"role": "user", "content": given}]
    if not given or not is_objects(given):
        raise refused("input", "must be a string or a non-empty list of objects")
    for index, item in enumerate(given):
        where = f"input[{index}]"
        kind = _kind(item, where)
        read = _READERS.get(kind)
        if read is None and is_ours(kind):
            add_record(messages, item, where, offered)
            continue
        if read is None:
            raise refused(f"{where}.type", "is not an item that can be sent to every provider")
        read(messages, item, where)
    for message in messages:
        message.setdefault("content", "")
    return messages


def _kind(item: Item, where: str) -> str:
    kind = item.get("type")
    if kind is None:
        kind = "message" if "role" in item else "item_reference"
    if not isinstance(kind, str):
        raise refused(f"{where}.type", "must be a string")
    if kind == "item_reference":
        raise refused(where, "refers to a stored item, and none are stored: send the item itself")
    return kind


def _message(messages: list[Message], item: Item, where: str) -> None:
    role = item.get("role")
    if role not in ROLES:
        raise refused(f"{where}.role", f"must be one of {', '.join(ROLES)}")
    content = read_content(item.get("content"), f"{where}.content", is_own=role == "assistant")
    if role == "assistant":
        _said(messages, content)
        return
    messages.append({"role": role, "content": content if role == "user" else flattened(content)})


def _said(messages: list[Message], content: str | list[dict[str, Any]]) -> None:
    """What the assistant said, in the turn that its reasoning or a call has begun."""
    refusals, content = _without_refusals(content)
    content = flattened(content)
    turn = _turn(messages)
    if "content" in turn and not turn.get("tool_calls"):
        turn = {"role": "assistant"}
        messages.append(turn)
    turn["content"] = _together(turn.get("content") or "", content)
    if refusals:
        turn["refusal"] = "".join(refusals)


def _without_refusals(content: str | list[dict[str, Any]]) -> tuple[list[str], str | list[dict[str, Any]]]:
    if isinstance(content, str):
        return [], content
    refusals = [part["refusal"] for part in content if part["type"] == "refusal"]
    return refusals, [part for part in content if part["type"] != "refusal"]


def _together(
    first: str | list[dict[str, Any]], second: str | list[dict[str, Any]]
) -> str | list[dict[str, Any]]:
    if isinstance(first, str) and isinstance(second, str):
        return first + second
    return [*_parts(first), *_parts(second)]


def _parts(content: str | list[dict[str, Any]]) -> list[dict[str, Any]]:
    if isinstance(content, list):
        return content
    return [{"type": "text", "text": content}] if content else []


def _turn(messages: list[Message]) -> Message:
    """The assistant's turn that is under way, or a new one."""
    if not messages or messages[-1]["role"] != "assistant":
        messages.append({"role": "assistant"})
    return messages[-1]


def _reasoning(messages: list[Message], item: Item, where: str) -> None:
    check(item, _REASONING, f"{where}.")
    about = {name: item[name] for name in ("id", "format") if item.get(name) is not None}
    details = [
        {"type": "reasoning.summary", "summary": text, **about}
        for text in texts_of(item.get("summary"), f"{where}.summary")
    ]
    details += [
        {"type": "reasoning.text", "text": text, **about}
        for text in texts_of(item.get("content"), f"{where}.content")
    ]
    if item.get("signature"):
        if not details or details[-1]["type"] != "reasoning.text":
            details.append({"type": "reasoning.text", "text": "", **about})
        details[-1]["signature"] = item["signature"]
    if item.get("encrypted_content"):
        details.append({"type": "reasoning.encrypted", "data": item["encrypted_content"], **about})
    if details:
        _add_details(messages, details)


def _add_details(messages: list[Message], details: list[dict[str, Any]]) -> None:
    turn = _turn(messages)
    known = turn.setdefault("reasoning_details", [])
    known += [{**detail, "index": len(known) + index} for index, detail in enumerate(details)]


def _function_call(messages: list[Message], item: Item, where: str) -> None:
    name = _called(item, where, "arguments")
    function = {"name": name, "arguments": item.get("arguments") or "{}"}
    _call(messages, {"id": item["call_id"], "type": "function", "function": function})


def _custom_call(messages: list[Message], item: Item, where: str) -> None:
    custom = {"name": _called(item, where, "input"), "input": item.get("input") or ""}
    _call(messages, {"id": item["call_id"], "type": "custom", "custom": custom})


def _called(item: Item, where: str, payload: str) -> str:
    check(item, _CALL, f"{where}.")
    for field in ("call_id", "name", payload):
        if item.get(field) is None:
            raise refused(f"{where}.{field}", "is missing")
    name: str = item["name"]
    return name


def _call(messages: list[Message], call: dict[str, Any]) -> None:
    turn = _turn(messages)
    turn.setdefault("content", None)
    turn.setdefault("tool_calls", []).append(call)


def _output(messages: list[Message], item: Item, where: str) -> None:
    if not isinstance(item.get("call_id"), str):
        raise refused(f"{where}.call_id", "must be a string")
    if item.get("output") is None:
        raise refused(f"{where}.output", "is missing")
    content = flattened(read_content(item["output"], f"{where}.output"))
    messages.append({"role": "tool", "tool_call_id": item["call_id"], "content": content})


_READERS: dict[str, Callable[[list[Message], Item, str], None]] = {
    "message": _message,
    "reasoning": _reasoning,
    "function_call": _function_call,
    "function_call_output": _output,
    "custom_tool_call": _custom_call,
    "custom_tool_call_output": _output,
}
