"""Reading an OpenAI-compatible stream and passing it on under our own id, model and provider.

Nearly all chunks of a stream are alike but for the text in them. What stands before and after the text is learned
from a decoded chunk; a chunk between the same two is passed on by cutting its text out as bytes, never decoded.
Everything else (a finish reason, usage, an error, tool calls, text with quotes in it) is decoded.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from routing.provider_failures import ProviderFailure
from routing.providers.failures import broken_answer, failure_of_event
from routing.providers.sse import EventSplitter, EventTooLong
from routing.providers.wire_format import tier_of

BYTES_PER_TOKEN = 4
SMALL_PIECE_BYTES = 48
"""A piece up to this size counts as one token, as most providers send them."""

LEARNING_TRIES = 4
_TOP_LEVEL = ("id", "object", "created", "model", "provider", "system_fingerprint")
_HIDDEN = ("usage", "error")
_EMPTY_TEXT = b'"content":""'
_TEXT = re.compile(rb'"content": ?"([^"\\]*(?:\\.[^"\\]*)*)"')
_TEXT_NAMES = ("content", "reasoning", "reasoning_content", "text", "refusal")
_FINISH = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "error": "error",
    "eos": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
}

_encode = msgspec.json.encode
_decode = msgspec.json.decode


def finish_reasons(choice: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """A choice's finish reason in the contract's words, and as the provider said it."""
    native = choice.get("finish_reason")
    if not isinstance(native, str) or not native:
        return None, None
    return _FINISH.get(native.lower(), "stop"), native[:100]


def shown_reason(finish: str | None) -> str:
    """The finish reason of a complete choice: a provider that gave none has simply stopped."""
    return finish or "stop"


def tokens_of_text(length: int) -> int:
    """Roughly how many tokens a text of so many bytes has; at least one unless there is none."""
    return (length + BYTES_PER_TOKEN - 1) // BYTES_PER_TOKEN


def tokens_of_piece(length: int) -> int:
    """How many tokens a streamed piece of so many bytes counts for."""
    if length <= SMALL_PIECE_BYTES:
        return 1 if length else 0
    return 1 + (length - SMALL_PIECE_BYTES) // BYTES_PER_TOKEN


class _Template(NamedTuple):
    """What stands around the text of this provider's chunks, and what around the text of ours."""

    before: bytes
    after: bytes
    our_before: bytes
    our_after: bytes

    def text_of(self, payload: bytes) -> bytes | None:
        """The JSON text in a chunk of just this form; None where it has another, or quotes in its text."""
        if not (payload.startswith(self.before) and payload.endswith(self.after)):
            return None
        text = payload[len(self.before) : -len(self.after)]
        # Looking for a single byte is several times as fast as for a word.
        if b'"' in text or b"\n" in text or text.endswith(b"\\"):
            return None
        return text if len(payload) == len(self.before) + len(text) + len(self.after) else None


