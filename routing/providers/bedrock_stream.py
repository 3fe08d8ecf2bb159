"""Reading the events of ConverseStream and passing them on as Chat Completions chunks."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from routing.provider_failures import ProviderFailure
from routing.providers.bedrock_answer import (
    CLAUDE_FORMAT,
    UNKNOWN_FORMAT,
    failure_of,
    finish_of,
    image_of,
    sealed_detail,
    usage_of,
)
from routing.providers.event_stream import Frame, FrameDecoder
from routing.providers.failures import broken_answer
from routing.providers.openai import encode
from routing.providers.openai_stream import tokens_of_piece

NOT_VALID = "The provider's stream is not valid"
NO_STATUS = 502

Event = dict[str, Any]  # what the provider sent


class ConverseStream:
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
        self._head = {
            "id": generation_id,
            "model": model,
            "provider": provider,
            "object": "chat.completion.chunk",
            "created": int(time.time()),
        }
        self._format = CLAUDE_FORMAT if "claude" in model else UNKNOWN_FORMAT
        self._decoder = FrameDecoder()
        self._blocks = _Blocks()
        self._readers: dict[str, Callable[[Event], bytes]] = {
            "messageStart": self._start,
            "contentBlockStart": self._start_block,
            "contentBlockDelta": self._continue_block,
            "contentBlockStop": self._stop_block,
            "messageStop": self._stop,
            "metadata": self._end,
        }

    def feed(self, data: bytes) -> bytes:
        """Take what arrived and return the complete events in it as chunks."""
        passed = []
        for frame in () if self._is_over() else self._decoder.feed(data):
            passed.append(self._read(frame))
            if self._is_over():
                break
        if self._decoder.is_corrupt and not self._is_over():
            self.failure = broken_answer(NOT_VALID)
        return b"".join(passed)

    def end(self) -> bytes:
        """The connection ended: without a stop reason, or within a frame, the answer was cut off."""
        if not self._is_over():
            if self.finish_reason is None or not self._decoder.is_between_frames:
                self.failure = broken_answer("The provider disconnected before the end of its answer")
            self.is_done = self.failure is None
        return b""

    def final_chunk(self, usage: Mapping[str, Any]) -> bytes:
        """The last event before `[DONE]`: no choices, all of the usage."""
        return b"data: %b\n\n" % encode({**self._head, "choices": [], "usage": usage})

    def _is_over(self) -> bool:
        return self.is_done or self.failure is not None

    def _read(self, frame: Frame) -> bytes:
        kind = frame.headers.get(":message-type", "event")
        if kind != "event":
            self.failure = _failure(frame)
            return b""
        reader = self._readers.get(frame.headers.get(":event-type", ""))
        if reader is None:
            return b""
        try:
            event = msgspec.json.decode(frame.payload)
            if isinstance(event, dict):
                return reader(event)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            pass
        self.failure = broken_answer(NOT_VALID)
        return b""

    def _start(self, event: Event) -> bytes:
        return self._chunk({"role": "assistant", "content": ""})

    def _start_block(self, event: Event) -> bytes:
        start = event.get("start")
        fields = start if isinstance(start, dict) else {}
        use, image = fields.get("toolUse"), fields.get("image")
        if isinstance(image, dict):
            self._blocks.image_kind = image.get("format")
        if not isinstance(use, dict):
            return b""
        self.has_output = True
        index = self._blocks.open_call(event.get("contentBlockIndex"))
        function = {"name": str(use.get("name") or ""), "arguments": ""}
        call = {
            "index": index,
            "id": str(use.get("toolUseId") or ""),
            "type": "function",
            "function": function,
        }
        return self._chunk({"tool_calls": [call]})

    def _continue_block(self, event: Event) -> bytes:
        delta, index = event.get("delta"), event.get("contentBlockIndex")
        fields = delta if isinstance(delta, dict) else {}
        if isinstance(fields.get("text"), str):
            return self._text({"content": fields["text"]}, fields["text"])
        if isinstance(fields.get("toolUse"), dict):
            return self._arguments(fields["toolUse"].get("input"), index)
        if isinstance(fields.get("reasoningContent"), dict):
            return self._reasoning(fields["reasoningContent"], index)
        if isinstance(fields.get("image"), dict):
            return self._image(fields["image"])
        return b""

    def _stop_block(self, event: Event) -> bytes:
        """A tool without arguments gets none in its pieces; a client needs an object to read."""
        index = self._blocks.close_call(event.get("contentBlockIndex"))
        if index is None:
            return b""
        return self._chunk({"tool_calls": [{"index": index, "function": {"arguments": "{}"}}]})

    def _stop(self, event: Event) -> bytes:
        finish, native = finish_of(event.get("stopReason"))
        self.has_output = True
        self.finish_reason, self.native_finish_reason = finish or "stop", native
        return self._chunk({}, finish=self.finish_reason, native=native)

    def _end(self, event: Event) -> bytes:
        self.usage = usage_of(event.get("usage"))
        self.is_done = self.finish_reason is not None
        return b""

    def _text(self, delta: dict[str, Any], text: str) -> bytes:
        if text:
            self.has_output = True
            self.counted_tokens += (
                0 if text.isspace() else tokens_of_piece(len(text.encode("utf-8", "replace")))
            )
        return self._chunk(delta)

    def _arguments(self, piece: Any, block: Any) -> bytes:
        index = self._blocks.index_of_call(block)
        if index is None or not isinstance(piece, str) or not piece:
            return b""
        self._blocks.has_arguments = True
        return self._text({"tool_calls": [{"index": index, "function": {"arguments": piece}}]}, piece)

    def _reasoning(self, fields: Event, block: Any) -> bytes:
        text, signature, sealed = (fields.get(name) for name in ("text", "signature", "redactedContent"))
        index = self._blocks.index_of_reasoning(block)
        if isinstance(sealed, str):
            self.has_output = True
            return self._chunk({"reasoning_details": [sealed_detail(sealed, index)]})
        detail = {"type": "reasoning.text", "format": self._format, "index": index}
        if isinstance(text, str):
            details = [{**detail, "text": text}]
            return self._text({"reasoning": text, "reasoning_details": details}, text)
        if isinstance(signature, str):
            return self._chunk({"reasoning_details": [{**detail, "signature": signature}]})
        return b""

    def _image(self, fields: Event) -> bytes:
        source = fields.get("source")
        data = source.get("bytes") if isinstance(source, dict) else None
        if not isinstance(data, str):
            return b""
        self.has_output = True
        return self._chunk({"images": [image_of(self._blocks.image_kind, data)]})

    def _chunk(self, delta: dict[str, Any], *, finish: str | None = None, native: str | None = None) -> bytes:
        choice = {
            "index": 0,
            "delta": delta,
            "logprobs": None,
            "finish_reason": finish,
            "native_finish_reason": native,
        }
        return b"data: %b\n\n" % encode({**self._head, "choices": [choice]})


class _Blocks:
    """Which block of the provider's is which tool call, or which reasoning, of ours."""

    def __init__(self) -> None:
        self.image_kind: Any = None
        self.has_arguments = False
        self._open: Any = None
        self._calls = 0
        self._reasonings: dict[Any, int] = {}

    def open_call(self, block: Any) -> int:
        """The place of a new tool call."""
        self._open, self.has_arguments = block, False
        self._calls += 1
        return self._calls - 1

    def index_of_call(self, block: Any) -> int | None:
        """The place of the tool call that is open, if it is this block's."""
        return self._calls - 1 if self._calls and self._open == block else None

    def close_call(self, block: Any) -> int | None:
        """The place of a tool call that ends without a single argument; None for all other blocks."""
        index = self.index_of_call(block)
        is_empty = index is not None and not self.has_arguments
        if index is not None:
            self._open = object()
        return index if is_empty else None

    def index_of_reasoning(self, block: Any) -> int:
        """The place of a reasoning block among those before it."""
        key = block if isinstance(block, int) else None
        return self._reasonings.setdefault(key, len(self._reasonings))


def _failure(frame: Frame) -> ProviderFailure:
    """An exception within the stream, or an error that the service could not even name."""
    kind = frame.headers.get(":exception-type") or frame.headers.get(":error-code")
    body = frame.payload or encode({"message": frame.headers.get(":error-message", "")})
    status = 400 if (kind or "").lower() == "validationexception" else NO_STATUS
    return failure_of(status, {}, body, kind=kind)
