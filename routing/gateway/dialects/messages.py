"""Anthropic Messages (platform.claude.com/docs/en/api/messages; SPEC §9): any model, for Anthropic's clients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from routing.call import Call
from routing.errors import Refusal, encode_envelope
from routing.gateway.dialects.dialect import DialectEvents
from routing.gateway.dialects.messages_answer import message_of, usage_of
from routing.gateway.dialects.messages_events import MessageEvents
from routing.gateway.dialects.messages_request import SLUG, read_call

PING = b'event: ping\ndata: {"type":"ping"}\n\n'


class Messages:
    """The dialect of Anthropic's clients."""

    slug = SLUG
    path = "/api/v1/messages"

    def read_call(self, data: bytes, headers: Mapping[bytes, bytes]) -> Call:
        """The request as a conversation of Chat Completions."""
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
        """The answer as a message, and what it cost."""
        head = {"id": generation_id, "model": model, "provider": provider}
        used = usage_of(usage, body.get("service_tier"))
        return msgspec.json.encode({**head, **message_of(call, body), "usage": used})

    def open_events(self, call: Call, *, generation_id: str, model: str, provider: str) -> DialectEvents:
        """A writer of Anthropic's events."""
        return MessageEvents(call, generation_id, model, provider)

    def refuse(self, refusal: Refusal, *, generation_id: str | None) -> bytes:
        """Anthropic's envelope, with our error type beside Anthropic's."""
        return encode_envelope(refusal, dialect=SLUG, generation_id=generation_id)