class ChatStream:
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
        self._shown = {"id": generation_id, "model": model, "provider": provider}
        self._object = "chat.completion.chunk"
        self._created = int(time.time())
        self._splitter = EventSplitter()
        self._template: _Template | None = None
        self._tries = LEARNING_TRIES

    def feed(self, data: bytes) -> bytes:
        """Take what arrived and return the complete events in it, rewritten."""
        if self.is_done or self.failure is not None:
            return b""
        try:
            events = self._splitter.feed(data)
        except EventTooLong:
            self.failure = broken_answer("The provider sent an event that is too long")
            return b""
        return self._pass_on(events)

    def end(self) -> bytes:
        """The connection ended: return what is left; without a finish reason the answer was cut off."""
        passed = b"" if self.is_done or self.failure is not None else self._pass_on(self._splitter.end())
        if not self.is_done and self.failure is None:
            if self.finish_reason is None:
                self.failure = broken_answer("The provider disconnected before the end of its answer")
            self.is_done = self.finish_reason is not None
        return passed

    def final_chunk(self, usage: Mapping[str, Any]) -> bytes:
        """The last event before `[DONE]`: no choices, all of the usage."""
        return self._event({**self._head(), "choices": [], "usage": usage})

    def _pass_on(self, events: list[bytes]) -> bytes:
        passed = []
        for payload in events:
            passed.append(self._quickly(payload) or self._carefully(payload))
            if self.is_done or self.failure is not None:
                break
        return b"".join(passed)

    def _quickly(self, payload: bytes) -> bytes:
        """The event with only its surroundings replaced, or nothing where it has to be decoded."""
        template = self._template
        text = template.text_of(payload) if template is not None else None
        if template is None or text is None:
            return b""
        if text:
            self.has_output = True
            self.counted_tokens += 0 if text.isspace() else tokens_of_piece(len(text))
        return b"".join((template.our_before, text, template.our_after))

    def _carefully(self, payload: bytes) -> bytes:
        stripped = payload.strip()
        if stripped == b"[DONE]":
            self.is_done = True
            return b""
        if not stripped:
            return b""
        try:
            chunk = _decode(payload)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            chunk = None
        if not isinstance(chunk, dict):
            self.failure = broken_answer("The provider's stream is not valid")
            return b""
        try:
            return self._chunk(chunk, payload)
        except RecursionError:  # just not too deep to be read, but to be written
            self.failure = broken_answer("The provider's stream is not valid")
            return b""

    def _chunk(self, chunk: dict[str, Any], payload: bytes) -> bytes:
        if chunk.get("error"):
            self.failure = failure_of_event(chunk["error"])
            return b""
        if isinstance(chunk.get("usage"), dict):
            self.usage = chunk["usage"]
        self._remember(chunk)
        given = chunk.get("choices")
        choices = (
            [self._choice(one) for one in given if isinstance(one, dict)] if isinstance(given, list) else []
        )
        if not choices:
            return b""
        head = self._head() | {
            name: chunk[name] for name in chunk if name not in _TOP_LEVEL and name not in _HIDDEN
        }
        if "system_fingerprint" in chunk:
            head["system_fingerprint"] = chunk["system_fingerprint"]
        ours = {**head, "choices": choices}
        if self._tries and self.finish_reason is None:
            self._learn(chunk, ours, payload)
        return self._event(ours)

    def _remember(self, chunk: dict[str, Any]) -> None:
        if self.upstream_id is None and isinstance(chunk.get("id"), str):
            self.upstream_id = chunk["id"][:200] or None  # Azure's first chunk has an empty one
        self.service_tier = tier_of(chunk) or self.service_tier
        if isinstance(chunk.get("object"), str) and chunk["object"] == "text_completion":
            self._object = "text_completion"
        if isinstance(chunk.get("created"), int) and 0 < chunk["created"] < 2**33:
            self._created = chunk["created"]

    def _choice(self, choice: dict[str, Any]) -> dict[str, Any]:
        finish, native = finish_reasons(choice)
        shown = {"index": 0, "finish_reason": None, **choice}
        if self._object != "text_completion":
            delta = choice.get("delta")
            shown["delta"] = delta if isinstance(delta, dict) else {}
        self._count(shown.get("delta") or shown)
        if finish is not None:
            self.has_output = True
            self.finish_reason, self.native_finish_reason = finish, native
            shown |= {"finish_reason": finish, "native_finish_reason": native}
        return shown

    def _count(self, fields: Mapping[str, Any]) -> None:
        texts = [fields.get(name) for name in _TEXT_NAMES]
        calls = fields.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            self.has_output = True
            function = call.get("function") if isinstance(call, dict) else None
            texts.append(function.get("arguments") if isinstance(function, dict) else None)
        for text in texts:
            if isinstance(text, str) and text:
                self.has_output = True
                self.counted_tokens += (
                    0 if text.isspace() else tokens_of_piece(len(text.encode("utf-8", "replace")))
                )
                return

    def _learn(self, chunk: dict[str, Any], ours: dict[str, Any], payload: bytes) -> None:
        """Learn the form of a chunk that holds one piece of text and nothing else of interest."""
        choices = chunk["choices"]
        found = _TEXT.search(payload)
        delta = choices[0].get("delta") if len(choices) == 1 and isinstance(choices[0], dict) else None
        if found is None or not isinstance(delta, dict) or "content" not in delta:
            return
        if any(delta[name] not in (None, "assistant") for name in delta if name != "content"):
            return
        self._tries -= 1
        before, after = payload[: found.start(1)], payload[found.end(1) :]
        empty = {**delta, "content": ""}
        emptied = {**choices[0], "delta": empty}
        if _decode(before + after) != {**chunk, "choices": [emptied]}:
            return  # what was found is not the text, but a word elsewhere
        shown = {**ours["choices"][0], "delta": empty}
        our_before, _, our_after = self._event({**ours, "choices": [shown]}).rpartition(_EMPTY_TEXT)
        self._template = _Template(before, after, our_before + _EMPTY_TEXT[:-1], b'"' + our_after)

    def _head(self) -> dict[str, Any]:
        return {**self._shown, "object": self._object, "created": self._created}

    def _event(self, chunk: Mapping[str, Any]) -> bytes:
        return b"data: %b\n\n" % _encode(chunk)
