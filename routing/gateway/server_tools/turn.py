"""One answer of the model within a loop: put together from its pieces, and parted into what is whose.

Everything in it came from a provider: whatever has another type than it should counts as absent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from config.lib.ids import uuid7
from routing.gateway.dialects.chunks import a_text, an_object, content_of, objects
from routing.tools.tool import Json, Ran, Use

KINDS_OF_CALL = ("function", "custom")
JOINED = ("text", "summary", "data")
"""Of a reasoning detail that comes in pieces, the fields whose pieces follow one another."""


class Requested(msgspec.Struct, frozen=True):
    """A call of a tool of ours as the model made it: `arguments` is None where what it sent is no JSON object."""

    id: str
    use: Use
    text: str
    arguments: Json | None


class Finished(NamedTuple):
    """A call of a tool that has run, and what it came to as model and caller may see it.

    `result` is JSON text, of so many `tokens` at least.
    """

    requested: Requested
    ran: Ran
    result: str
    tokens: int
    stages: tuple[Mapping[str, Any], ...]


class Turn(msgspec.Struct, frozen=True):
    """What the model said: the message, which calls in it are ours to run, and whether others are left."""

    message: Json
    requested: tuple[Requested, ...]
    is_callers_turn: bool
    """Whether it calls tools of the caller's own, who goes on from there."""


def turn_of(message: Mapping[str, Any], uses: Mapping[str, Use], known: set[str]) -> Turn:
    """The turn of a whole message; `known` are the ids of the calls before, to which those of this one are added."""
    calls = objects(message, "tool_calls")
    ours = tuple(_requested(calls, uses, known))
    named = {one.use.function for one in ours}
    return Turn(dict(message), ours, any(_name_of(call) not in named for call in calls))


def callers_message(turn: Turn) -> Json:
    """The message as the caller may see it: without the calls that are not his."""
    named = {one.use.function for one in turn.requested}
    left = [call for call in objects(turn.message, "tool_calls") if _name_of(call) not in named]
    message = {name: value for name, value in turn.message.items() if name != "tool_calls"}
    return {**message, "tool_calls": left} if left else message


def said_again(turn: Turn) -> Json:
    """The message as the next request repeats it to the provider: with our calls alone.

    Calls of the caller's own never get here: they end the turn.
    """
    message: Json = {"role": "assistant", "content": content_of(turn.message) or None}
    for name in ("reasoning", "reasoning_details", "reasoning_content"):
        if turn.message.get(name):
            message[name] = turn.message[name]
    message["tool_calls"] = [
        {"id": one.id, "type": "function", "function": {"name": one.use.function, "arguments": one.text}}
        for one in turn.requested
    ]
    return message


def _requested(calls: list[Json], uses: Mapping[str, Use], known: set[str]) -> Iterator[Requested]:
    for call in calls:
        use = uses.get(_name_of(call))
        if use is None:
            continue
        text = a_text(an_object(call, "function"), "arguments")
        identifier = a_text(call, "id")
        if not identifier or identifier in known:
            identifier = f"call_{uuid7().hex}"  # some providers count them in each answer anew
        known.add(identifier)
        arguments = _object(text)
        yield Requested(identifier, use, text if arguments is not None else "{}", arguments)


def _name_of(call: Mapping[str, Any]) -> str:
    return a_text(an_object(call, "function"), "name")


def _object(text: str) -> Json | None:
    if not text.strip():
        return {}
    try:
        value = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError, UnicodeError, ValueError):
        return None
    return value if isinstance(value, dict) else None


class Assembly:
    """Puts a message together from the deltas of a stream."""

    def __init__(self) -> None:
        self._texts: dict[str, list[str]] = {"content": [], "reasoning": [], "refusal": []}
        self._details: list[tuple[Json, dict[str, list[str]]]] = []
        self._calls: list[_Call] = []
        self._numbers: dict[int, int] = {}
        self._annotations: list[Json] = []

    def take(self, delta: Json) -> list[int]:
        """One delta; the numbers of the calls that its pieces of calls belong to."""
        for name, texts in self._texts.items():
            if text := a_text(delta, name):
                texts.append(text)
        for piece in objects(delta, "reasoning_details"):
            self._take_detail(piece)
        self._annotations += objects(delta, "annotations")
        return [self._take_call(piece) for piece in objects(delta, "tool_calls")]

    def message(self) -> Json:
        """What was said by now."""
        message: Json = {"role": "assistant"}
        for name, texts in self._texts.items():
            if texts or name == "content":
                message[name] = "".join(texts) or None
        if self._details:
            message["reasoning_details"] = [
                {**detail, **{name: "".join(texts) for name, texts in joined.items()}}
                for detail, joined in self._details
            ]
        if self._calls:
            message["tool_calls"] = [call.whole() for call in self._calls]
        if self._annotations:
            message["annotations"] = self._annotations
        return message

    def name_of(self, number: int) -> str:
        """The name of a call, as far as it has come."""
        return self._calls[number].name

    def _take_detail(self, piece: Json) -> None:
        said = {name: value for name, value in piece.items() if name in JOINED and isinstance(value, str)}
        last, joined = self._details[-1] if self._details else ({}, {})
        if not self._details or any(last.get(name) != piece.get(name) for name in ("type", "index")):
            self._details.append((dict(piece), {name: [text] for name, text in said.items()}))
            return
        for name, text in said.items():
            joined.setdefault(name, []).append(text)
        last |= {name: value for name, value in piece.items() if name not in said and value is not None}

    def _take_call(self, piece: Json) -> int:
        place, function = _place_of(piece), an_object(piece, "function")
        identifier, name = a_text(piece, "id"), a_text(function, "name")
        number = self._numbers.get(place)
        if number is None or self._calls[number].is_another(identifier, name):
            number = self._numbers[place] = len(self._calls)
            self._calls.append(_Call())
        self._calls[number].take(identifier, name, a_text(function, "arguments"))
        return number


class _Call:
    """A call of a tool that comes in pieces."""

    def __init__(self) -> None:
        self.id = self.name = ""
        self._arguments: list[str] = []

    def is_another(self, identifier: str, name: str) -> bool:
        """Whether a piece begins a call of its own: some providers give all of an answer the same place."""
        return bool(identifier and self.id and identifier != self.id and name)

    def take(self, identifier: str, name: str, arguments: str) -> None:
        """A piece."""
        self.id, self.name = self.id or identifier, self.name or name
        if arguments:
            self._arguments.append(arguments)

    def whole(self) -> Json:
        """The call as a message has it."""
        function = {"name": self.name, "arguments": "".join(self._arguments)}
        return {"id": self.id, "type": "function", "function": function}


def _place_of(piece: Json) -> int:
    """Which call a piece belongs to."""
    index = piece.get("index")
    return index if isinstance(index, int) and not isinstance(index, bool) else 0
