"""Server tools of earlier turns in a Responses request: the items that the answer had, as calls and results.

An item has what its tool was asked and what it answered, each under a name of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import msgspec

from routing.gateway.dialects.chunks import a_text, an_object
from routing.gateway.dialects.parameters import Check, check, is_text
from routing.gateway.dialects.tool_entries import slug_of
from routing.gateway.dialects.tool_records import Message, Record, offered_function

ASKED = {
    "web_search": ("query",),
    "web_fetch": ("url",),
    "datetime": ("timezone",),
    "search_models": ("query",),
    "advisor": ("prompt",),
    "subagent": ("task_name", "task_description"),
}
"""The fields of an item that its call's arguments had."""
ANSWERED_TOO = frozenset({"datetime", "web_fetch"})
"""Whose results have those fields as well."""
OF_THE_ITEM = frozenset({"type", "id", "status", "instance_name", "call_id", "arguments", "action"})
ENDED = ("completed", "failed", "incomplete")
CHECKS: dict[str, Check] = {"id": is_text, "status": is_text, "instance_name": is_text, "arguments": is_text}

Item = Mapping[str, Any]  # the caller's JSON


def add_record(messages: list[Message], item: Item, where: str, offered: AbstractSet[str]) -> None:
    """Add a call and its result; nothing where the tool is not offered, or never ended. Raises RefusedError.

    Calls that follow one another are calls of one message: so a call of the caller's own keeps its result behind it.
    """
    check(item, CHECKS, f"{where}.")
    slug = slug_of(item["type"])
    function = offered_function(item.get("instance_name") or item["type"], offered)
    if function is None or item.get("status", "completed") not in ENDED:
        return
    identifier = a_text(item, "id") or f"call_{len(messages)}"
    record = Record(identifier, function, _arguments(slug, item), _result(slug, item))
    turn = _asking(messages, offered)
    turn.setdefault("content", None)
    turn.setdefault("tool_calls", []).append(record.call())
    messages.append(record.answer())


def _asking(messages: list[Message], offered: AbstractSet[str]) -> Message:
    """The assistant's message that calls tools at this place: the last one, or one that none but ours have answered."""
    place = len(messages)
    while place and messages[place - 1]["role"] == "tool":
        place -= 1
    turn = messages[place - 1] if place else None
    answered = {message["tool_call_id"] for message in messages[place:]}
    if turn is not None and turn["role"] == "assistant" and answered <= _executed(turn, offered):
        return turn
    messages.append({"role": "assistant"})
    return messages[-1]


def _executed(turn: Message, offered: AbstractSet[str]) -> set[str]:
    calls = turn.get("tool_calls") or []
    return {call["id"] for call in calls if an_object(call, "function").get("name") in offered}


def _arguments(slug: str, item: Item) -> str:
    if arguments := a_text(item, "arguments"):
        return arguments
    given = {**item, "query": a_text(item, "query") or an_object(item, "action").get("query")}
    names = ASKED.get(slug, ())
    return _json({name: given[name] for name in names if given.get(name) is not None})


def _result(slug: str, item: Item) -> str:
    left_out = OF_THE_ITEM.union(() if slug in ANSWERED_TOO else ASKED.get(slug, ()))
    told = {name: value for name, value in item.items() if name not in left_out and value is not None}
    if sources := an_object(item, "action").get("sources"):
        told["sources"] = sources
    return _json({"status": "error" if told.get("error") else "ok", **told})


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
