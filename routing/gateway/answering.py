"""Get the answer from a provider, stream it or hold it until it is whole, and say the last word to the caller."""

from __future__ import annotations

import time
from collections.abc import Sequence

from msgspec.structs import replace

from routing.call import Call
from routing.decision import Attempt
from routing.errors import Refusal, error_headers, invalid_request
from routing.gateway.attempts import NobodyAnswered, Served
from routing.gateway.books import Opened, Outcome
from routing.gateway.client import COMMENT, JSON, Client, RefusedError
from routing.gateway.dialects import DIALECTS, KEEP_ALIVE, Dialect
from routing.gateway.ending import Ending, bill, detail_of, failed, not_served, with_plugins, withheld
from routing.gateway.output_guard import Looked, look_elsewhere
from routing.gateway.runtime import Runtime
from routing.gateway.streaming import Relay
from routing.gateway.watch import Interrupted, Reason
from routing.pricing import usage_object
from routing.providers import Answer

MOST_TOKENS_HERE = 30_000
"""Of an answer that is looked at on the event loop; more would stall it."""
PLUGIN_SECONDS = 120.0
"""How long the plugins of a request may take together, before and after the answer."""
PLUGINS_LATE = invalid_request(
    "The files that the request names took too long to read.", parameter="messages"
)
NO_CALL = Call("", (), {}, is_streamed=True, prompt_tokens=0, max_tokens=None)


async def produce(runtime: Runtime, client: Client, opened: Opened, attempts: Sequence[Attempt]) -> Ending:
    """How the generation ends; of a stream, everything but the last event has been sent by then."""
    dialect = DIALECTS[opened.call.dialect]
    client.is_streamed = opened.call.is_streamed
    client.keep_alive = KEEP_ALIVE.get(dialect.slug, COMMENT)
    return await (_with_plugins if opened.call.plugins else _answered)(runtime, client, opened, attempts)


async def _with_plugins(
    runtime: Runtime, client: Client, opened: Opened, attempts: Sequence[Attempt]
) -> Ending:
    """The answer to what plugins make of the request; what they cost is charged with it, or not at all."""
    work, preparation, catalog = runtime.plugin_work, opened.known.preparation, runtime.catalog
    try:
        with client.watch.within(PLUGIN_SECONDS):
            call = await work.before(opened.call, attempts, preparation, catalog)
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
            call = await runtime.plugin_work.after(opened.call, answer.body, preparation, catalog)
    except (RefusedError, Interrupted):
        return opened
    return replace(opened, call=call)


async def _answered(runtime: Runtime, client: Client, opened: Opened, attempts: Sequence[Attempt]) -> Ending:
    """The first provider's answer, whole or passed on."""
    dialect = DIALECTS[opened.call.dialect]
    try:
        served = await runtime.attempts.first_that_answers(opened, attempts, client.watch)
    except NobodyAnswered as error:
        return failed(error.refusal, error.attempt)
    except Interrupted as stop:
        return not_served(stop.reason)
    except RecursionError:
        return failed(invalid_request("The request's JSON is nested too deeply."), None)
    if isinstance(served.answer, Answer):
        if opened.call.plugins:
            opened = await _healed(runtime, client, opened, served.answer)
        ending = await _whole(runtime, dialect, opened, served, served.answer)
    else:
        relay = Relay(client, dialect, runtime.books, opened, served, served.answer)
        ending = await relay.run(runtime.attempts.patience)
    _observe(runtime, served, ending.outcome)
    return ending


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
        first_at=served.first_at,
        detail=detail_of(opened, served, looked.stages),
    )
    if looked.refusal is not None:  # the provider has done its work: it is charged, and not shown
        return withheld(outcome, looked.refusal)
    body = dialect.finish_answer(
        opened.call,
        looked.body,
        generation_id=opened.public_id,
        model=endpoint.model,
        provider=endpoint.provider.name,
        usage=usage_object(charge.usage, charge.cost),
    )
    return Ending(outcome, body)


async def _look(runtime: Runtime, opened: Opened, answer: Answer) -> Looked:
    """The answer as the guardrails let it out."""
    guard = opened.known.preparation.outputs
    if guard is None:
        return Looked(answer.body)
    if answer.counted_tokens <= MOST_TOKENS_HERE:
        return guard.look(answer.body)
    try:
        return await runtime.bodies.elsewhere(look_elsewhere, answer.body, guard.rules)
    except RefusedError as error:
        return Looked(answer.body, refusal=error.refusal)


def _observe(runtime: Runtime, served: Served, outcome: Outcome) -> None:
    if outcome.status == "error":
        runtime.health.fail(served.attempt.endpoint.id)
        return
    runtime.health.succeed(
        served.attempt.endpoint.id,
        latency=served.first_at - served.asked_at,
        tokens=outcome.usage.completion if served.first else 0,
        seconds=time.monotonic() - served.first_at,
    )


async def farewell(client: Client, opened: Opened, ending: Ending) -> None:
    """Send what is left: the answer, the last events, or an error in the shape that still fits."""
    if ending.refusal is not None:
        if client.has_started and ending.body is not None:
            await client.finish(ending.body)
        else:
            await refuse(
                client, DIALECTS[opened.call.dialect], ending.refusal, opened, ending.outcome.attempt
            )
    elif ending.body is None:
        return
    elif client.is_streamed:
        await client.start_events()
        await client.finish(ending.body)
    else:
        await client.answer(200, ending.body)


async def refuse(
    client: Client,
    dialect: Dialect,
    refusal: Refusal,
    opened: Opened | None = None,
    attempt: Attempt | None = None,
) -> None:
    """Send an error: as a response, or as the only event of a stream that is nothing but kept alive so far."""
    generation_id = opened.public_id if opened else None
    if not client.has_started:
        body = dialect.refuse(refusal, generation_id=generation_id)
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
    await client.finish(events.fail(refusal))
