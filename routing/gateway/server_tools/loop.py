"""The loop of a request whose model may call server tools (SPEC §8).

Each answer of the model is a generation of its own, on the same way as any other: it is decided on, money is set aside
for it, and it is written down when it is over. So a limit can end a loop and is never overrun by it, and whatever
happens in the middle, what ran is charged once. `tally` adds up what all of them used.
"""

from __future__ import annotations

import asyncio
import time

import msgspec

from config.lib.ids import NewId, new_id
from routing.call import Call, Origin, ProviderPreferences
from routing.errors import Refusal
from routing.gateway.admission import arrange, authenticate_again
from routing.gateway.answering import farewell, refuse
from routing.gateway.client import COMMENT, Client, RefusedError
from routing.gateway.dialects import CHAT, DIALECTS, KEEP_ALIVE
from routing.gateway.ending import STOPPING
from routing.gateway.generating import Generated, generate
from routing.gateway.policy_cache import KnownPolicy
from routing.gateway.preparing import Prepared, with_variants
from routing.gateway.runtime import Runtime
from routing.gateway.server_tools.bench import Place, Said
from routing.gateway.server_tools.caller import Caller
from routing.gateway.server_tools.checking import check_models
from routing.gateway.server_tools.going_on import NO_TOOLS, next_call
from routing.gateway.server_tools.limits import Allowance, Progress
from routing.gateway.server_tools.reading import Asked, has_server_tools, read_server_tools
from routing.gateway.server_tools.running import Runner
from routing.gateway.server_tools.sink import StepSink, step_client
from routing.gateway.server_tools.tally import Tally
from routing.gateway.server_tools.turn import Finished, Turn, turn_of
from routing.gateway.watch import Interrupted, Reason
from routing.providers.openai import encode
from routing.tools.tool import Json

TOOLS_SECONDS = 900.0
"""How long the tools of one answer may take together; each has bounds of its own."""
TOOLS_LATE = Refusal(504, "timeout", "The server tools took too long.", "server_tools")
DENY = "deny"


async def serve_with_tools(
    runtime: Runtime,
    client: Client,
    known: KnownPolicy,
    prepared: Prepared,
    asked: Asked,
    identifier: NewId,
    began_at: float,
) -> None:
    """Serve a request with server tools. Raises RefusedError for what ends before the model is asked at all."""
    loop = Loop(runtime, client, known, prepared, asked, identifier, Allowance())
    await loop.run(began_at)


