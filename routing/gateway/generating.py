"""One generation, from the decision to its end in the books: what a request without server tools has one of."""

from __future__ import annotations

import asyncio

import msgspec

from config.lib.ids import NewId
from routing.decision import Decision
from routing.errors import internal_error
from routing.gateway.admission import admit, count_served, judge
from routing.gateway.answering import produce
from routing.gateway.books import Opened
from routing.gateway.caching import with_caching
from routing.gateway.client import Client
from routing.gateway.ending import Ending, failed
from routing.gateway.policy_cache import KnownPolicy
from routing.gateway.preparing import Prepared
from routing.gateway.replaying import answer_again, free_of_charge, recall, remember
from routing.gateway.response_cache import Kept
from routing.gateway.runtime import Runtime

BROKEN = failed(internal_error(), None)
"""How a generation ends when something of ours is wrong."""


class Generated(msgspec.Struct, frozen=True):
    """A generation that is over and written down; what is left to be sent is in its ending."""

    opened: Opened
    decision: Decision
    ending: Ending
    is_repeated: bool = False
    """Whether the answer was there before (a cache's)."""


async def generate(
    runtime: Runtime,
    client: Client,
    known: KnownPolicy,
    prepared: Prepared,
    identifier: NewId,
    began_at: float,
    *,
    is_repeatable: bool = True,
) -> Generated:
    """Decide, set money aside, ask, write down. Raises RefusedError for what ends before a provider is called."""
    call = prepared.call
    decision = judge(runtime, known, prepared, identifier)  # 400, 402, 403, 404, 429
    with runtime.rates.counting(known.policy, known.rates_for(decision.model), call):  # 429, 503
        runtime.check_database()  # 503
        if is_repeatable:
            call = with_caching(call, client.headers, known.policy, decision)
        kept = await recall(runtime.cache, client, call.caching, decision) if call.caching else None
        if kept is not None:
            decision = free_of_charge(decision)
        decision, admission = await admit(runtime.leases, known, decision)  # 402, 403, 503
        opened = runtime.books.open(identifier, began_at, known, call, decision, admission)  # 503
        ending = await _conclude(runtime, client, opened, decision, kept)
        count_served(runtime, known, decision, ending)
        remember(runtime.cache, opened, ending)
    return Generated(opened, decision, ending, kept is not None)


async def _conclude(
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
