"""The content blocks of Anthropic's stream as the deltas of Chat Completions chunks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from routing.providers.anthropic_answer import annotations_of, tool_call
from routing.providers.anthropic_reasoning import encrypted_detail, text_detail
from routing.providers.anthropic_tools import JSON_TOOL
from routing.providers.openai import encode
from routing.providers.openai_stream import tokens_of_piece

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


class Blocks:
    """Reads the events of content blocks, which may be open side by side; what they add to the answer is yielded."""

    def __init__(self) -> None:
        self.calls = 0
        self.counted_tokens = 0
        self._open: dict[Any, _Block] = {}
        self._length = self._thoughts = 0

    def start(self, event: Mapping[str, Any]) -> Iterator[Delta]:
        """What a block begins with."""
        start = object_in(event, "content_block")
        kind = start.get("type")
        block = self._open[_place(event)] = _Block(start, self._next_index(start), self._length)
        if kind == "text":
            cited = start.get("citations")
            block.citations = list(cited) if isinstance(cited, list) else []
            yield from self._text(_string(start, "text"))
        elif kind == "thinking":
            yield from self._thought(block, _string(start, "thinking"))
            yield from _signature(block, start)
        elif kind == "redacted_thinking":
            yield {"reasoning_details": [encrypted_detail(block.index, _string(start, "data"))]}
        elif kind == "tool_use" and not block.is_answer:
            yield {"tool_calls": [tool_call(block.index, start, "")]}

    def delta(self, event: Mapping[str, Any]) -> Iterator[Delta]:
        """A piece of a block."""
        block, delta = self._open.get(_place(event)), object_in(event, "delta")
        kind = delta.get("type")
        if kind == "text_delta":
            yield from self._text(_string(delta, "text"))
        elif block is None:
            return
        elif kind == "thinking_delta":
            yield from self._thought(block, _string(delta, "thinking"))
        elif kind == "signature_delta":
            yield from _signature(block, delta)
        elif kind == "input_json_delta" and block.kind == "tool_use":
            yield from self._arguments(block, _string(delta, "partial_json"))
        elif kind == "citations_delta":
            block.citations.append(delta.get("citation"))

    def stop(self, event: Mapping[str, Any]) -> Iterator[Delta]:
        """What can be said only when a block is whole."""
        block = self._open.pop(_place(event), None)
        if block is None:
            return
        if block.kind == "tool_use" and not block.has_arguments:
            yield from self._arguments(block, encode(block.start.get("input") or {}).decode())
        if found := annotations_of(block.citations, block.offset, self._length):
            yield {"annotations": found}

    def _next_index(self, start: Mapping[str, Any]) -> int:
        kind = start.get("type")
        if kind in ("thinking", "redacted_thinking"):
            self._thoughts += 1
            return self._thoughts - 1
        if kind == "tool_use" and start.get("name") != JSON_TOOL:
            self.calls += 1
        return self.calls - 1

    def _text(self, text: str) -> Iterator[Delta]:
        if text:
            self._length += len(text)
            self._count(text)
            yield {"content": text}

    def _thought(self, block: _Block, text: str) -> Iterator[Delta]:
        if text:
            self._count(text)
            yield {"reasoning": text, "reasoning_details": [text_detail(block.index, text=text)]}

    def _arguments(self, block: _Block, piece: str) -> Iterator[Delta]:
        if not piece:
            return
        block.has_arguments = True
        if block.is_answer:
            yield from self._text(piece)
            return
        self._count(piece)
        yield {"tool_calls": [{"index": block.index, "function": {"arguments": piece}}]}

    def _count(self, text: str) -> None:
        if not text.isspace():
            self.counted_tokens += tokens_of_piece(len(text.encode("utf-8", "replace")))


def object_in(holder: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A field that should be an object; an empty one where it is none."""
    value = holder.get(name)
    return value if isinstance(value, dict) else {}


def _signature(block: _Block, holder: Mapping[str, Any]) -> Iterator[Delta]:
    if signature := _string(holder, "signature"):
        yield {"reasoning_details": [text_detail(block.index, signature=signature)]}


def _string(holder: Mapping[str, Any], name: str) -> str:
    value = holder.get(name)
    return value if isinstance(value, str) else ""


def _place(event: Mapping[str, Any]) -> int | None:
    index = event.get("index")
    return index if isinstance(index, int) else None
