"""The item of a server tool's call in a Responses answer: announced when it begins, told of, complete when it ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from routing.gateway.dialects.dialect import ToolCalled
from routing.gateway.dialects.responses_items import Events, Item, Json

TYPES = {"search_models": "openrouter:experimental__search_models"}
"""Items whose type is not named like the tool."""
REQUIRED: dict[str, Json] = {"datetime": {"datetime": "", "timezone": ""}}
"""What an item must have from its beginning."""
PROGRESS = {"web_search": "web_search_call", "fusion": "fusion_call"}
"""Whose progress there are events for, and what their names begin with."""
NEVER_FAILED = frozenset({"web_fetch", "fusion"})
"""Items that the contract gives no status `failed`."""
ONCE = (".in_progress", ".searching", ".completed")
ADVICE = "advisor.delta"


def type_of(slug: str) -> str:
    """The type of a tool's items."""
    return TYPES.get(slug, f"openrouter:{slug}")


class ServerTool(Item):
    """One call of a server tool."""

    def __init__(self, index: int, identifier: str, called: ToolCalled) -> None:
        shown = {"type": type_of(called.slug), "id": identifier, "status": "in_progress"}
        super().__init__(index, {**shown, **REQUIRED.get(called.slug, {}), **called.item})
        if called.instance or called.is_one_of_several:
            self.shown["instance_name"] = called.function
        self._progress = PROGRESS.get(called.slug)
        self._told: set[str] = set()
        self._pieces: list[str] = []

    def begin(self) -> Events:
        """What follows its beginning."""
        if self._progress:
            yield from self._tell_once(f"{self._progress}.in_progress")

    def tell(self, event: str, fields: Mapping[str, Any]) -> Events:
        """What happens within; what there are no words for is not told."""
        if event == ADVICE:
            yield from self._write(fields.get("delta"))
        elif self._progress and event.startswith(f"{self._progress}."):
            is_of_the_whole = event.removeprefix(self._progress) in ONCE
            yield from self._tell_once(event, **fields) if is_of_the_whole else self._tell(event, **fields)

    def end(self, called: ToolCalled) -> Events:
        """It is complete, and so is its item."""
        self.shown |= called.item
        if self._pieces:
            yield self.event("output_text.done", content_index=0, text="".join(self._pieces), logprobs=[])
        if self._progress and not called.is_failed:
            yield from self._tell_once(f"{self._progress}.completed")
        unsuccessful = "incomplete" if called.slug in NEVER_FAILED else "failed"
        yield from self.done(unsuccessful if called.is_failed else "completed")

    def _write(self, text: Any) -> Events:
        if isinstance(text, str) and text:
            self._pieces.append(text)
            yield self.event("output_text.delta", content_index=0, delta=text, logprobs=[])

    def _tell(self, event: str, **fields: Any) -> Events:
        """An event as it is; of a fault the words are in `message`.

        OpenAI's client takes any event with something in `error` for the end of the stream, and OpenRouter's wants
        the field to be there: so it is empty.
        """
        if fault := fields.get("error"):
            fields |= {"error": "", "message": fault}
        yield self.event(event, **fields)

    def _tell_once(self, event: str, **fields: Any) -> Events:
        if event not in self._told:
            self._told.add(event)
            yield self.event(event, **fields)
