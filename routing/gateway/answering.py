"""Get the answer from a provider, stream it or hold it until it is whole, and say the last word to the caller."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from routing.call import Call
from routing.decide import suggestions
from routing.decision import Attempt, Decision
from routing.errors import Refusal, error_headers, invalid_request
from routing.gateway.attempts import NobodyAnswered, Served
from routing.gateway.books import Opened, Outcome
from routing.gateway.client import COMMENT, JSON, Client, RefusedError
from routing.gateway.dialects import DIALECTS, KEEP_ALIVE, Dialect
from routing.gateway.ending import (
    DROPPED,
    Ending,
    bill,
    detail_of,
    failed,
    heard,
    not_served,
    with_plugins,
    withheld,
)
from routing.gateway.observing import observe
from routing.gateway.output_guard import Looked, look_elsewhere
from routing.gateway.router_metadata import DIALECTS as DIALECTS_TOLD
from routing.gateway.router_metadata import (
    in_answer,
    in_last_event,
    is_told,
    is_wanted,
    metadata_of,
    tried_by,
)
from routing.gateway.runtime import Runtime
from routing.gateway.said import output_of
from routing.gateway.streaming import Relay
from routing.gateway.watch import Interrupted, Reason
from routing.pricing import usage_object
from routing.providers import Answer
from routing.providers.openai import encode
from routing.providers.wire_format import tier_of
from routing.tool_calls import StreamedCalls

MOST_TOKENS_HERE = 30_000
"""Of an answer that is looked at on the event loop; more would stall it."""
CHARACTERS_PER_TOKEN = 4
PLUGIN_SECONDS = 120.0
"""How long the plugins of a request may take together, before and after the answer."""
PLUGINS_LATE = invalid_request(
    "The files that the request names took too long to read.", parameter="messages"
)
NO_CALL = Call("", (), {}, is_streamed=True, prompt_tokens=0, max_tokens=None)


async def produce(runtime: Runtime, client: Client, opened: Opened, attempts: Sequence[Attempt]) -> Ending:
    """How the generation ends; of a stream, everything but the last event has been sent by then."""
    dialect = _spoken(client, opened)
    client.is_streamed = opened.call.is_streamed
    client.keep_alive = KEEP_ALIVE.get(dialect.slug, COMMENT)
    return await (_with_plugins if opened.call.plugins else _answered)(runtime, client, opened, attempts)


def _spoken(client: Client, opened: Opened) -> Dialect:
    return DIALECTS[client.dialect or opened.call.dialect]


async def _with_plugins(
    runtime: Runtime, client: Client, opened: Opened, attempts: Sequence[Attempt]
) -> Ending:
    """The answer to what plugins make of the request; what they cost is charged with it, or not at all."""
    work, preparation, catalog = runtime.plugin_work, opened.known.preparation, runtime.catalog
    try:
        with client.watch.within(PLUGIN_SECONDS):
            call = await work.before(opened.call, attempts, preparation, catalog, opened.known.organization)
    except RefusedError as error:
        return failed(error.refusal, None)
    except Interrupted as stop:
        return failed(PLUGINS_LATE, None) if stop.reason is Reason.LATE else not_served(stop.reason)
    ending = await _answered(runtime, client, replace(opened, call=call), attempts)
    return with_plugins(ending, call)


async def _healed(runtime: Runtime, client: Client, opened: Opened, answer: Answer) -> Opened:
    """What plugins make of a whole answer, in place; an answer that is there is not lost to them."""
    try:
        with client.watch.within(PLUGIN_SECONDS):
            preparation, catalog = opened.known.preparation, runtime.catalog
            call = await runtime.plugin_work.after(
                opened.call, answer.body, preparation, catalog, opened.known.organization
            )
    except (RefusedError, Interrupted):
        return opened
    return replace(opened, call=call)


async def _answered(runtime: Runtime, client: Client, opened: Opened, attempts: Sequence[Attempt]) -> Ending:
    """The first provider's answer, whole or passed on."""
    dialect = _spoken(client, opened)
    try:
        served = await runtime.attempts.first_that_answers(opened, attempts, client.watch)
    except NobodyAnswered as error:
        return heard(failed(_suggesting(runtime, opened, error.refusal), error.attempt, error.tried), opened)
    except Interrupted as stop:
        return heard(not_served(stop.reason), opened)
    except RecursionError:
        return failed(invalid_request("The request's JSON is nested too deeply."), None)
    streamed = None
    if isinstance(served.answer, Answer):
        if opened.call.plugins:
            opened = await _healed(runtime, client, opened, served.answer)
        ending = await _whole(runtime, dialect, opened, served, served.answer)
    else:
        streamed = StreamedCalls() if "tools" in opened.call.parameters else None
        relay = Relay(client, dialect, runtime.books, opened, served, served.answer, runtime.bodies, streamed)
        ending = await relay.run(runtime.attempts.patience)
    observe(runtime, opened, served, ending, streamed)
    return ending


def _suggesting(runtime: Runtime, opened: Opened, refusal: Refusal) -> Refusal:
    """The refusal with what could be asked instead, where that is of use."""
    if refusal.availability is None:
        return refusal
    policy, now = opened.known.policy, datetime.now(UTC)
    return refusal.suggesting(suggestions(policy, opened.call, runtime.catalog, now))


