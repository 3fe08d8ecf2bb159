"""Where the stream of one model step goes: on to the caller, but for what is the loop's own business."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from routing.gateway.client import Client, Message, Scope
from routing.gateway.dialects import CHAT
from routing.gateway.dialects.chunks import chunks_of, encode_event, objects
from routing.gateway.server_tools.turn import Assembly
from routing.tools.tool import Json, Use

Show = Callable[[bytes, Json], Awaitable[None]]
"""Takes Chat Completions events for the caller, and the chunk that they begin with."""


async def _nothing_to_receive() -> Message:
    return {"type": "http.disconnect"}


def step_client(outer: Client, sink: StepSink) -> Client:
    """A client for one step: it is interrupted as the caller is, and what is sent to it the sink takes."""
    scope: Scope = {"type": "http", "method": "POST", "path": "", "headers": [], "state": {}}
    client = Client(scope, _nothing_to_receive, sink.send)
    client.watch, client.dialect = outer.watch, CHAT.slug
    client.subject = outer.subject
    return client


class StepSink:
    """Parts a step's events: calls of our tools and the end of the answer are held back, the rest is shown at once.

    `calls_shown` is how many calls of his own tools the caller has been shown by the steps before.
    """

    def __init__(self, uses: Mapping[str, Use], generation_id: str, show: Show, *, is_first: bool) -> None:
        self.assembly = Assembly()
        self.last: Json | None = None
        """The chunk in which the answer said that it is over."""
        self._uses, self._generation_id, self._show = uses, generation_id, show
        self._has_role = not is_first
        self._places: dict[int, int] = {}
        self._nameless: dict[int, list[Json]] = {}

    async def send(self, message: Message) -> None:
        """What the relay sends; heads and ends are the loop's to send."""
        data = message.get("body")
        if not data:
            return
        shown: list[bytes] = []
        head: Json = {}
        for chunk in chunks_of(data):
            head = chunk
            if (mine := self._taken(chunk)) is not None:
                shown.append(encode_event(mine))
        if shown:
            await self._show(b"".join(shown), head)

    def _taken(self, chunk: Json) -> Json | None:
        """What of a chunk is the caller's now."""
        chunk["id"] = self._generation_id
        choices = objects(chunk, "choices")
        if not choices:
            return None
        choice = choices[0]
        delta = choice.get("delta")
        delta = delta if isinstance(delta, dict) else {}
        choice["delta"] = delta = self._callers(delta, self.assembly.take(delta))
        if choice.get("finish_reason"):
            self.last = {**chunk, "choices": [{**choice, "delta": {"content": ""}}]}
            choice["finish_reason"] = choice["native_finish_reason"] = None
        return chunk if self._says_something(delta) else None

    def _callers(self, delta: Json, numbers: list[int]) -> Json:
        left: list[Json] = []
        for piece, number in zip(objects(delta, "tool_calls"), numbers, strict=True):
            name = self.assembly.name_of(number)
            if name in self._uses:
                continue
            if not name:  # nobody knows yet whose it is
                self._nameless.setdefault(number, []).append(piece)
                continue
            place = self._places.setdefault(number, len(self._places))
            left += [{**one, "index": place} for one in (*self._nameless.pop(number, ()), piece)]
        kept: dict[str, Any] = {name: value for name, value in delta.items() if name != "tool_calls"}
        if self._has_role:
            kept.pop("role", None)
        elif "role" in kept:
            self._has_role = True
        return {**kept, "tool_calls": left} if left else kept

    @staticmethod
    def _says_something(delta: Json) -> bool:
        return any(value not in (None, "", [], {}) for value in delta.values())