class Loop:
    """One request. Belongs to the task that serves it."""

    def __init__(
        self,
        runtime: Runtime,
        client: Client,
        known: KnownPolicy,
        prepared: Prepared,
        asked: Asked,
        identifier: NewId,
        allowance: Allowance,
    ) -> None:
        self._runtime, self._client, self._known = runtime, client, known
        self._prepared, self._asked, self._identifier = prepared, asked, identifier
        self.tally, self._allowance = Tally(), allowance
        origin = asked.call.origin
        self._request = origin.request if origin else identifier.text
        """The first generation of the request that a person or a program made."""
        self._progress = Progress()
        self._known_ids: set[str] = set()
        self._caller = Caller(
            client, DIALECTS[client.dialect or asked.call.dialect], asked.call, identifier.public
        )
        self._is_last = asked.call.body.get("tool_choice") == NO_TOOLS
        """Whether what the model calls is not run any more, whatever it says."""
        self._runner = Runner(runtime, client, self._caller, self.tally, self._serve_inner)

    async def run(self, began_at: float) -> None:
        """Ask, run what is called, ask again, until the model has answered or may not go on."""
        check_models(self._runtime, self._place(self._asked.call), self._asked.uses.values())
        call: Call | None = self._asked.call
        self._client.is_streamed = self._asked.call.is_streamed
        self._client.keep_alive = KEEP_ALIVE.get(self._asked.call.dialect, COMMENT)
        while call is not None:
            try:
                call = await self._go_on(call, began_at)
            except RefusedError as error:
                if not self._progress.steps:
                    raise
                await self._caller.refuse(error.refusal, self.tally)
                return
            except Interrupted as stop:
                if stop.reason is Reason.GONE:
                    return
                await self._caller.refuse(
                    STOPPING if stop.reason is Reason.STOPPING else TOOLS_LATE, self.tally
                )
                return
            began_at = time.monotonic()

    async def _go_on(self, call: Call, began_at: float) -> Call | None:
        """One answer, and the tools that it calls: the call with which it goes on, None when all is said.

        Raises RefusedError, Interrupted.
        """
        made, message = await self._step(call, began_at)
        if made.ending.refusal is not None or message is None:
            await self._caller.end_badly(self._runtime, made, self.tally)
            return None
        turn = turn_of(message, self._asked.uses, self._known_ids)
        if not turn.requested or self._is_last:
            await self._caller.finish(self._runtime, made, turn, (), self.tally)
            return None
        ran = await self._run_tools(turn, made)
        if turn.is_callers_turn:
            await self._caller.finish(self._runtime, made, turn, ran, self.tally)
            return None
        self._caller.keep(turn, ran)
        self._is_last = self._asked.limits.are_reached(self._progress) or self._allowance.is_spent
        asking = self._asked.call.origin
        origin = Origin(self._request, self._progress.steps + 1, asking.tool if asking else "")
        return next_call(made, turn, ran, origin, is_last=self._is_last)

    async def _step(self, call: Call, began_at: float) -> tuple[Generated, Json | None]:
        """One answer of the model: its generation, and its message where there is any."""
        is_first = not self._progress.steps
        identifier = self._identifier if is_first else new_id()
        if not is_first:
            self._known = await authenticate_again(self._runtime.policies, self._known)
        sink = StepSink(self._asked.uses, self._identifier.public, self._caller.show, is_first=is_first)
        client = step_client(self._client, sink)
        prepared = Prepared(call, self._prepared.scan)
        try:
            made = await generate(
                self._runtime, client, self._known, prepared, identifier, began_at, is_repeatable=False
            )
        except RefusedError as error:
            if not is_first and not error.is_written:
                self._runtime.refusals.note(identifier, self._known.policy, call, error)
            raise
        if not is_first:
            self._allowance.count()
        self.tally.add_step(made.ending.outcome)
        await self._caller.note(made, sink.last)
        self._progress.steps += 1
        self._note_progress(made)
        return made, _message_of(made, sink)

    def _note_progress(self, made: Generated) -> None:
        progress, outcome = self._progress, made.ending.outcome
        progress.cost_nano, progress.tokens = self.tally.cost_nano, self.tally.tokens
        progress.finish_reason = outcome.finish_reason

    async def _run_tools(self, turn: Turn, made: Generated) -> tuple[Finished, ...]:
        """Run what the model calls, several at once. Raises Interrupted with every one of them ended."""
        left = self._asked.limits.calls_left(self._progress)
        self.tally.requested += len(turn.requested)
        await self._caller.begin_tools(turn, made)
        place = self._place(made.ending.asked or made.opened.call)
        tasks = [
            asyncio.create_task(self._runner.run(requested, place, has_call=number < left))
            for number, requested in enumerate(turn.requested)
        ]
        try:
            with self._client.watch.within(TOOLS_SECONDS):
                ran = await self._caller.follow(tasks)
        finally:
            await _end_all(tasks)
        self._progress.calls += min(left, len(turn.requested))
        self._progress.called = frozenset(
            name for one in turn.requested for name in (one.use.function, one.use.slug, one.use.type)
        )
        self._progress.cost_nano, self._progress.tokens = self.tally.cost_nano, self.tally.tokens
        return tuple(ran)

    def _place(self, call: Call) -> Place:
        origin = Origin(self._request, self._progress.steps)
        return Place(self._known, call, Said(call.body), origin, [], self.tally, self._allowance)

    async def _serve_inner(self, client: Client, body: Json, place: Place, tool: str) -> None:
        """Serve a request that a tool makes, on the way of any other."""
        runtime, identifier, began_at = self._runtime, new_id(), time.monotonic()
        client.subject = self._client.subject
        runtime.open_requests.add(client)
        known, call = place.known, None
        try:
            self._allowance.take()
            known = await authenticate_again(runtime.policies, place.known)
            prepared = await runtime.bodies.read(
                CHAT, encode(body), client.headers, known.preparation, known.organization
            )
            prepared = with_variants(prepared, runtime.catalog, known.preparation)
            prepared = arrange(runtime, known, prepared, client.headers)
            origin = msgspec.structs.replace(place.origin, tool=tool)
            call = msgspec.structs.replace(
                prepared.call,
                origin=origin,
                attribution=place.call.attribution,
                region=place.call.region,
                preferences=_as_private(prepared.call.preferences, place.call.preferences),
            )
            await self._serve_call(client, known, Prepared(call, prepared.scan), identifier, began_at, tool)
        except RefusedError as error:
            if not error.is_written:
                runtime.refusals.note(identifier, known.policy, call, error)
            await refuse(client, CHAT, error.refusal)
        except Interrupted:
            pass
        finally:
            runtime.open_requests.discard(client)

    async def _serve_call(
        self,
        client: Client,
        known: KnownPolicy,
        prepared: Prepared,
        identifier: NewId,
        began_at: float,
        tool: str,
    ) -> None:
        runtime = self._runtime
        if has_server_tools(prepared.call):
            asked = read_server_tools(prepared.call, client.headers, known.policy, runtime.limits.operator)
            inner = Loop(runtime, client, known, prepared, asked, identifier, self._allowance)
            try:
                await inner.run(began_at)
            finally:
                self.tally.add_loop(tool, inner.tally)
            return
        made = await generate(runtime, client, known, prepared, identifier, began_at, is_repeatable=False)
        self.tally.add_inner(tool, made.ending.outcome.usage, made.ending.outcome.cost)
        await farewell(runtime, client, made.opened, made.decision, made.ending)


def _as_private(inner: ProviderPreferences, outer: ProviderPreferences) -> ProviderPreferences:
    """An inner request's preferences, as strict as the caller's about who may keep what is said."""
    return msgspec.structs.replace(
        inner,
        zdr=outer.zdr or inner.zdr,
        data_collection=DENY if DENY in (outer.data_collection, inner.data_collection) else None,
    )


async def _end_all(tasks: list[asyncio.Task[Finished]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _message_of(made: Generated, sink: StepSink) -> Json | None:
    """What the model said; None where nothing came that could be gone on with."""
    ending = made.ending
    if ending.outcome.status != "completed":
        return None
    if made.opened.call.is_streamed:
        return sink.assembly.message()
    if ending.body is None:
        return None
    choice = msgspec.json.decode(ending.body)["choices"][0]
    message = choice.get("message")
    return message if isinstance(message, dict) else {"role": "assistant", "content": None}
