"""Reading Anthropic's stream (docs.anthropic.com/en/api/streaming) and passing it on as Chat Completions chunks."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from routing.errors import ProviderFailure
from routing.providers.anthropic_answer import (
    annotations_of,
    finish_reasons,
    identifier_of,
    refusal_of,
    service_tier_of,
    stop_sequence_of,
    tool_call,
    usage_of,
)
from routing.providers.anthropic_failures import failure_within
from routing.providers.anthropic_reasoning import encrypted_detail, text_detail
from routing.providers.anthropic_tools import JSON_TOOL
from routing.providers.failures import broken_answer
from routing.providers.openai import encode
from routing.providers.openai_stream import tokens_of_piece
from routing.providers.sse import EventSplitter, EventTooLong

NOT_VALID = "The provider's stream is not valid"

Delta = dict[str, Any]


class _Block:
    """A content block that is being streamed: what it began with, and where its pieces go."""

    def __init__(self, start: Mapping[str, Any], index: int, offset: int) -> None:
        self.start = start
        self.kind = start.get("type")
        self.index = index
        """Which call or which thought it is."""
        self.offset = offset
        """Where in the answer's text it begins."""
        self.has_arguments = False
        self.citations: list[Any] = []

    @property
    def is_answer(self) -> bool:
        """Whether it is a call that stands for an answer in JSON."""
        return self.kind == "tool_use" and self.start.get("name") == JSON_TOOL


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
        self.failure: ProviderFailure | None = None
        head = {"id": generation_id, "model": model, "provider": provider}
        self._head = {**head, "object": "chat.completion.chunk", "created": int(time.time())}
        self._splitter = EventSplitter()
        self._raw_usage: dict[str, Any] = {}
        self._blocks: dict[Any, _Block] = {}
        self._length = self._calls = self._thoughts = 0
        self._readers: dict[Any, Callable[[dict[str, Any]], bytes]] = {
            "message_start": self._message_start,
            "content_block_start": self._block_start,
            "content_block_delta": self._block_delta,
            "content_block_stop": self._block_stop,
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
        message = _object(event, "message")
        self.upstream_id = identifier_of(message)
        self._note_usage(message.get("usage"))
        self._head |= service_tier_of(message.get("usage"))
        return b""

    def _message_delta(self, event: dict[str, Any]) -> bytes:
        self._note_usage(event.get("usage"))
        delta = _object(event, "delta")
        finish, native = finish_reasons(delta.get("stop_reason"), has_calls=self._calls > 0)
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

    def _block_start(self, event: dict[str, Any]) -> bytes:
        start = _object(event, "content_block")
        kind = start.get("type")
        block = self._blocks[_place(event)] = _Block(start, self._next_index(start), self._length)
        if kind == "text":
            cited = start.get("citations")
            block.citations = list(cited) if isinstance(cited, list) else []
            return self._text(_string(start, "text"))
        if kind == "thinking":
            return self._thought(block, _string(start, "thinking")) + self._signature(block, start)
        if kind == "redacted_thinking":
            return self._output(
                {"reasoning_details": [encrypted_detail(block.index, _string(start, "data"))]}
            )
        if kind == "tool_use" and not block.is_answer:
            return self._output({"tool_calls": [tool_call(block.index, start, "")]})
        return b""

    def _next_index(self, start: Mapping[str, Any]) -> int:
        kind = start.get("type")
        if kind in ("thinking", "redacted_thinking"):
            self._thoughts += 1
            return self._thoughts - 1
        if kind == "tool_use" and start.get("name") != JSON_TOOL:
            self._calls += 1
        return self._calls - 1

    def _block_delta(self, event: dict[str, Any]) -> bytes:
        block, delta = self._blocks.get(_place(event)), _object(event, "delta")
        kind = delta.get("type")
        if kind == "text_delta":
            return self._text(_string(delta, "text"))
        if block is None:
            return b""
        if kind == "thinking_delta":
            return self._thought(block, _string(delta, "thinking"))
        if kind == "signature_delta":
            return self._signature(block, delta)
        if kind == "input_json_delta" and block.kind == "tool_use":
            return self._arguments(block, _string(delta, "partial_json"))
        if kind == "citations_delta":
            block.citations.append(delta.get("citation"))
        return b""

    def _block_stop(self, event: dict[str, Any]) -> bytes:
        block = self._blocks.pop(_place(event), None)
        if block is None:
            return b""
        if block.kind == "tool_use" and not block.has_arguments:
            return self._arguments(block, encode(block.start.get("input") or {}).decode())
        found = annotations_of(block.citations, block.offset, self._length)
        return self._chunk({"annotations": found}) if found else b""

    def _text(self, text: str) -> bytes:
        if not text:
            return b""
        self._length += len(text)
        self._count(text)
        return self._output({"content": text})

    def _thought(self, block: _Block, text: str) -> bytes:
        if not text:
            return b""
        self._count(text)
        return self._output({"reasoning": text, "reasoning_details": [text_detail(block.index, text=text)]})

    def _signature(self, block: _Block, holder: Mapping[str, Any]) -> bytes:
        signature = _string(holder, "signature")
        if not signature:
            return b""
        return self._output({"reasoning_details": [text_detail(block.index, signature=signature)]})

    def _arguments(self, block: _Block, piece: str) -> bytes:
        if not piece:
            return b""
        block.has_arguments = True
        if block.is_answer:
            return self._text(piece)
        self._count(piece)
        return self._output({"tool_calls": [{"index": block.index, "function": {"arguments": piece}}]})

    def _count(self, text: str) -> None:
        if not text.isspace():
            self.counted_tokens += tokens_of_piece(len(text.encode("utf-8", "replace")))

    def _output(self, delta: Delta) -> bytes:
        self.has_output = True
        return self._chunk(delta)

    def _chunk(self, delta: Delta, **more: Any) -> bytes:
        shown = {"role": "assistant", "content": "", **delta}
        choice = {"index": 0, "delta": shown, "finish_reason": None, "native_finish_reason": None, **more}
        return b"data: %b\n\n" % encode({**self._head, "choices": [choice]})


def _object(holder: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = holder.get(name)
    return value if isinstance(value, dict) else {}


def _string(holder: Mapping[str, Any], name: str) -> str:
    value = holder.get(name)
    return value if isinstance(value, str) else ""


def _place(event: Mapping[str, Any]) -> int | None:
    index = event.get("index")
    return index if isinstance(index, int) else None
