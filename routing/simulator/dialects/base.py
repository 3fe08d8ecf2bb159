"""What a wire format can do, and how its JSON and its events become bytes."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from routing.simulator.ask import Ask, Body, RefusedError, Target
from routing.simulator.plans import Reply

Delta = tuple[bytes, int]
HOLE = "\x00"

_PLAIN = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_ESCAPED = json.JSONEncoder(separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Script:
    """A streamed answer: what opens it, its deltas with the tokens produced so far, what closes it."""

    opening: bytes
    deltas: Iterator[Delta]
    closing: bytes


class Dialect(Protocol):
    """One wire format."""

    def read(self, body: Body, target: Target) -> Ask:
        """Return what is asked. Raises RefusedError."""

    def write(self, ask: Ask, reply: Reply, call: str) -> bytes:
        """Return the answer's body, not streamed."""

    def stream(self, ask: Ask, reply: Reply, call: str) -> Script:
        """Return the answer as server-sent events."""

    def refuse(self, refusal: RefusedError, call: str) -> bytes:
        """Return the body of an error."""


def encode(value: object) -> bytes:
    """Return compact JSON in UTF-8; all escaped where it holds lone surrogates, which UTF-8 cannot carry."""
    try:
        return _PLAIN.encode(value).encode()
    except UnicodeEncodeError:
        return _ESCAPED.encode(value).encode()


def event(value: object, name: str | None = None) -> bytes:
    """Return one server-sent event."""
    head = f"event: {name}\n".encode() if name else b""
    return b"%sdata: %s\n\n" % (head, encode(value))


def fill(template: bytes, pieces: Iterable[str], produced: int = 0) -> Iterator[Delta]:
    """Yield an event per piece: the template, encoded once, with the piece in its HOLE; space is no token."""
    head, _, tail = template.partition(encode(HOLE))
    for piece in pieces:
        produced += not piece.isspace()
        yield head + encode(piece) + tail, produced
