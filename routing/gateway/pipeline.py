"""The life of a request, from its key to its last byte. The page to read first; each step is a module beside it."""

from __future__ import annotations

import asyncio
import time

from config.lib.ids import NewId
from routing.call import Call
from routing.decision import Decision
from routing.errors import internal_error
from routing.gateway.admission import admit, arrange, authenticate, check_key, judge
from routing.gateway.answering import farewell, produce
from routing.gateway.books import Opened
from routing.gateway.client import Client, RefusedError
from routing.gateway.dialects import Dialect
from routing.gateway.ending import Ending, failed
from routing.gateway.runtime import Runtime

BROKEN = failed(internal_error(), None)
"""How a generation ends when something of ours is wrong."""


async def serve(runtime: Runtime, client: Client, dialect: Dialect, identifier: NewId) -> None:
    """Serve a request of any dialect. Raises RefusedError for what ends before a provider is called."""
    began_at = time.monotonic()
    known = await authenticate(runtime.policies, client.scope)  # 400, 401, 503
    call: Call | None = None
    try:
        check_key(known)  # 401, 403
        data = await client.read_body(runtime.limits.max_body_bytes)  # 413
        prepared = await runtime.bodies.read(dialect, data, client.headers, known.preparation)  # 400
        prepared = arrange(runtime, known, prepared)  # 400, 404
        call = prepared.call
        decision = judge(runtime, known, prepared, identifier)  # 400, 402, 403, 404, 429
        with runtime.rates.counting(known.policy, known.rated, call):  # 429, 503
            runtime.check_database()  # 503
            admission = await admit(runtime.leases, known, decision)  # 402, 403, 503
            opened = runtime.books.open(identifier, began_at, known, call, decision, admission)  # 503
            ending = await conclude(runtime, client, opened, decision)
            await farewell(client, opened, ending)
    except RefusedError as error:
        if not error.is_written:
            runtime.refusals.note(identifier, known.policy, call, error.refusal)
        raise


async def conclude(runtime: Runtime, client: Client, opened: Opened, decision: Decision) -> Ending:
    """Produce the answer and write its end down, whatever happens; only then is the last of it sent.

    A cancellation that is not ours comes when the process ends at once. Then no end is written: the request is
    settled as after a kill, at its last checkpoint; an end without a charge would give away what was delivered.
    """
    try:
        ending = await produce(runtime, client, opened, decision.attempts)
    except asyncio.CancelledError:
        raise
    except BaseException:
        runtime.books.close(opened, BROKEN.outcome)
        raise
    runtime.books.close(opened, ending.outcome)
    return ending
