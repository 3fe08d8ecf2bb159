"""Anthropic's answers and streams as its documentation shows them, each checked against its own client's types."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from anthropic.types import Message, MessageCreateParams, RawMessageStreamEvent
from anthropic.types.message_create_params import MessageCreateParamsBase
from pydantic import TypeAdapter

from routing.providers import WIRE_FORMATS, Stream

WIRE = WIRE_FORMATS["anthropic"]
USAGE = {
    "input_tokens": 10,
    "cache_creation_input_tokens": 20,
    "cache_read_input_tokens": 30,
    "output_tokens": 1,
    "service_tier": "standard",
}
REQUEST: TypeAdapter[Any] = TypeAdapter(MessageCreateParams)
EVENT: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
OLD_FIELDS = {"temperature", "top_p", "top_k", "stream"}
"""What the API's first version takes, and what the client's types keep elsewhere."""


def check_request(body: dict[str, Any]) -> dict[str, Any]:
    """The request, if Anthropic's client would send one of its kind."""
    assert body.keys() <= MessageCreateParamsBase.__annotations__.keys() | OLD_FIELDS
    _exhaust(REQUEST.validate_python(body))
    return body


def _exhaust(value: Any) -> None:
    """Iterables are validated only as they are read."""
    if isinstance(value, dict):
        value = value.values()
    elif isinstance(value, str | bytes) or not hasattr(value, "__iter__"):
        return
    for one in value:
        _exhaust(one)


def message(*blocks: dict[str, Any], stop: str = "end_turn", **more: Any) -> dict[str, Any]:
    """A whole answer."""
    found = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5",
        "content": list(blocks),
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": {**USAGE, "output_tokens": 7},
        **more,
    }
    Message.model_validate(found)
    return found


def text(value: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": value, **more}


def delta(index: int, **fields: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": fields}


def text_deltas(index: int, *texts: str) -> list[dict[str, Any]]:
    return [delta(index, type="text_delta", text=one) for one in texts]


def block(index: int, start: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of one content block."""
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        *deltas,
        {"type": "content_block_stop", "index": index},
    ]


def start(**usage: Any) -> dict[str, Any]:
    return {
        "type": "message_start",
        "message": message(stop_reason=None, usage={**USAGE, **usage}),
    }


def end(stop: str = "end_turn", output_tokens: int = 9, **more: Any) -> list[dict[str, Any]]:
    return [
        {
            "type": "message_delta",
            "delta": {"stop_reason": stop, "stop_sequence": None, **more},
            "usage": {"output_tokens": output_tokens},
        },
        {"type": "message_stop"},
    ]


def encoded(*events: dict[str, Any], is_checked: bool = True) -> bytes:
    """The events as they come over the wire."""
    return b"".join(_encoded(event, is_checked) for event in events)


def _encoded(event: dict[str, Any], is_checked: bool) -> bytes:
    kind = event["type"]
    if is_checked and kind not in ("ping", "error"):
        EVENT.validate_python(event)
    data = json.dumps(event, ensure_ascii=False).encode()
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), data)


def text_stream(*texts: str, stop: str = "end_turn") -> bytes:
    return encoded(start(), {"type": "ping"}, *block(0, text(""), *text_deltas(0, *texts)), *end(stop))


def open_stream() -> Stream:
    return WIRE.open_stream(generation_id="gen-1", model="acme/served", provider="Anthropic")


def read(stream: bytes, pieces: Iterator[bytes] | None = None) -> tuple[Stream, bytes]:
    """The reader after the stream, and all that it passed on."""
    reader = open_stream()
    passed = b"".join(reader.feed(piece) for piece in (pieces or iter([stream])))
    return reader, passed + reader.end()
