"""A Chat Completions stream as Anthropic's events: blocks that begin, grow and end, one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from routing.call import Call
from routing.errors import Refusal, envelope
from routing.gateway.dialects.chunks import (
    a_text,
    an_object,
    chunks_of,
    content_of,
    encode_named_event,
    objects,
)
from routing.gateway.dialects.dialect import ToolCalled
from routing.gateway.dialects.messages_answer import (
    citation_of,
    is_thinking_hidden,
    stop_of,
    tool_block,
    usage_of,
)
from routing.gateway.dialects.messages_records import result_block, told_of, use_block
from routing.gateway.dialects.thinking import block_of, signature_of, text_of

NOTHING_YET = {
    "prompt_tokens": 0,
    "completion_tokens": 0,
    "cost": 0,
    "is_byok": False,
    "cost_details": None,
    "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0},
}
"""What is known of the usage when a message begins; what counts comes at its end."""
UNNAMED = "unnamed"

Body = Mapping[str, Any]  # the provider's JSON


@dataclass(slots=True)
class PartialCall:
    """A tool call as it arrives: it cannot begin before its name is known."""

    id: str = ""
    name: str = ""
    waiting: str = ""
    block: int | None = None


class MessageEvents:
    """Writes one message."""

    def __init__(self, call: Call, generation_id: str, model: str, provider: str) -> None:
        self._call = call
        self._head = {"id": generation_id, "model": model, "provider": provider}
        self._is_hidden = is_thinking_hidden(call)
        self._has_started = False
        self._out: list[bytes] = []
        self._block = -1
        self._kind: str | None = None
        self._signature = ""
        self._calls: dict[int, PartialCall] = {}
        self._begun_calls = 0
        self._refusal = ""
        self._last: Body = {}
        self._tier: Any = None

    def feed(self, data: bytes) -> bytes:
        """The events for complete Chat Completions events."""
        for chunk in chunks_of(data):
            self._tier = chunk.get("service_tier") or self._tier
            for choice in objects(chunk, "choices"):
                if not choice.get("index"):  # there is one message, hence one choice
                    self._take(choice)
        return self._taken()

    def begin_tool(self, called: ToolCalled) -> bytes:
        """The call as a block of its own, if Anthropic's clients know the tool."""
        for one in told_of((called,)):
            self._start()
            self._open("server_tool_use", {**use_block(one), "input": {}})
            self._delta(type="input_json_delta", partial_json=one.arguments or "{}")
            self._close()
        return self._taken()

    def tell_tool(self, called: ToolCalled, event: str, fields: Mapping[str, Any]) -> bytes:
        """Nothing: this dialect has no words for it."""
        return b""

    def end_tool(self, called: ToolCalled) -> bytes:
        """The result as a block of its own."""
        for one in told_of((called,)):
            self._start()
            self._open("result", result_block(one))
            self._close()
        return self._taken()

    def finish(self, final_chunk: bytes, usage: Mapping[str, Any]) -> bytes:
        """What is open ends, then the message does, with its usage."""
        self._start()
        for call in self._calls.values():
            self._begin_call(call, call.name or UNNAMED)
        self._close()
        stop = stop_of(self._call, self._last, has_calls=bool(self._begun_calls), refusal=self._refusal)
        self._say("message_delta", delta={**stop, "container": None}, usage=usage_of(usage, self._tier))
        self._say("message_stop")
        return self._taken()

    def fail(self, refusal: Refusal) -> bytes:
        """The error event; nothing follows it."""
        error = envelope(refusal, dialect="messages")["error"]
        self._say("error", error=error)
        return self._taken()

    def _taken(self) -> bytes:
        events, self._out = b"".join(self._out), []
        return events

    def _say(self, kind: str, **fields: Any) -> None:
        self._out.append(encode_named_event({"type": kind, **fields}))

    def _start(self) -> None:
        if self._has_started:
            return
        self._has_started = True
        stop = {"stop_reason": None, "stop_sequence": None, "stop_details": None}
        usage = usage_of(NOTHING_YET)
        about: dict[str, Any] = {"type": "message", "role": "assistant", "content": [], "container": None}
        self._say("message_start", message={**self._head, **about, **stop, "usage": usage})

    def _take(self, choice: Body) -> None:
        self._start()
        delta = an_object(choice, "delta")
        self._reason(delta)
        refusal = a_text(delta, "refusal")
        self._refusal += refusal
        if text := content_of(delta) or refusal:
            self._text(type="text_delta", text=text)
        for annotation in objects(delta, "annotations"):
            if citation := citation_of(annotation):
                self._text(type="citations_delta", citation=citation)
        for piece in objects(delta, "tool_calls"):
            self._call_piece(piece)
        if choice.get("finish_reason") is not None:
            self._last = choice

    def _open(self, kind: str, block: Body) -> None:
        self._close()
        self._block += 1
        self._kind = kind
        self._say("content_block_start", index=self._block, content_block=block)

    def _close(self) -> None:
        if self._kind is None:
            return
        if self._signature:
            self._delta(type="signature_delta", signature=self._signature)
            self._signature = ""
        self._say("content_block_stop", index=self._block)
        self._kind = None

    def _delta(self, **delta: Any) -> None:
        self._say("content_block_delta", index=self._block, delta=delta)

    def _text(self, **delta: Any) -> None:
        if self._kind != "text":
            self._open("text", {"type": "text", "text": "", "citations": None})
        self._delta(**delta)

    def _reason(self, delta: Body) -> None:
        details = objects(delta, "reasoning_details")
        for detail in details:
            if block := block_of(detail):
                self._detail(detail, block)
        if not details and (text := a_text(delta, "reasoning", "reasoning_content")):
            self._think(text)

    def _detail(self, detail: Body, block: dict[str, Any]) -> None:
        if block["type"] == "redacted_thinking":
            self._open("redacted_thinking", block)
            self._close()
            return
        text, signature = text_of(detail), signature_of(detail)
        if text and self._signature and detail.get("type") != "reasoning.summary":
            self._close()  # what was signed has ended
        if text or signature:
            self._think(text)
        self._signature = signature or self._signature

    def _think(self, text: str) -> None:
        if self._kind != "thinking":
            self._open("thinking", {"type": "thinking", "thinking": "", "signature": ""})
        if text and not self._is_hidden:
            self._delta(type="thinking_delta", thinking=text)

    def _call_piece(self, piece: Body) -> None:
        index, identifier = piece.get("index"), a_text(piece, "id")
        place = index if isinstance(index, int) else 0
        call = self._calls.setdefault(place, PartialCall())
        if identifier and call.id and identifier != call.id:  # some count every call as their first
            self._begin_call(call, call.name or UNNAMED)
            call = self._calls[place] = PartialCall()
        function = an_object(piece, "function")
        call.id = call.id or identifier
        call.name = call.name or a_text(function, "name")
        call.waiting += a_text(function, "arguments")
        if call.name:
            self._begin_call(call, call.name)

    def _begin_call(self, call: PartialCall, name: str) -> None:
        """Begin a call, once, and pass on what has arrived of its arguments."""
        if call.block is None:
            identifier = call.id or f"toolu_{self._head['id']}_{self._begun_calls}"
            self._open("tool_use", tool_block(identifier, name))
            call.block = self._block
            self._begun_calls += 1
        if call.waiting:
            delta = {"type": "input_json_delta", "partial_json": call.waiting}
            self._say("content_block_delta", index=call.block, delta=delta)
            call.waiting = ""