async def _whole(
    runtime: Runtime, dialect: Dialect, opened: Opened, served: Served, answer: Answer
) -> Ending:
    endpoint = served.attempt.endpoint
    charge = bill(opened, served.attempt, answer.usage, answer.counted_tokens, answer.finish_reason)
    looked = await _look(runtime, opened, answer)
    outcome = Outcome(
        "completed",
        served.attempt,
        charge.usage,
        charge.cost,
        is_estimated=charge.is_estimated,
        http_status=200,
        finish_reason=answer.finish_reason,
        native_finish_reason=answer.native_finish_reason,
        upstream_id=answer.upstream_id,
        asked_at=served.asked_at,
        first_at=served.first_at,
        detail=detail_of(opened, served, looked.stages, tier=tier_of(answer.body)),
    )
    if looked.refusal is not None:  # the provider has done its work: it is charged, and not shown
        return heard(withheld(outcome, looked.refusal), opened)
    output = None if opened.wanted is None else output_of(looked.body)
    repeatable = encode(looked.body) if opened.call.caching else None
    body = dialect.finish_answer(
        opened.call,
        looked.body,
        generation_id=opened.public_id,
        model=endpoint.model,
        provider=endpoint.provider.name,
        usage=usage_object(charge.usage, charge.cost, is_byok=served.attempt.is_byok),
    )
    return heard(Ending(outcome, body, repeatable=repeatable), opened, output)


async def _look(runtime: Runtime, opened: Opened, answer: Answer) -> Looked:
    """The answer as the guardrails let it out."""
    guard = opened.known.preparation.outputs
    if guard is None:
        return Looked(answer.body)
    if answer.counted_tokens <= MOST_TOKENS_HERE and not guard.is_dear(
        answer.counted_tokens * CHARACTERS_PER_TOKEN
    ):
        return guard.look(answer.body)
    try:
        return await runtime.bodies.elsewhere(
            opened.known.organization, look_elsewhere, answer.body, guard.rules
        )
    except RefusedError as error:
        return Looked(answer.body, refusal=error.refusal)


async def farewell(
    runtime: Runtime,
    client: Client,
    opened: Opened,
    decision: Decision,
    ending: Ending,
    *,
    is_repeated: bool = False,
) -> None:
    """Send what is left: the answer, the last events, or an error in the shape that still fits.

    What is repeated from the cache says nothing of how it was routed.
    """
    metadata = None if is_repeated else metadata_for(runtime, client, opened, decision, ending)
    body = ending.body
    if ending.refusal is not None:
        if client.has_started and body is not None:
            await client.finish(in_last_event(body, metadata) if metadata else body)
        else:
            dialect, attempt = DIALECTS[opened.call.dialect], ending.outcome.attempt
            await refuse(client, dialect, ending.refusal, opened, attempt, metadata)
    elif body is None:
        return
    elif client.is_streamed:
        await client.start_events()
        await client.finish(in_last_event(body, metadata) if metadata else body)
    else:
        await client.answer(200, in_answer(body, metadata) if metadata else body)


def metadata_for(
    runtime: Runtime, client: Client, opened: Opened, decision: Decision, ending: Ending
) -> Mapping[str, Any] | None:
    """The router metadata of a request for which a provider was, or would have been, asked; if it is asked for."""
    if not is_wanted(client.headers):
        return None
    outcome, refusal = ending.outcome, ending.refusal
    if opened.call.dialect not in DIALECTS_TOLD or (refusal and not is_told(opened.call, refusal)):
        return None
    asked_at = outcome.asked_at
    return metadata_of(
        opened.call,
        decision,
        runtime.catalog,
        region=runtime.limits.region,
        tried=tried_by(outcome.attempt, outcome.detail, has_answered=asked_at is not None),
        served=None if refusal else outcome.attempt,
        milliseconds=None if asked_at is None else int((time.monotonic() - asked_at) * 1000),
        dropped=outcome.detail.get(DROPPED, ()),
        stages=outcome.detail.get("pipeline"),
    )


def metadata_of_refusal(
    runtime: Runtime, client: Client, call: Call | None, error: RefusedError
) -> Mapping[str, Any] | None:
    """The router metadata of a request that was refused before any provider, if it is to have any."""
    if call is None or error.decision is None or not is_wanted(client.headers):
        return None
    if not is_told(call, error.refusal):
        return None
    return metadata_of(call, error.decision, runtime.catalog, region=runtime.limits.region)


async def refuse(
    client: Client,
    dialect: Dialect,
    refusal: Refusal,
    opened: Opened | None = None,
    attempt: Attempt | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Send an error: as a response, or as the only event of a stream that is nothing but kept alive so far."""
    generation_id = opened.public_id if opened else None
    if not client.has_started:
        body = dialect.refuse(refusal, generation_id=generation_id)
        body = in_answer(body, metadata) if metadata else body
        client.watch.is_over = True
        await client.answer(refusal.status, body, [JSON, *error_headers(refusal)])
        return
    endpoint = attempt.endpoint if attempt else None
    events = dialect.open_events(
        opened.call if opened else NO_CALL,
        generation_id=generation_id or "",
        model=endpoint.model if endpoint else (opened.model if opened else ""),
        provider=endpoint.provider.name if endpoint else "",
    )
    last = events.fail(refusal)
    await client.finish(in_last_event(last, metadata) if metadata else last)
