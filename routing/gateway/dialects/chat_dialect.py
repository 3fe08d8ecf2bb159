"""Chat Completions as a dialect: what everything else is translated to and from, hence nothing is to be done."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import msgspec

from routing.call import Call
from routing.errors import Refusal, chat_error_chunk, encode_envelope
from routing.gateway.dialects.chat import SLUG, read_call
from routing.gateway.dialects.dialect import DONE, DialectEvents


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
        body["usage"] = usage
        return msgspec.json.encode(body)

    def open_events(self, call: Call, *, generation_id: str, model: str, provider: str) -> DialectEvents:
        """The events, as they are."""
        return ChatEvents(generation_id, model, provider)

    def refuse(self, refusal: Refusal, *, generation_id: str | None) -> bytes:
        """The documented envelope."""
        return encode_envelope(refusal, generation_id=generation_id)


class ChatEvents:
    """Chat Completions events, which are passed on untouched."""

    __slots__ = ("_about",)

    def __init__(self, generation_id: str, model: str, provider: str) -> None:
        self._about = (generation_id, model, provider)

    def feed(self, data: bytes) -> bytes:
        """The events, as they are."""
        return data

    def finish(self, final_chunk: bytes, usage: Mapping[str, Any]) -> bytes:
        """The chunk with the usage, and the end."""
        return final_chunk + DONE

    def fail(self, refusal: Refusal) -> bytes:
        """A chunk with the error, and the end."""
        generation_id, model, provider = self._about
        chunk = chat_error_chunk(
            refusal, generation_id=generation_id, model=model, provider=provider, created=int(time.time())
        )
        return chunk + DONE
