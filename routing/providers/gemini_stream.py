"""Reading a stream of Gemini's and passing it on as Chat Completions chunks under our own id, model and provider.

Events are GenerateContentResponse objects; nothing but the end of the connection says that there are no more, and some
models give a finish reason with each: the last one is passed on at the end, and without any the stream was cut off.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import msgspec

from routing.provider_failures import ProviderFailure
from routing.providers.failures import broken_answer
from routing.providers.gemini_answer import Choice, blocked, logprobs_of
from routing.providers.gemini_failures import failure_in_answer
from routing.providers.gemini_usage import read_usage
from routing.providers.openai import encode
from routing.providers.sse import EventSplitter, EventTooLong

MAX_EVENT_BYTES = 32 << 20
"""Images come whole, in one event."""

MAX_CHOICES = 128
INVALID = "The provider's stream is not valid"

Json = dict[str, Any]  # JSON may be anything


class GeminiStream:
    """One streamed answer; see wire_format.Stream for what its fields mean."""

    def __init__(self, generation_id: str, model: str, provider: str) -> None:
        self.has_output = False
        self.is_done = False
        self.counted_tokens = 0
        self.finish_reason: str | None = None
        self.native_finish_reason: str | None = None
        self.usage: Any = None
        self.upstream_id: str | None = None
        self.service_tier: str | None = None
        self.failure: ProviderFailure | None = None
        self._shown = {"id": generation_id, "model": model, "provider": provider}
        self._created = int(time.time())
        self._splitter = EventSplitter(MAX_EVENT_BYTES)
        self._choices: dict[int, Choice] = {}
        self._refusal: str | None = None

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
        """The connection ended: return what is left and the finish reasons; without one the answer was cut off."""
        if self.is_done or self.failure is not None:
            return b""
        passed = self._pass_on(self._splitter.end())
        return passed + self._conclude()

    def final_chunk(self, usage: Mapping[str, Any]) -> bytes:
        """The last event before `[DONE]`: no choices, all of the usage."""
        return self._event([], usage=usage)

    def _pass_on(self, events: list[bytes]) -> bytes:
        passed = []
        for payload in events:
            if self.is_done or self.failure is not None:
                break
            passed.append(self._read(payload.strip()))
            self._note()
        return b"".join(passed)

    def _read(self, payload: bytes) -> bytes:
        if not payload:
            return b""
        if payload == b"[DONE]":  # not Google's, but of what stands before it
            return self._finish() if self.finish_reason is not None else b""
        try:
            answer = msgspec.json.decode(payload)
            if isinstance(answer, dict):
                return self._answer(answer)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            pass
        self.failure = broken_answer(INVALID)
        return b""

    def _answer(self, answer: Json) -> bytes:
        if answer.get("error"):
            self.failure = failure_in_answer(answer["error"])
            return b""
        usage = read_usage(answer.get("usageMetadata"))
        if usage is not None:
            self.usage = usage
        if self.upstream_id is None and isinstance(answer.get("responseId"), str):
            self.upstream_id = answer["responseId"][:200]
        given = answer.get("candidates")
        candidates = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
        reason = blocked(answer)
        if reason is not None and not candidates:
            self._choice(0).block(reason[0])
            self._refusal = reason[1]
        shown = [choice for one in candidates if (choice := self._candidate(one)) is not None]
        return self._event(shown) if shown else b""

    def _candidate(self, candidate: Json) -> Json | None:
        given = candidate.get("index", 0)
        is_number = isinstance(given, int) and not isinstance(given, bool)
        index = given if is_number and 0 <= given < MAX_CHOICES else 0
        is_first = index not in self._choices
        delta = self._choice(index).take(candidate)
        logprobs = logprobs_of(candidate)
        if not delta and logprobs is None:
            return None
        head = {"role": "assistant", "content": ""} if is_first else {}
        shown: Json = {"index": index, "delta": {**head, **delta}, "finish_reason": None}
        return shown | ({"logprobs": logprobs} if logprobs is not None else {})

    def _choice(self, index: int) -> Choice:
        return self._choices.setdefault(index, Choice(index))

    def _note(self) -> None:
        """What all choices come to so far; the finish reason is that of the first that has one."""
        choices = self._choices.values()
        self.has_output = self.is_done or any(one.has_output for one in choices)
        self.counted_tokens = sum(one.counted_tokens for one in choices)
        self.finish_reason = next((one.finish for one in choices if one.finish), None)
        self.native_finish_reason = next((one.native for one in choices if one.native), None)

    def _conclude(self) -> bytes:
        if self.is_done or self.failure is not None:
            return b""
        if self.finish_reason is None:
            self.failure = broken_answer("The provider disconnected before the end of its answer")
            return b""
        return self._finish()

    def _finish(self) -> bytes:
        self.is_done = self.has_output = True
        refusal = {"refusal": self._refusal} if self._refusal else {}
        choices = [
            {
                "index": one.index,
                "delta": {"role": "assistant", "content": "", **refusal},
                "finish_reason": one.finish or "stop",
                "native_finish_reason": one.native,
            }
            for one in self._choices.values()
        ]
        return self._event(choices)

    def _event(self, choices: list[Json], **more: Any) -> bytes:
        head = {**self._shown, "object": "chat.completion.chunk", "created": self._created}
        return b"data: %b\n\n" % encode({**head, "choices": choices, **more})
