"""Making OpenAI-compatible streams, and reading what is passed on of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

from routing.providers import WIRE_FORMATS, Stream

USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
DONE = b"data: [DONE]\n\n"
COMPACT = (",", ":")


def chunk(delta: Any = None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta or {}, "logprobs": None, "finish_reason": finish}
    head = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": "upstream-1",
    }
    return {**head, "system_fingerprint": "fp", "choices": [choice], "usage": None, **more}


def event(value: Any, *, separators: tuple[str, str] = COMPACT, end: bytes = b"\n\n") -> bytes:
    return b"data: " + json.dumps(value, separators=separators, ensure_ascii=False).encode() + end


def text_stream(
    *texts: str, separators: tuple[str, str] = COMPACT, end: bytes = b"\n\n", usage: Any = USAGE
) -> bytes:
    chunks = [chunk({"role": "assistant", "content": ""}), *(chunk({"content": text}) for text in texts)]
    last = chunk(choices=[], usage=usage)
    events = [event(one, separators=separators, end=end) for one in (*chunks, chunk({}, "stop"), last)]
    return b"".join(events) + b"data: [DONE]" + end


def cut(stream: bytes, places: Iterable[int]) -> Iterator[bytes]:
    """The stream in pieces, cut at these places."""
    marks = sorted({0, len(stream), *(place % (len(stream) + 1) for place in places)})
    return (stream[start:end] for start, end in pairwise(marks))


def open_stream() -> Stream:
    return WIRE_FORMATS["openai"].open_stream(
        generation_id="gen-1", model="acme/served", provider="Simulator"
    )


def events_of(passed_on: bytes) -> list[dict[str, Any]]:
    """What a client would read: each event must be one line of valid JSON."""
    if not passed_on:
        return []
    assert passed_on.endswith(b"\n\n")
    pieces = passed_on[:-2].split(b"\n\n")
    assert all(piece.startswith(b"data: ") and b"\n" not in piece for piece in pieces)
    return [json.loads(piece[6:]) for piece in pieces]


def text_of(passed_on: bytes) -> str:
    deltas = [one["delta"] for event in events_of(passed_on) for one in event["choices"]]
    return "".join(delta.get("content") or "" for delta in deltas)
