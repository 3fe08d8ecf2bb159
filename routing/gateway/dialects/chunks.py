"""Chat Completions as the other dialects read it: the pieces of a stream, and the parts of a whole answer.

Everything in it came from a provider: whatever has another type than it should counts as absent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

Body = Mapping[str, Any]  # the provider's JSON

_decode = msgspec.json.Decoder().decode


def chunks_of(data: bytes) -> Iterator[dict[str, Any]]:
    """The chunks in complete Chat Completions events."""
    for event in data.split(b"\n\n"):
        if event.startswith(b"data: {"):
            yield _decode(event[6:])


def objects(holder: Body, name: str) -> list[dict[str, Any]]:
    """The objects of a list; none where there is no list."""
    found = holder.get(name)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def an_object(holder: Body, name: str) -> dict[str, Any]:
    """An object; an empty one where there is none."""
    found = holder.get(name)
    return found if isinstance(found, dict) else {}


def a_text(holder: Body, *names: str) -> str:
    """The first text of these that is not empty; empty where there is none."""
    for name in names:
        found = holder.get(name)
        if isinstance(found, str) and found:
            return found
    return ""


def content_of(message: Body) -> str:
    """A message's text, also where it comes in parts."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    return "".join([a_text(part, "text") for part in objects(message, "content")])


def encode_event(value: Body) -> bytes:
    """A server-sent event without a name."""
    return b"data: %b\n\n" % msgspec.json.encode(value)


def encode_named_event(value: Body) -> bytes:
    """A server-sent event that is named as its type says."""
    return b"event: %b\ndata: %b\n\n" % (value["type"].encode(), msgspec.json.encode(value))
