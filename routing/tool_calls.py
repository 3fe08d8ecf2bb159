"""Whether an answer's tool calls are calls of the caller's tools (guides/routing/auto-exacto): for statistics.

A call is wrong whose arguments are no JSON, that names no tool of the request, or that does not satisfy its parameters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from routing.json_schema import MOST_STEPS, satisfies

Json = dict[str, Any]  # JSON may be anything

MOST_BYTES = 256 * 1024
"""Tools, and arguments, above this size are not judged."""
MOST_CALLS = 32

_decode = msgspec.json.Decoder().decode


def are_wrong(calls: Iterable[Any], tools: Any) -> bool | None:
    """Whether any of the calls is wrong; None: there are none of functions, or they cannot be judged."""
    schemas = _schemas(tools)
    if schemas is None:
        return None
    named = [found for call in list(calls)[:MOST_CALLS] if (found := _function(call)) is not None]
    steps = MOST_STEPS // max(len(named), 1)
    return any(_is_wrong(function, schemas, steps) for function in named) if named else None


def calls_of(body: Mapping[str, Any]) -> list[Any]:
    """The tool calls of a whole answer."""
    choices = body.get("choices")
    found: list[Any] = []
    for choice in choices if isinstance(choices, list) else ():
        message = choice.get("message") if isinstance(choice, dict) else None
        calls = message.get("tool_calls") if isinstance(message, dict) else None
        found += calls if isinstance(calls, list) else ()
    return found


class StreamedCalls:
    """Collects the tool calls of a streamed answer from its events."""

    __slots__ = ("_events", "_size")

    def __init__(self) -> None:
        self._events: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> None:
        """Take complete Chat Completions events; those of tool calls are kept until the end."""
        if b'"tool_calls"' in data:
            self._size += len(data)
            if self._size <= MOST_BYTES:
                self._events.append(data)

    def calls(self) -> list[Any]:
        """The calls, put together; none if they were too large to be kept."""
        found: dict[tuple[Any, Any], Json] = {}
        if self._size > MOST_BYTES:
            return []
        for event in b"".join(self._events).split(b"\n\n"):
            for at, piece in _pieces(event):
                whole = found.setdefault(at, {"name": None, "arguments": ""})
                whole["name"] = whole["name"] or piece.get("name")
                arguments = piece.get("arguments")
                whole["arguments"] += arguments if isinstance(arguments, str) else ""
        return [{"type": "function", "function": function} for function in found.values()]


def _pieces(event: bytes) -> Iterable[tuple[tuple[Any, Any], Json]]:
    """The pieces of calls in one event, with the choice and the call that each belongs to."""
    if not event.startswith(b"data: {"):
        return
    try:
        chunk = _decode(event[len(b"data: ") :])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return
    choices = chunk.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        delta = choice.get("delta") if isinstance(choice, dict) else None
        calls = delta.get("tool_calls") if isinstance(delta, dict) else None
        for call in calls if isinstance(calls, list) else ():
            function = call.get("function") if isinstance(call, dict) else None
            if isinstance(function, dict) and isinstance(call.get("index", 0), int):
                yield (str(choice.get("index")), call.get("index", 0)), function


def _schemas(tools: Any) -> dict[str, Any] | None:
    """The parameters of the request's functions by their names."""
    if isinstance(tools, msgspec.Raw):
        tools = _decode(tools) if len(bytes(tools)) <= MOST_BYTES else None
    if not isinstance(tools, list):
        return None
    functions = [found for tool in tools if (found := _function(tool)) is not None]
    return {
        function["name"]: function.get("parameters")
        for function in functions
        if isinstance(function.get("name"), str)
    }


def _function(holder: Any) -> Json | None:
    function = holder.get("function") if isinstance(holder, dict) else None
    return function if isinstance(function, dict) else None


def _is_wrong(function: Json, schemas: Mapping[str, Any], steps: int) -> bool:
    name, arguments = function.get("name"), function.get("arguments")
    if not isinstance(name, str) or name not in schemas:
        return True
    if not isinstance(arguments, str) or len(arguments) > MOST_BYTES:
        return not isinstance(arguments, str)
    try:
        value = _decode(arguments)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return True
    return not satisfies(value, schemas[name], steps)
