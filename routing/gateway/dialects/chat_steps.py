"""What Chat Completions tells of server tools: records among the reasoning, and numbers in the usage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from routing.gateway.dialects.chat_records import record_of
from routing.gateway.dialects.chunks import chunks_of, encode_event, objects
from routing.gateway.dialects.dialect import Step, ToolCalled

DETAILS = "reasoning_details"
USED = "server_tool_use_details"

Usage = Mapping[str, Any]


def reported(usage: Usage) -> Usage:
    """The usage with what server tools did under both of its names; the very same where none ran."""
    used = usage.get(USED)
    if not used:
        return usage
    return {**usage, "server_tool_use": {"web_search_requests": used.get("web_search_requests") or 0}}


class Indexes:
    """Counts the entries of reasoning of a stream over its steps."""

    def __init__(self) -> None:
        self._first = 0
        self._next = 0

    def counted(self, data: bytes) -> bytes:
        """The events; only what holds reasoning is looked at."""
        if b'"reasoning_details"' not in data:
            return data
        events = data.split(b"\n\n")
        return b"\n\n".join([self._event(one) for one in events])

    def record(self, called: ToolCalled) -> dict[str, Any]:
        """The next entry; whatever follows is of another step."""
        record = record_of(called, self._next)
        self._next += 1
        self._first = self._next
        return record

    def _event(self, event: bytes) -> bytes:
        if b'"reasoning_details"' not in event or not event.startswith(b"data: {"):
            return event
        try:
            chunk = next(chunks_of(event))
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return event  # passed on as it is, like all that is not looked at
        for choice in objects(chunk, "choices"):
            if isinstance(choice.get("delta"), dict):
                _shift(choice["delta"], self._first)
                self._next = max([self._next, *map(_after, objects(choice["delta"], DETAILS))])
        return encode_event(chunk)[:-2] if self._first else event


def details_of(steps: Sequence[Step], message: dict[str, Any]) -> dict[str, Any]:
    """The whole message with each step's reasoning and then its records."""
    details: list[dict[str, Any]] = []
    following = 0
    for step in steps:
        said = {DETAILS: [dict(one) for one in objects(step.message, DETAILS)]}
        _shift(said, following)
        following = max([following, *map(_after, said[DETAILS])])
        records = [record_of(called, following + number) for number, called in enumerate(step.tools)]
        details += [*said[DETAILS], *records]
        following += len(records)
    return {**message, DETAILS: details} if details else message


def _shift(delta: dict[str, Any], by: int) -> None:
    for detail in objects(delta, DETAILS) if by else ():
        if isinstance(detail.get("index"), int):
            detail["index"] += by


def _after(detail: Mapping[str, Any]) -> int:
    index = detail.get("index")
    return index + 1 if isinstance(index, int) else 0
