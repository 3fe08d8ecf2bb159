"""The shape of a dialect: how a caller's request becomes a Call, and an answer the caller's. No I/O, no state.

Inside the gateway everything is Chat Completions (embeddings are themselves): a dialect translates between its
caller and that, a provider's wire format between that and the provider, and so any dialect reaches any provider.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from routing.call import Call
from routing.errors import Refusal

DONE = b"data: [DONE]\n\n"


STEPS = "steps"
"""Under this name a whole answer's choice lists its Steps, where server tools ran; `message` has all of them merged."""


class ToolCalled(NamedTuple):
    """A call of a server tool as callers are told of it; `result` is empty until it has run.

    `arguments` and `result` are JSON text as the model wrote and got it; `item` is routing.tools.tool.Ran.item.
    `function` is the name that the model called, `id` the call's.
    """

    id: str
    slug: str
    function: str
    instance: int
    arguments: str
    item: Mapping[str, Any] = {}
    result: str = ""
    is_failed: bool = False
    is_one_of_several: bool = False
    """Whether the first entry of its tool is told apart from others, too."""


class Step(NamedTuple):
    """One answer of the model on the way to the last one, and the server tools that it called."""

    message: Mapping[str, Any]
    tools: tuple[ToolCalled, ...] = ()


class DialectEvents(Protocol):
    """One streamed answer: Chat Completions events in, the caller's out."""

    def feed(self, data: bytes) -> bytes:
        """The caller's events for complete Chat Completions events, as wire_format.Stream.feed returns them."""

    def begin_tool(self, called: ToolCalled) -> bytes:
        """The model has called a server tool, which runs now; what was said before is complete."""

    def tell_tool(self, called: ToolCalled, event: str, fields: Mapping[str, Any]) -> bytes:
        """Something happens within it (routing.tools.tool.Bench.tell)."""

    def end_tool(self, called: ToolCalled) -> bytes:
        """It has run."""

    def finish(self, final_chunk: bytes, usage: Mapping[str, Any]) -> bytes:
        """The last events; `final_chunk` is wire_format.Stream.final_chunk's, `usage` what is in it."""

    def fail(self, refusal: Refusal) -> bytes:
        """The error as the stream's last events."""


class Dialect(Protocol):
    """One dialect of inference requests; listed in the package's `__init__`."""

    slug: str
    path: str

    def read_call(self, data: bytes, headers: Mapping[bytes, bytes]) -> Call:
        """The request as the decision sees it, its body in Chat Completions form.

        What an answer needs of the original request goes to `Call.detail`, under a name of the dialect's own.
        Raises RefusedError naming the parameter that is wrong.
        """

    def finish_answer(
        self,
        call: Call,
        body: dict[str, Any],
        *,
        generation_id: str,
        model: str,
        provider: str,
        usage: Mapping[str, Any],
    ) -> bytes:
        """The whole answer as the caller gets it; `body` is a fresh Chat Completions object without usage."""

    def open_events(self, call: Call, *, generation_id: str, model: str, provider: str) -> DialectEvents:
        """What turns one streamed answer into the caller's events."""

    def refuse(self, refusal: Refusal, *, generation_id: str | None) -> bytes:
        """The body of an error before anything else was sent."""
