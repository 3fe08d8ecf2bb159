"""Reading Anthropic's stream (docs.anthropic.com/en/api/streaming) and passing it on as Chat Completions chunks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import msgspec

from routing.provider_failures import ProviderFailure
from routing.providers.anthropic_answer import (
    finish_reasons,
    identifier_of,
    refusal_of,
    service_tier_of,
    stop_sequence_of,
    usage_of,
)
from routing.providers.anthropic_blocks import Blocks, Delta, object_in
from routing.providers.anthropic_failures import failure_within
from routing.providers.failures import broken_answer
from routing.providers.openai import encode
from routing.providers.sse import EventSplitter, EventTooLong
from routing.providers.wire_format import tier_of

NOT_VALID = "The provider's stream is not valid"


class AnthropicStream:
    """One streamed answer; see wire_format.Stream for what its fields mean."""

    def __init__(self, generation_id: str, model: str, provider: str) -> None:
        self.has_output = False
        self.is_done = False
        self.counted_tokens = 0
        self.usage: Any = None
        self.finish_reason: str | None = None
        self.native_finish_reason: str | None = None
        self.upstream_id: str | None = None
        self.service_tier: str | None = None
        self.failure: ProviderFailure | None = None
        head = {"id": generation_id, "model": model, "provider": provider}
        self._head = {**head, "object": "chat.completion.chunk", "created": int(time.time())}
        self._splitter = EventSplitter()
        self._raw_usage: dict[str, Any] = {}
        self._blocks = Blocks()
        self._readers: dict[Any, Callable[[dict[str, Any]], bytes]] = {
            "message_start": self._message_start,
            "content_block_start": partial(self._block, self._blocks.start),
            "content_block_delta": partial(self._block, self._blocks.delta),
            "content_block_stop": partial(self._block, self._blocks.stop),
            "message_delta": self._message_delta,
            "message_stop": self._message_stop,
            "error": self._error,
        }

    def feed(self, data: bytes) -> bytes:
        """Take what arrived and return the complete events in it, as chunks."""
        if self.is_done or self.failure is not None:
            return b""
        try:
            events = self._splitter.feed(data)
        except EventTooLong:
            self.failure = broken_answer("The provider sent an event that is too long")
            return b""
        return self._pass_on(events)

    def end(self) -> bytes:
        """The connection ended: return what is left; without a stop reason the answer was cut off."""
        passed = b"" if self.is_done or self.failure is not None else self._pass_on(self._splitter.end())
        if not self.is_done and self.failure is None:
            if self.finish_reason is None:
                self.failure = broken_answer("The provider disconnected before the end of its answer")
            self.is_done = self.finish_reason is not None
        return passed

    def final_chunk(self, usage: Mapping[str, Any]) -> bytes:
        """The last event before `[DONE]`: no choices, all of the usage."""
        return b"data: %b\n\n" % encode({**self._head, "choices": [], "usage": usage})

    def _pass_on(self, events: list[bytes]) -> bytes:
        passed = []
        for payload in events:
            passed.append(self._event(payload))
            if self.is_done or self.failure is not None:
                break
        return b"".join(passed)

    def _event(self, payload: bytes) -> bytes:
        if not payload.strip():
            return b""
        try:
            event = msgspec.json.decode(payload)
            if not isinstance(event, dict):
                raise ValueError("an event is no object")
            kind = event.get("type")
            reader = self._readers.get(kind) if isinstance(kind, str) else None
            return b"" if reader is None else reader(event)  # pings, and what there may be one day
        except (ValueError, RecursionError):  # also what is just not too deep to be read, but to be written
            self.failure = broken_answer(NOT_VALID)
            return b""

    def _message_start(self, event: dict[str, Any]) -> bytes:
        message = object_in(event, "message")
        self.upstream_id = identifier_of(message)
        self._note_usage(message.get("usage"))
        self._head |= service_tier_of(message.get("usage"))
        self.service_tier = tier_of(self._head)
        return b""

    def _message_delta(self, event: dict[str, Any]) -> bytes:
        self._note_usage(event.get("usage"))
        delta = object_in(event, "delta")
        finish, native = finish_reasons(delta.get("stop_reason"), has_calls=self._blocks.calls > 0)
        if finish is None:
            return b""
        self.has_output = True
        self.finish_reason, self.native_finish_reason = finish, native
        shown = {"finish_reason": finish, "native_finish_reason": native, **stop_sequence_of(delta)}
        return self._chunk(refusal_of(delta.get("stop_details")), **shown)

    def _message_stop(self, event: dict[str, Any]) -> bytes:
        if self.finish_reason is None:
            self.failure = broken_answer("The provider's answer ended without a reason")
        else:
            self.is_done = True
        return b""

    def _error(self, event: dict[str, Any]) -> bytes:
        self.failure = failure_within(event.get("error"))
        return b""

    def _note_usage(self, usage: Any) -> None:
        """Counts are cumulative, and come in parts: what a later event leaves out, or has as 0, stands."""
        if isinstance(usage, dict):
            self._raw_usage |= {
                name: value for name, value in usage.items() if value or name not in self._raw_usage
            }
            self.usage = usage_of(self._raw_usage)

    def _block(self, deltas: Callable[[Mapping[str, Any]], Iterator[Delta]], event: dict[str, Any]) -> bytes:
        passed = [self._chunk(delta) for delta in deltas(event)]
        self.counted_tokens = self._blocks.counted_tokens
        self.has_output = self.has_output or bool(passed)
        return b"".join(passed)

    def _chunk(self, delta: Delta, **more: Any) -> bytes:
        shown = {"role": "assistant", "content": "", **delta}
        choice = {"index": 0, "delta": shown, "finish_reason": None, "native_finish_reason": None, **more}
        return b"data: %b\n\n" % encode({**self._head, "choices": [choice]})
