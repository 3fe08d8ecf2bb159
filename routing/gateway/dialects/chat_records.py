"""Server tools of earlier turns in a Chat Completions request: entries of an assistant's `reasoning_details`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from itertools import groupby
from typing import Any

from routing.gateway.dialects.chunks import a_text
from routing.gateway.dialects.dialect import ToolCalled
from routing.gateway.dialects.tool_entries import PREFIX
from routing.gateway.dialects.tool_records import Message, Record, offered_function

KIND = "reasoning.server_tool_call"
KIND_JSON = KIND.encode()

Detail = Mapping[str, Any]  # the caller's JSON


def record_of(called: ToolCalled, index: int) -> dict[str, Any]:
    """The entry that tells of a call; of several tools of one kind it names the function."""
    return {
        "type": KIND,
        "tool_name": called.function if called.instance else PREFIX + called.slug,
        "arguments": called.arguments,
        "result": called.result,
        "tool_call_id": called.id,
        "id": called.id,
        "index": index,
        "format": None,
    }


def with_calls(messages: list[Message], offered: AbstractSet[str]) -> list[Message]:
    """The messages with what assistants recorded as calls and results before it."""
    told: list[Message] = []
    for place, message in enumerate(messages):
        told += _told(message, offered, place)
    return told


def _told(message: Message, offered: AbstractSet[str], place: int) -> list[Message]:
    details = message.get("reasoning_details")
    if (
        message.get("role") != "assistant"
        or not isinstance(details, list)
        or not any(map(_is_record, details))
    ):
        return [message]
    told: list[Message] = []
    thoughts: list[Any] = []
    for is_record, group in groupby(details, _is_record):
        if not is_record:
            thoughts += group
            continue
        records = list(_records(group, offered, f"call_{place}_{len(told)}"))
        if records:
            told += [_asking(records, thoughts), *[record.answer() for record in records]]
            thoughts = []
    return [*told, *_ending(message, thoughts, has_calls=bool(told))]


def _is_record(detail: Any) -> bool:
    return isinstance(detail, dict) and detail.get("type") == KIND


def _records(details: Any, offered: AbstractSet[str], spare: str) -> Iterator[Record]:
    for number, detail in enumerate(details):
        if function := offered_function(a_text(detail, "tool_name"), offered):
            identifier = a_text(detail, "tool_call_id", "id") or f"{spare}_{number}"
            yield Record(identifier, function, a_text(detail, "arguments"), a_text(detail, "result"))


def _asking(records: list[Record], thoughts: list[Any]) -> Message:
    asking: Message = {
        "role": "assistant",
        "content": None,
        "tool_calls": [record.call() for record in records],
    }
    return {**asking, "reasoning_details": thoughts} if thoughts else asking


def _ending(message: Message, thoughts: list[Any], *, has_calls: bool) -> list[Message]:
    """What the assistant said itself; nothing where that was nothing."""
    ending = {name: value for name, value in message.items() if name != "reasoning_details"}
    if has_calls and not any(
        ending.get(name) for name in ("content", "tool_calls", "refusal", "audio", "images")
    ):
        return []
    return [{**ending, "reasoning_details": thoughts}] if thoughts else [ending]
