"""The items of a Responses answer while they are written: each says by events how it grows.

An item's events are dictionaries without `sequence_number`, which whoever sends them adds. They hold the item itself,
not a copy: each is to be encoded before the next is asked for.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]
Events: TypeAlias = Iterator[Json]


class Item:
    """One item of the output; `shown` is how it looks now."""

    def __init__(self, index: int, shown: Json) -> None:
        self.index = index
        self.shown = shown
        self.is_open = True

    def event(self, what: str, /, **fields: Any) -> Json:
        """An event of something in this item."""
        return {
            "type": f"response.{what}",
            "item_id": self.shown["id"],
            "output_index": self.index,
            **fields,
        }

    def added(self) -> Json:
        """The event that begins it."""
        return self._whole("added")

    def done(self, status: str) -> Events:
        """The events that end it."""
        if self.is_open:
            self.is_open = False
            yield from self.close(status)
            if "status" in self.shown:
                self.shown["status"] = status
            yield self._whole("done")

    def close(self, status: str) -> Events:
        """The events that end what is open in it."""
        yield from ()

    def _whole(self, what: str) -> Json:
        return {"type": f"response.output_item.{what}", "output_index": self.index, "item": self.shown}


class Message(Item):
    """What the assistant says: text and refusals."""

    def __init__(self, index: int, identifier: str) -> None:
        super().__init__(
            index,
            {
                "type": "message",
                "id": identifier,
                "role": "assistant",
                "status": "in_progress",
                "content": [],
            },
        )
        self._part: Json | None = None
        self._pieces: list[str] = []

    def write(self, text: str, logprobs: list[Json]) -> Events:
        """More of the text."""
        part = yield from self._in_part("output_text")
        self._pieces.append(text)
        part["logprobs"] += logprobs
        if text:
            yield self._event("output_text.delta", delta=text, logprobs=logprobs)

    def refuse(self, text: str) -> Events:
        """More of a refusal."""
        yield from self._in_part("refusal")
        self._pieces.append(text)
        yield self._event("refusal.delta", delta=text)

    def annotate(self, annotation: Json) -> Events:
        """A citation of the text."""
        known = (yield from self._in_part("output_text"))["annotations"]
        known.append(annotation)
        yield self._event(
            "output_text.annotation.added", annotation=annotation, annotation_index=len(known) - 1
        )

    def close(self, status: str) -> Events:
        """Its last part ends with it."""
        yield from self._end_part()

    def _event(self, name: str, **fields: Any) -> Json:
        return self.event(name, content_index=len(self.shown["content"]), **fields)

    def _in_part(self, kind: str) -> Generator[Json, None, Json]:
        part = self._part
        if part is not None and part["type"] == kind:
            return part
        yield from self._end_part()
        empty: Json = (
            {"refusal": ""} if kind == "refusal" else {"text": "", "annotations": [], "logprobs": []}
        )
        part = self._part = {"type": kind, **empty}
        yield self._event("content_part.added", part=part)
        return part

    def _end_part(self) -> Events:
        part = self._part
        if part is None:
            return
        text = "".join(self._pieces)
        if part["type"] == "refusal":
            part["refusal"] = text
            yield self._event("refusal.done", refusal=text)
        else:
            part["text"] = text
            yield self._event("output_text.done", text=text, logprobs=part["logprobs"])
        yield self._event("content_part.done", part=part)
        self.shown["content"].append(part)
        self._part, self._pieces = None, []


class Reasoning(Item):
    """What the model thought: summaries, text, and what only its provider can read."""

    def __init__(self, index: int, identifier: str) -> None:
        super().__init__(
            index, {"type": "reasoning", "id": identifier, "summary": [], "status": "in_progress"}
        )
        self._kind: tuple[str, Any] | None = None
        self._pieces: list[str] = []

    def think(self, text: str, block: Any) -> Events:
        """More of the reasoning as it is."""
        yield from self._in_part("text", block)
        self._pieces.append(text)
        yield self.event("reasoning_text.delta", content_index=self._count("content"), delta=text)

    def summarize(self, text: str, block: Any) -> Events:
        """More of a summary."""
        yield from self._in_part("summary", block)
        self._pieces.append(text)
        yield self.event("reasoning_summary_text.delta", summary_index=self._count("summary"), delta=text)

    def close(self, status: str) -> Events:
        """Its last part ends with it."""
        yield from self._end_part()

    def _count(self, name: str) -> int:
        return len(self.shown.get(name, ()))

    def _in_part(self, kind: str, block: Any) -> Events:
        if self._kind == (kind, block):
            return
        yield from self._end_part()
        self._kind = (kind, block)
        if kind == "summary":
            part = {"type": "summary_text", "text": ""}
            yield self.event("reasoning_summary_part.added", summary_index=self._count("summary"), part=part)
        else:
            part = {"type": "reasoning_text", "text": ""}
            yield self.event("content_part.added", content_index=self._count("content"), part=part)

    def _end_part(self) -> Events:
        if self._kind is None:
            return
        text, kind = "".join(self._pieces), self._kind[0]
        if kind == "summary":
            part, at = {"type": "summary_text", "text": text}, self._count("summary")
            yield self.event("reasoning_summary_text.done", summary_index=at, text=text)
            yield self.event("reasoning_summary_part.done", summary_index=at, part=part)
            self.shown["summary"].append(part)
        else:
            part, at = {"type": "reasoning_text", "text": text}, self._count("content")
            yield self.event("reasoning_text.done", content_index=at, text=text)
            yield self.event("content_part.done", content_index=at, part=part)
            self.shown.setdefault("content", []).append(part)
        self._kind, self._pieces = None, []


class ToolCall(Item):
    """A call of one of the caller's tools; it begins once its name is known."""

    def __init__(self, index: int, identifier: str, call_id: str, *, is_custom: bool) -> None:
        kind, self._payload = ("custom_tool_call", "input") if is_custom else ("function_call", "arguments")
        shown = {"type": kind, "id": identifier, "call_id": call_id, "name": "", self._payload: ""}
        super().__init__(index, shown if is_custom else {**shown, "status": "in_progress"})
        self._events = "custom_tool_call_input" if is_custom else "function_call_arguments"
        self._pieces: list[str] = []
        self._is_begun = False

    def write(self, name: str, piece: str) -> Events:
        """More of its arguments; the name comes once, or with every piece."""
        self._pieces.append(piece)
        if not self._is_begun and name:
            self.shown["name"] = name
            yield from self._begin()
        elif self._is_begun and piece:
            yield self.event(f"{self._events}.delta", delta=piece)

    def close(self, status: str) -> Events:
        """All of its arguments."""
        if not self._is_begun:
            yield from self._begin()
        text = "".join(self._pieces)
        self.shown[self._payload] = text
        named = {"name": self.shown["name"]} if self._payload == "arguments" else {}
        yield self.event(f"{self._events}.done", **named, **{self._payload: text})

    def _begin(self) -> Events:
        self._is_begun = True
        yield self.added()
        if so_far := "".join(self._pieces):
            yield self.event(f"{self._events}.delta", delta=so_far)
