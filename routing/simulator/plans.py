"""What will happen to a call: the answer in its pieces, the tools that it calls, and the fault on the wire."""

import json
from dataclasses import dataclass
from typing import Literal

from routing.simulator.arguments import make_arguments
from routing.simulator.ask import Ask, Body
from routing.simulator.words import count_words, split_words

Finish = Literal["stop", "length", "tool"]
Fault = Literal["cut", "garbage", "silent"]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool, with its arguments as JSON text: an object, unless a script wants it broken."""

    name: str
    arguments: str

    def read_arguments(self) -> object:
        """Return them as the object that some formats send them as; an empty one where they are none."""
        return read_object_text(self.arguments) or {}


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer: the pieces that its text is streamed in, the tools that it calls, and its tokens in all."""

    pieces: tuple[str, ...] = ()
    tokens: int = 0
    finish: Finish = "stop"
    calls: tuple[ToolCall, ...] = ()

    @property
    def text(self) -> str:
        return "".join(self.pieces)


@dataclass(frozen=True, slots=True)
class Plan:
    """What will happen: a reply, or an error status, or a fault on the wire while the reply is sent."""

    reply: Reply
    status: int = 200
    fault: Fault | None = None
    first_seconds: float | None = None


def say(ask: Ask, pieces: tuple[str, ...]) -> Reply:
    """Return the pieces, cut off at the caller's max_tokens as every provider does."""
    tokens = sum(1 for piece in pieces if not piece.isspace())
    if ask.max_tokens is not None and tokens > ask.max_tokens:
        return Reply(pieces[: ask.max_tokens], ask.max_tokens, "length")
    return Reply(pieces, tokens)


def answer(ask: Ask, text: str) -> Reply:
    """Say a text; where an object is asked for, one that satisfies its schema unless the text is one already."""
    if ask.answer_schema is not None and read_object_text(text) is None:
        text = make_arguments(ask.answer_schema)
    return say(ask, split_words(text))


def call_tools(ask: Ask, text: str, calls: tuple[ToolCall, ...]) -> Reply:
    """Call tools, with a text beside. Half a call is no call, and not every dialect could carry it."""
    pieces = split_words(text)
    tokens = count_words(text) + sum(count_words(call.arguments) for call in calls)
    if ask.max_tokens is not None and tokens > ask.max_tokens:
        return Reply(finish="length")
    return Reply(pieces, tokens, "tool", calls)


def read_object_text(text: str) -> Body | None:
    """Return the JSON object that a text is; None where it is none."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
