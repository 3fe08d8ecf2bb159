"""The loop of a request whose model may call server tools (SPEC §8).

Each answer of the model is a generation of its own, on the same way as any other: it is decided on, money is set aside
for it, and it is written down when it is over. So a limit can end a loop and is never overrun by it, and whatever
happens in the middle, what ran is charged once. `tally` adds up what all of them used.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from typing import Any

import msgspec

from config.lib.ids import NewId, new_id
from routing.call import COUNTED, NO_PREFERENCES, Call, Origin, ProviderPreferences
from routing.decision import NOTHING_FOUND
from routing.errors import Refusal, invalid_request
from routing.gateway.admission import arrange, authenticate, check_key, judge
from routing.gateway.answering import farewell, refuse
from routing.gateway.client import COMMENT, Client, RefusedError
from routing.gateway.dialects import CHAT, DIALECTS, KEEP_ALIVE
from routing.gateway.dialects.chat import BYTES_PER_TOKEN, count_prompt_tokens, count_tokens
from routing.gateway.ending import STOPPING
from routing.gateway.generating import Generated, generate
from routing.gateway.policy_cache import KnownPolicy
from routing.gateway.preparing import Prepared, with_variants
from routing.gateway.runtime import Runtime
from routing.gateway.server_tools.bench import Place, Said, ToolBench
from routing.gateway.server_tools.caller import Caller
from routing.gateway.server_tools.inner import inner_headers
from routing.gateway.server_tools.limits import MOST_AT_ONCE, MOST_RESULT_BYTES, Allowance, Progress
from routing.gateway.server_tools.reading import Asked, has_server_tools, read_server_tools
from routing.gateway.server_tools.screening import screened
from routing.gateway.server_tools.sink import StepSink, step_client
from routing.gateway.server_tools.tally import Tally
from routing.gateway.server_tools.turn import Finished, Requested, Turn, said_again, turn_of
from routing.gateway.watch import Interrupted, Reason
from routing.plugins.bench import Failed
from routing.plugins.running import AFTER
from routing.providers.openai import encode
from routing.tools import TOOLS
from routing.tools.tool import Json, Ran, failed

TOOLS_SECONDS = 900.0
"""How long the tools of one answer may take together; each has bounds of its own."""
TOOLS_LATE = Refusal(504, "timeout", "The server tools took too long.", "server_tools")
NO_OBJECT = "The arguments are not a JSON object."
OUT_OF_CALLS = "No more calls of tools are left for this request. Answer with what you know."
TOO_LARGE = (
    "The result is too large beside all that tools have brought before. Ask for less, or go on without."
)
NO_TOOLS = "none"
DENY = "deny"
BROKEN_TOOL = "The tool failed."

log = logging.getLogger(__name__)


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
        self._memory: dict[str, Any] = {}
        self._known_ids: set[str] = set()
        self._caller = Caller(
            client, DIALECTS[client.dialect or asked.call.dialect], asked.call, identifier.public
        )
        self._is_last = asked.call.body.get("tool_choice") == NO_TOOLS
        """Whether what the model calls is not run any more, whatever it says."""
        self._turns = asyncio.Semaphore(MOST_AT_ONCE)
        self._room = MOST_RESULT_BYTES

    async def run(self, began_at: float) -> None:
        """Ask, run what is called, ask again, until the model has answered or may not go on."""
        self._check_models()
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
        return self._next(made, turn, ran)

    async def _step(self, call: Call, began_at: float) -> tuple[Generated, Json | None]:
        """One answer of the model: its generation, and its message where there is any."""
        is_first = not self._progress.steps
        identifier = self._identifier if is_first else new_id()
        if not is_first:
            self._known = await authenticate(self._runtime.policies, self._client.scope)
            check_key(self._known)
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
            asyncio.create_task(self._run_tool(requested, place, has_call=number < left))
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

    async def _run_tool(self, requested: Requested, place: Place, *, has_call: bool) -> Finished:
        use = requested.use
        began_at = time.monotonic()
        place = place._replace(headers=inner_headers(self._client.headers, use.slug))
        bench = ToolBench(
            self._runtime,
            place,
            use,
            self._memory,
            lambda client, body: self._serve_inner(client, body, place, use.slug),
            lambda event, fields: self._caller.tell(requested, event, fields),
        )
        if not has_call:
            ran = failed(OUT_OF_CALLS)
        elif requested.arguments is None:
            ran = failed(NO_OBJECT)
        else:
            async with self._turns:
                began_at = time.monotonic()
                self.tally.calls[use.slug] += 1
                ran = await _run(requested, bench)
            self.tally.executed += not ran.is_failed
            self.tally.searches += ran.searches
            self.tally.fetches += ran.fetches
        ran, found = await screened(
            ran, self._runtime.bodies, self._known.preparation, self._known.organization
        )
        ran, result = self._fitting(ran)
        stage = _stage(requested, ran, time.monotonic() - began_at)
        return Finished(requested, ran, result, (stage, *found))

    def _fitting(self, ran: Ran) -> tuple[Ran, str]:
        """The result, or in its place that there is no more room for it."""
        result = encode(ran.result)
        if len(result) > self._room and not ran.is_failed:
            ran = failed(TOO_LARGE)
            result = encode(ran.result)
        self._room -= len(result)
        return ran, result.decode()

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
            known = await authenticate(runtime.policies, self._client.scope)
            check_key(known)
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

    def _next(self, made: Generated, turn: Turn, ran: tuple[Finished, ...]) -> Call:
        """The call with which the model goes on: what it said and what the tools say, and nothing twice."""
        before = made.ending.asked or made.opened.call
        results = [{"role": "tool", "tool_call_id": one.requested.id, "content": one.result} for one in ran]
        added = [said_again(turn), *results]
        self._is_last = self._asked.limits.are_reached(self._progress) or self._allowance.is_spent
        body = {**before.body, "messages": _longer(before.body["messages"], added)}
        body.pop("tool_choice", None)
        parameters = before.parameters - {"tool_choice"}
        if self._is_last:
            body["tool_choice"], parameters = NO_TOOLS, parameters | {"tool_choice"}
        counted = count_prompt_tokens(before) + sum(count_tokens(one["content"] or "") for one in added)
        return msgspec.structs.replace(
            before,
            body=body,
            models=_served_first(before.models, made),
            parameters=parameters,
            prompt_tokens=before.prompt_tokens + len(encode(added)) // BYTES_PER_TOKEN,
            detail={**before.detail, COUNTED: counted},
            plugins={slug: config for slug, config in before.plugins.items() if slug in AFTER},
            plugin_femto=0,
            annotations=(),
            stages=tuple([stage for one in ran for stage in one.stages]),
            origin=Origin(self._request, self._progress.steps + 1, _tool_of(self._asked.call)),
        )

    def _check_models(self) -> None:
        """Refuse a model that a tool might ask and may not, before anything has run. Raises RefusedError."""
        place, checked = self._place(self._asked.call), set()
        for use in self._asked.uses.values():
            bench = ToolBench(self._runtime, place, use, {}, _serve_nothing, lambda event, fields: None)
            for model, where in TOOLS[use.slug].models_of(use, bench):
                if model not in checked:
                    _check_model(self._runtime, self._known, self._asked.call, where, model)
                    checked.add(model)


def _check_model(runtime: Runtime, known: KnownPolicy, call: Call, where: str, model: str) -> None:
    wished = Call(
        CHAT.slug, (model,), {}, is_streamed=False, prompt_tokens=1, max_tokens=1, region=call.region
    )
    prepared = Prepared(msgspec.structs.replace(wished, preferences=NO_PREFERENCES), NOTHING_FOUND)
    try:
        prepared = arrange(runtime, known, with_variants(prepared, runtime.catalog, known.preparation), {})
        judge(runtime, known, prepared, new_id())
    except RefusedError as error:
        refusal = error.refusal
        message = f"'{where}': {refusal.message}"
        metadata = {**refusal.metadata, "parameter": where}
        raise RefusedError(_replaced(refusal, message, metadata), decision=error.decision) from None


def _as_private(inner: ProviderPreferences, outer: ProviderPreferences) -> ProviderPreferences:
    """An inner request's preferences, as strict as the caller's about who may keep what is said."""
    return msgspec.structs.replace(
        inner,
        zdr=outer.zdr or inner.zdr,
        data_collection=DENY if DENY in (outer.data_collection, inner.data_collection) else None,
    )


def _replaced(refusal: Refusal, message: str, metadata: dict[str, Any]) -> Refusal:
    return dataclasses.replace(refusal, message=message, metadata=metadata)


async def _serve_nothing(client: Client, body: Json) -> None:
    raise RefusedError(invalid_request("Nothing is asked here."))


async def _run(requested: Requested, bench: ToolBench) -> Ran:
    """What the call came to, whatever happens."""
    try:
        return await TOOLS[requested.use.slug].run(requested.arguments or {}, requested.use, bench)
    except Failed as fault:
        return failed(f"{BROKEN_TOOL.removesuffix('.')}: {fault}.")
    except RefusedError as error:
        return failed(error.refusal.message)
    except Exception:
        log.exception("the server tool %s failed", requested.use.slug)
        return failed(BROKEN_TOOL)


async def _end_all(tasks: list[asyncio.Task[Finished]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _stage(requested: Requested, ran: Ran, seconds: float) -> dict[str, Any]:
    """The call as the router metadata's `pipeline` and the log tell of it."""
    slug = requested.use.slug
    data: dict[str, Any] = {"function": requested.use.function, "milliseconds": int(seconds * 1000)}
    if ran.searches or ran.fetches:
        data |= {"calls": ran.searches + ran.fetches, **ran.told}
    return {
        "type": "server_tool",
        "name": slug,
        "summary": f"{TOOLS[slug].name} {'failed' if ran.is_failed else 'ran'}",
        "data": data | ({"failed": True} if ran.is_failed else {}),
    }


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


def _served_first(models: tuple[str, ...], made: Generated) -> tuple[str, ...]:
    """The models with the one in front that answered: a conversation goes on where it began."""
    attempt = made.ending.outcome.attempt
    served = attempt.endpoint.model if attempt else ""
    for slug in models[1:]:
        if served in (slug, slug.partition(":")[0]) and served != models[0].partition(":")[0]:
            return (slug, *[one for one in models if one != slug])
    return models


def _tool_of(call: Call) -> str:
    return call.origin.tool if call.origin else ""


def _longer(messages: Any, added: list[Json]) -> Any:  # messages, or their JSON text
    """The conversation and what is new; what came as JSON text goes on as such."""
    if isinstance(messages, msgspec.Raw):
        return msgspec.Raw(bytes(messages).rstrip()[:-1] + b"," + encode(added)[1:])
    return [*messages, *added]
