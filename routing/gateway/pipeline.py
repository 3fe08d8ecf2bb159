"""The life of a request, from its key to its last byte. The page to read first; each step is a module beside it."""

from __future__ import annotations

import asyncio
import time

from config.lib.ids import NewId
from routing.call import Call
from routing.decision import Decision
from routing.errors import internal_error
from routing.gateway.admission import admit, arrange, authenticate, check_key, count_served, judge
from routing.gateway.answering import farewell, metadata_of_refusal, produce
from routing.gateway.books import Opened
from routing.gateway.caching import with_caching
from routing.gateway.client import Client, RefusedError
from routing.gateway.dialects import Dialect
from routing.gateway.ending import Ending, failed
from routing.gateway.preparing import with_variants
from routing.gateway.replaying import answer_again, free_of_charge, recall, remember
from routing.gateway.response_cache import Kept
from routing.gateway.runtime import Runtime

BROKEN = failed(internal_error(), None)
"""How a generation ends when something of ours is wrong."""


async def serve(runtime: Runtime, client: Client, dialect: Dialect, identifier: NewId) -> None:
    """Serve a request of any dialect. Raises RefusedError for what ends before a provider is called."""
    began_at = time.monotonic()
    known = await authenticate(runtime.policies, client.scope)  # 400, 401, 503
    client.subject.principal = known.policy.principal
    call: Call | None = None
    try:
        check_key(known)  # 401, 403
        data = await client.read_body(runtime.limits.max_body_bytes)  # 413
        prepared = await runtime.bodies.read(  # 400, 403, 429, 503
            dialect, data, client.headers, known.preparation, known.organization
        )
        prepared = with_variants(prepared, runtime.catalog, known.preparation)  # 400, 503
        prepared = arrange(runtime, known, prepared)  # 400, 404
        call = prepared.call
        decision = judge(runtime, known, prepared, identifier)  # 400, 402, 403, 404, 429
        with runtime.rates.counting(known.policy, known.rates_for(decision.model), call):  # 429, 503
            runtime.check_database()  # 503
            call = with_caching(call, client.headers, known.policy, decision)
            kept = await recall(runtime.cache, client, call.caching, decision) if call.caching else None
            if kept is not None:
                decision = free_of_charge(decision)
            decision, admission = await admit(runtime.leases, known, decision)  # 402, 403, 503
            opened = runtime.books.open(identifier, began_at, known, call, decision, admission)  # 503
            ending = await conclude(runtime, client, opened, decision, kept)
            count_served(runtime, known, decision, ending)
            remember(runtime.cache, opened, ending)
            await farewell(runtime, client, opened, decision, ending, is_repeated=kept is not None)
    except RefusedError as error:
        if not error.is_written:
            runtime.refusals.note(identifier, known.policy, call, error)
        error.metadata = metadata_of_refusal(runtime, client, call, error)
        raise


async def conclude(
    runtime: Runtime, client: Client, opened: Opened, decision: Decision, kept: Kept | None
) -> Ending:
    """Produce the answer and write its end down, whatever happens; only then is the last of it sent.

    A cancellation that is not ours comes when the process ends at once. Then no end is written: the request is
    settled as after a kill, at its last checkpoint; an end without a charge would give away what was delivered.
    """
    try:
        if kept is not None:
            ending = answer_again(client, opened, kept, decision)
        else:
            ending = await produce(runtime, client, opened, decision.attempts)
    except asyncio.CancelledError:
        raise
    except BaseException:
        runtime.books.close(opened, BROKEN.outcome)
        raise
    content = None if opened.wanted is None else await runtime.recorder.content_of(opened, ending)
    runtime.books.close(opened, ending.outcome, content)
    return ending
