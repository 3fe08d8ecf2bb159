"""What the caller of a request with server tools is shown, in his dialect: as it comes, or all of it at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from routing.call import Call
from routing.errors import Refusal
from routing.gateway.answering import farewell, metadata_for, refuse
from routing.gateway.client import Client
from routing.gateway.dialects import Dialect, DialectEvents
from routing.gateway.dialects.chunks import a_text, content_of, encode_event, objects
from routing.gateway.dialects.dialect import DONE, STEPS, Step, ToolCalled
from routing.gateway.generating import Generated
from routing.gateway.router_metadata import in_answer, in_last_event
from routing.gateway.runtime import Runtime
from routing.gateway.server_tools.tally import Tally
from routing.gateway.server_tools.turn import Finished, Requested, Turn, callers_message
from routing.plugins import citing
from routing.tools import TOOLS
from routing.tools.tool import Json

BETWEEN_STEPS = "\n\n"
CALLS = "tool_calls"


class Caller:
    """The caller's side of one loop. Only the task that serves the request writes to him."""

    def __init__(self, client: Client, dialect: Dialect, call: Call, generation_id: str) -> None:
        self._client, self._dialect, self._call = client, dialect, call
        self._generation_id = generation_id
        self._events: DialectEvents | None = None
        self._steps: list[Step] = []
        self._annotations: list[Json] = []
        self._stages: list[Mapping[str, Any]] = []
        self._first: Generated | None = None
        self._last_chunk: Json | None = None
        self._news = asyncio.Event()
        self._untold: list[tuple[Requested, str, dict[str, Any]]] = []

    # What the model says

    async def show(self, data: bytes, head: Json) -> None:
        """Chat Completions events of a step; `head` is a chunk that says who speaks."""
        events = self._opened(a_text(head, "model"), a_text(head, "provider"))
        await self._write(events.feed(data))

    async def note(self, made: Generated, last_chunk: Json | None) -> None:
        """A step is over."""
        self._first = self._first or made
        self._last_chunk = last_chunk
        if made.opened.call.is_streamed and made.ending.refusal is None:
            for chunk in _before_the_last(made.ending.body):
                chunk["id"] = self._generation_id
                await self.show(encode_event(chunk), chunk)

    def keep(self, turn: Turn, ran: Sequence[Finished]) -> None:
        """A step, and what its tools came to."""
        self._steps.append(Step(callers_message(turn), tuple([_called(one.requested, one) for one in ran])))
        for one in ran:
            self._annotations += one.ran.annotations
            self._stages += one.stages

    # What the tools do

    async def begin_tools(self, turn: Turn, made: Generated) -> None:
        """The model has called these."""
        if not self._call.is_streamed:
            return
        endpoint = made.ending.outcome.attempt
        model = endpoint.endpoint.model if endpoint else made.opened.model
        events = self._opened(model, endpoint.endpoint.provider.name if endpoint else "")
        for requested in turn.requested:
            await self._write(events.begin_tool(_called(requested)))

    def tell(self, requested: Requested, event: str, fields: dict[str, Any]) -> None:
        """Something happens within a tool; it is told when the request's own task comes to it."""
        if self._call.is_streamed:
            self._untold.append((requested, event, fields))
            self._news.set()

    async def follow(self, tasks: Sequence[asyncio.Task[Finished]]) -> list[Finished]:
        """What the tools come to, in the order in which they were called; a streaming caller is told as it happens."""
        for task in tasks:
            task.add_done_callback(lambda _: self._news.set())
        waiting = list(tasks)
        while waiting:
            await self._news.wait()
            self._news.clear()
            await self._tell_news()
            for task in [task for task in waiting if task.done()]:
                waiting.remove(task)
                await self._end_tool(task.result())
        return [task.result() for task in tasks]

    async def _tell_news(self) -> None:
        untold, self._untold = self._untold, []
        if self._events is not None:
            told = [self._events.tell_tool(_called(one), event, fields) for one, event, fields in untold]
            await self._write(b"".join(told))

    async def _end_tool(self, finished: Finished) -> None:
        if self._events is not None:
            await self._write(self._events.end_tool(_called(finished.requested, finished)))

    # How it ends

    async def finish(
        self, runtime: Runtime, made: Generated, turn: Turn, ran: Sequence[Finished], tally: Tally
    ) -> None:
        """The model has said all, or its caller goes on."""
        self.keep(turn, ran)
        usage = tally.usage_object()
        metadata = self._metadata(runtime, made)
        if made.opened.call.is_streamed:
            last = self._last_events(made, turn, usage)
            await self._client.start_events()
            await self._client.finish(in_last_event(last, metadata) if metadata else last)
            return
        body = self._whole(made, turn, usage)
        await self._client.answer(200, in_answer(body, metadata) if metadata else body)

    async def end_badly(self, runtime: Runtime, made: Generated, tally: Tally) -> None:
        """A step has come to no answer: its caller left, or is told why."""
        refusal = made.ending.refusal
        if refusal is None:
            return
        if self._events is None and made is self._first:
            await farewell(runtime, self._client, made.opened, made.decision, replace(made.ending, body=None))
            return
        await self.refuse(refusal, tally)

    async def refuse(self, refusal: Refusal, tally: Tally) -> None:
        """No more is to come; what was used by then is said with the reason."""
        refusal = refusal.with_metadata(usage=tally.usage_object(), generation_id=self._generation_id)
        if self._events is not None:
            await self._client.start_events()
            await self._client.finish(self._events.fail(refusal))
            return
        opened = self._first.opened if self._first else None
        await refuse(self._client, self._dialect, refusal, opened)

    def _metadata(self, runtime: Runtime, made: Generated) -> dict[str, Any] | None:
        first = self._first or made
        told = metadata_for(runtime, self._client, first.opened, first.decision, made.ending)
        if told is None:
            return None
        return {**told, "pipeline": [*first.opened.call.stages, *self._stages]}

    def _last_events(self, made: Generated, turn: Turn, usage: Json) -> bytes:
        attempt = made.ending.outcome.attempt
        model = attempt.endpoint.model if attempt else made.opened.model
        provider = attempt.endpoint.provider.name if attempt else ""
        events = self._opened(model, provider)
        written = b""
        if self._annotations:
            cited = replace(self._call, annotations=tuple(self._annotations))
            about = {"generation_id": self._generation_id, "model": model, "provider": provider}
            written += events.feed(citing.event(cited, **about))
        if self._last_chunk is not None:
            choice = self._last_chunk["choices"][0]
            choice["finish_reason"] = _finish_reason(choice.get("finish_reason"), turn)
            written += events.feed(encode_event(self._last_chunk))
        final = {**_last_chunk_of(made.ending.body), "id": self._generation_id, "usage": usage}
        return written + events.finish(encode_event(final), usage)

    def _whole(self, made: Generated, turn: Turn, usage: Json) -> bytes:
        body: Json = msgspec.json.decode(made.ending.body or b"{}")
        choice = body["choices"][0]
        choice["message"] = self._merged()
        choice["finish_reason"] = _finish_reason(choice.get("finish_reason"), turn)
        if any(step.tools for step in self._steps):
            choice[STEPS] = list(self._steps)
        if self._annotations:
            citing.annotate(replace(self._call, annotations=tuple(self._annotations)), body)
        model, provider = a_text(body, "model"), a_text(body, "provider")
        body.pop("usage", None)
        return self._dialect.finish_answer(
            self._call, body, generation_id=self._generation_id, model=model, provider=provider, usage=usage
        )

    def _merged(self) -> Json:
        """All that the model said, as one message."""
        messages = [step.message for step in self._steps]
        merged: Json = {**messages[-1], "role": "assistant"}
        texts = [text for message in messages if (text := content_of(message))]
        merged["content"] = BETWEEN_STEPS.join(texts) or None
        if reasoning := [text for message in messages if (text := a_text(message, "reasoning"))]:
            merged["reasoning"] = BETWEEN_STEPS.join(reasoning)
        for name in ("reasoning_details", "annotations"):
            if found := [one for message in messages for one in objects(message, name)]:
                merged[name] = found
        return merged

    def _opened(self, model: str, provider: str) -> DialectEvents:
        if self._events is None:
            self._events = self._dialect.open_events(
                self._call, generation_id=self._generation_id, model=model, provider=provider
            )
        return self._events

    async def _write(self, data: bytes) -> None:
        if data:
            await self._client.start_events()
            await self._client.write(data)


def _called(requested: Requested, finished: Finished | None = None) -> ToolCalled:
    """A call as dialects tell it."""
    use = requested.use
    item = TOOLS[use.slug].requested(requested.arguments or {}, use)
    called = ToolCalled(
        requested.id,
        use.slug,
        use.function,
        use.instance,
        requested.text,
        item,
        is_one_of_several=use.is_one_of_several,
    )
    if finished is None:
        return called
    ran = finished.ran
    return called._replace(item={**item, **ran.item}, result=finished.result, is_failed=ran.is_failed)


def _finish_reason(reason: Any, turn: Turn) -> Any:  # a provider's word
    """The reason, where the calls it is for are not the caller's."""
    return "stop" if reason == CALLS and turn.requested and not turn.is_callers_turn else reason


def _chunks(body: bytes | None) -> list[Json]:
    events = (body or b"").removesuffix(DONE).split(b"\n\n")
    return [msgspec.json.decode(event[6:]) for event in events if event.startswith(b"data: {")]


def _before_the_last(body: bytes | None) -> list[Json]:
    """What a step's end tells beside its usage: what plugins have to say."""
    return _chunks(body)[:-1]


def _last_chunk_of(body: bytes | None) -> Json:
    return _chunks(body)[-1]
