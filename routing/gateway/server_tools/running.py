"""Run what a model calls: each call in a task of its own, several at once, and its result as it may be shown."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from routing.gateway.bodies import LARGE_BYTES
from routing.gateway.client import Client, RefusedError
from routing.gateway.dialects.chat import LETTERS_PER_TOKEN, count_tokens
from routing.gateway.runtime import Runtime
from routing.gateway.server_tools.bench import Place, ToolBench
from routing.gateway.server_tools.caller import Caller
from routing.gateway.server_tools.inner import inner_headers
from routing.gateway.server_tools.limits import MOST_AT_ONCE, MOST_RESULT_BYTES
from routing.gateway.server_tools.screening import screened
from routing.gateway.server_tools.tally import Tally
from routing.gateway.server_tools.turn import Finished, Requested
from routing.plugins.bench import Failed
from routing.providers.openai import encode
from routing.tools import TOOLS
from routing.tools.tool import Json, Ran, failed

NO_OBJECT = "The arguments are not a JSON object."
OUT_OF_CALLS = "No more calls of tools are left for this request. Answer with what you know."
TOO_LARGE = (
    "The result is too large beside all that tools have brought before. Ask for less, or go on without."
)
BROKEN_TOOL = "The tool failed."

ServeInner = Callable[[Client, Json, Place, str], Awaitable[None]]
"""Serves a request that a tool makes: its client and body, where the tool runs, and which it is."""

log = logging.getLogger(__name__)


class Runner:
    """Runs the calls of one request's tools."""

    def __init__(
        self, runtime: Runtime, client: Client, caller: Caller, tally: Tally, serve: ServeInner
    ) -> None:
        self._runtime, self._client, self._caller = runtime, client, caller
        self._tally, self._serve = tally, serve
        self._memory: dict[str, Any] = {}
        self._turns = asyncio.Semaphore(MOST_AT_ONCE)
        self._room = MOST_RESULT_BYTES

    async def run(self, requested: Requested, place: Place, *, has_call: bool) -> Finished:
        """One call, whatever becomes of it; `has_call`: it is not one too many."""
        began_at = time.monotonic()
        if not has_call:
            ran = failed(OUT_OF_CALLS)
        elif requested.arguments is None:
            ran = failed(NO_OBJECT)
        else:
            async with self._turns:
                began_at = time.monotonic()
                ran = await self._called(requested, place)
        ran, found = await screened(
            ran, self._runtime.bodies, place.known.preparation, place.known.organization
        )
        ran, result = self._fitting(ran)
        tokens = await self._counted(result, place.known.organization)
        stage = _stage(requested, ran, time.monotonic() - began_at)
        return Finished(requested, ran, result, tokens, (stage, *found))

    async def _called(self, requested: Requested, place: Place) -> Ran:
        slug, tally = requested.use.slug, self._tally
        tally.calls[slug] += 1
        ran = await _run(requested, self._bench(requested, place))
        tally.executed += not ran.is_failed
        tally.searches += ran.searches
        tally.fetches += ran.fetches
        return ran

    def _bench(self, requested: Requested, place: Place) -> ToolBench:
        slug = requested.use.slug
        place = place._replace(headers=inner_headers(self._client.headers, slug))
        return ToolBench(
            self._runtime,
            place,
            requested.use,
            self._memory,
            lambda client, body: self._serve(client, body, place, slug),
            lambda event, fields: self._caller.tell(requested, event, fields),
        )

    def _fitting(self, ran: Ran) -> tuple[Ran, str]:
        """The result, or in its place that there is no more room for it."""
        result = encode(ran.result)
        if len(result) > self._room and not ran.is_failed:
            ran = failed(TOO_LARGE)
            result = encode(ran.result)
        self._room -= len(result)
        return ran, result.decode()

    async def _counted(self, result: str, organization: int) -> int:
        """The tokens of a result; counting a large one here would stall the loop."""
        if len(result) <= LARGE_BYTES:
            return count_tokens(result)
        try:
            return await self._runtime.bodies.elsewhere(organization, count_tokens, result)
        except RefusedError:
            return len(result) // LETTERS_PER_TOKEN


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
