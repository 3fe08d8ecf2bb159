"""Chat Completions as a dialect: what everything else is translated to and from, hence nothing is to be done."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import msgspec

from routing.call import Call
from routing.errors import Refusal, chat_error_chunk, encode_envelope
from routing.gateway.dialects.chat import SLUG, read_call
from routing.gateway.dialects.chat_steps import Indexes, details_of, reported
from routing.gateway.dialects.chunks import chunks_of, encode_event
from routing.gateway.dialects.dialect import DONE, STEPS, DialectEvents, ToolCalled
from routing.gateway.dialects.tool_entries import has_functions


class Chat:
    """The dialect of Chat Completions."""

    slug = SLUG
    path = "/api/v1/chat/completions"

    def read_call(self, data: bytes, headers: Mapping[bytes, bytes]) -> Call:
        """The request, as it is."""
        return read_call(data, headers)

    def finish_answer(
        self,
        call: Call,
        body: dict[str, Any],
        *,
        generation_id: str,
        model: str,
        provider: str,
        usage: Mapping[str, Any],
    ) -> bytes:
        """The answer with our id, the model as served, who served it, and what it cost."""
        body["id"] = generation_id
        body["model"] = model
        body["provider"] = provider
        body["usage"] = reported(usage)
        for choice in body.get("choices") or ():
            if STEPS in choice:
                choice["message"] = details_of(choice.pop(STEPS), choice.get("message") or {})
        return msgspec.json.encode(body)

    def open_events(self, call: Call, *, generation_id: str, model: str, provider: str) -> DialectEvents:
        """The events, as they are."""
        return ChatEvents(generation_id, model, provider, has_tools=has_functions(call.body))

    def refuse(self, refusal: Refusal, *, generation_id: str | None) -> bytes:
        """The documented envelope."""
        return encode_envelope(refusal, generation_id=generation_id)


class ChatEvents:
    """Chat Completions events, which are passed on untouched until a server tool has run.

    From then on reasoning goes on counting where it stopped: clients put its pieces together by their `index`.
    """

    __slots__ = ("_about", "_created", "_indexes")

    def __init__(self, generation_id: str, model: str, provider: str, *, has_tools: bool = False) -> None:
        self._about = (generation_id, model, provider)
        self._created = int(time.time())
        self._indexes = Indexes() if has_tools else None

    def feed(self, data: bytes) -> bytes:
        """The events, as they are."""
        return data if self._indexes is None else self._indexes.counted(data)

    def begin_tool(self, called: ToolCalled) -> bytes:
        """Nothing: a call is told of once it has run."""
        return b""

    def tell_tool(self, called: ToolCalled, event: str, fields: Mapping[str, Any]) -> bytes:
        """Nothing: this dialect has no words for it."""
        return b""

    def end_tool(self, called: ToolCalled) -> bytes:
        """A chunk with the record of the call."""
        if self._indexes is None:
            self._indexes = Indexes()
        generation_id, model, provider = self._about
        delta = {"role": "assistant", "content": "", "reasoning_details": [self._indexes.record(called)]}
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}
        about = {"id": generation_id, "object": "chat.completion.chunk", "created": self._created}
        return encode_event({**about, "model": model, "provider": provider, "choices": [choice]})

    def finish(self, final_chunk: bytes, usage: Mapping[str, Any]) -> bytes:
        """The chunk with the usage, and the end."""
        shown = reported(usage)
        if shown is not usage:
            final_chunk = b"".join([encode_event({**one, "usage": shown}) for one in chunks_of(final_chunk)])
        return final_chunk + DONE

    def fail(self, refusal: Refusal) -> bytes:
        """A chunk with the error, and the end."""
        generation_id, model, provider = self._about
        chunk = chat_error_chunk(
            refusal, generation_id=generation_id, model=model, provider=provider, created=int(time.time())
        )
        return chunk + DONE
