"""A streamed Responses answer: Chat Completions events in, the API's own events out, numbered from 0."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from routing.errors import Refusal
from routing.gateway.dialects.dialect import ToolCalled
from routing.gateway.dialects.responses_answer import Json, begun, ended, failed, served_as, status_of
from routing.gateway.dialects.responses_output import Output
from routing.providers.failures import broken_answer
from routing.providers.openai import encode

DONE = b"data: [DONE]\n\n"

_decode = msgspec.json.decode


class ResponsesEvents:
    """One streamed answer (see dialect.DialectEvents)."""

    def __init__(self, repeated: Mapping[str, Any], *, generation_id: str, model: str) -> None:
        self._response = begun(
            repeated, generation_id=generation_id, model=model, created_at=int(time.time())
        )
        self._output = Output(generation_id.removeprefix("gen-"))
        self._number = 0
        self._finish_reason: str | None = None
        self._is_broken = False

    def feed(self, data: bytes) -> bytes:
        """Complete chat events into this API's."""
        if not data:
            return b""
        written = self._begin()
        for event in data.split(b"\n\n"):
            if event.startswith(b"data: ") and not self._is_broken:
                written += self._take(event[6:])
        return b"".join(written)

    def begin_tool(self, called: ToolCalled) -> bytes:
        """Its item begins; what was said before ends."""
        return b"".join([*self._begin(), *self._written(self._output.begin_tool(called))])

    def tell_tool(self, called: ToolCalled, event: str, fields: Mapping[str, Any]) -> bytes:
        """An event of its item."""
        return b"".join(self._written(self._output.tell_tool(called, event, fields)))

    def end_tool(self, called: ToolCalled) -> bytes:
        """Its item is complete."""
        return b"".join([*self._begin(), *self._written(self._output.end_tool(called))])

    def finish(self, final_chunk: bytes, usage: Mapping[str, Any]) -> bytes:
        """What is open ends, and the whole response follows once more."""
        if self._is_broken:
            return self.fail(_unreadable())
        status = status_of(self._finish_reason)
        written = self._begin()
        if status == "failed":
            self._output.break_off()
        else:
            written += self._written(self._output.end(status))
        response = ended(self._response, self._output.items, self._finish_reason, usage)
        written.append(self._event({"type": f"response.{status}", "response": response}))
        return b"".join([*written, DONE])

    def fail(self, refusal: Refusal) -> bytes:
        """The response as far as it came, with the error."""
        written = self._begin()
        self._output.break_off()
        response = failed(self._response, self._output.items, refusal)
        written.append(self._event({"type": "response.failed", "response": response}))
        return b"".join([*written, DONE])

    def _begin(self) -> list[bytes]:
        if self._number:
            return []
        return [
            self._event({"type": f"response.{name}", "response": self._response})
            for name in ("created", "in_progress")
        ]

    def _take(self, payload: bytes) -> list[bytes]:
        chunk = _read(payload)
        if chunk is None:
            self._is_broken = True
            return []
        if "service_tier" in chunk:
            self._response = served_as(self._response, chunk)
        written: list[bytes] = []
        for choice in chunk.get("choices") or []:
            if choice.get("index", 0) != 0:
                continue
            written += self._written(self._output.take(choice.get("delta") or {}, choice.get("logprobs")))
            self._finish_reason = choice.get("finish_reason") or self._finish_reason
        return written

    def _written(self, events: Iterable[Json]) -> list[bytes]:
        return [self._event(event) for event in events]

    def _event(self, event: Json) -> bytes:
        event["sequence_number"] = self._number
        self._number += 1
        return b"event: %b\ndata: %b\n\n" % (event["type"].encode(), encode(event))


def _read(payload: bytes) -> Json | None:
    """A chunk; None for what no client could read either.

    A provider's text is passed on to chat callers without a look at it: it may not even be UTF-8.
    """
    try:
        chunk = _decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            chunk = json.loads(payload.decode("utf-8", "replace"), strict=False)
        except (ValueError, RecursionError):
            return None
    return chunk if isinstance(chunk, dict) else None


def _unreadable() -> Refusal:
    failure = broken_answer("The provider's stream is not valid")
    return Refusal(failure.status, failure.error_type, failure.message, "provider")
