"""Give a kept answer again: free of charge, under an id of its own, in the words of the caller's dialect (SPEC §9)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from routing.call import CacheUse
from routing.decision import Attempt, Decision
from routing.gateway.books import NO_USAGE, Opened, Outcome
from routing.gateway.client import Client, Headers
from routing.gateway.dialects import DIALECTS, Dialect
from routing.gateway.dialects.chunks import chunks_of, encode_event
from routing.gateway.ending import Ending, heard
from routing.gateway.response_cache import Kept, ResponseCache
from routing.gateway.said import Transcript, output_of
from routing.pricing import NOTHING, usage_object
from routing.providers.openai_stream import ChatStream

VENDORS = ("x-openrouter-cache-", "x-headgate-cache-")


async def recall(cache: ResponseCache, client: Client, use: CacheUse, decision: Decision) -> Kept | None:
    """The kept answer, if the endpoint that gave it might still be asked; the caller is told in headers."""
    kept = None
    if use.is_cleared:
        await cache.forget(use)
    else:
        kept = await cache.find(use)
    if kept is None or attempt_of(kept, decision.attempts) is None:
        client.common += _headers({"status": "MISS", "ttl": str(use.seconds)})
        return None
    about = {"status": "HIT", "age": str(kept.age), "ttl": str(kept.seconds - kept.age)}
    client.common += _headers(about | {"source-id": kept.source})
    return kept


def free_of_charge(decision: Decision) -> Decision:
    """The decision on a request that nobody has to pay for."""
    return replace(decision, holds=())


def attempt_of(kept: Kept, attempts: Sequence[Attempt]) -> Attempt | None:
    """The attempt that made the answer; None when its endpoint may not be asked any more, or is not there."""
    return next((one for one in attempts if one.endpoint.id == kept.endpoint_id), None)


def answer_again(client: Client, opened: Opened, kept: Kept, decision: Decision) -> Ending:
    """How a generation ends whose answer was there already."""
    attempt = attempt_of(kept, decision.attempts) or decision.attempts[0]
    client.is_streamed = opened.call.is_streamed
    outcome = Outcome(
        "completed",
        attempt,
        http_status=200,
        finish_reason=kept.finish_reason,
        native_finish_reason=kept.native_finish_reason,
        first_at=time.monotonic(),
        detail={"cache": "hit", "response_cache_source_id": kept.source},
    )
    write = _events if opened.call.is_streamed else _whole
    ending = Ending(outcome, write(DIALECTS[opened.call.dialect], opened, attempt, kept.data))
    return ending if opened.wanted is None else heard(ending, opened, _said(opened, kept.data))


def _said(opened: Opened, data: bytes) -> dict[str, Any]:
    if not opened.call.is_streamed:
        return output_of(msgspec.json.decode(data))
    transcript = Transcript()
    transcript.feed(data)
    return transcript.output()


def _whole(dialect: Dialect, opened: Opened, attempt: Attempt, data: bytes) -> bytes:
    body: dict[str, Any] = msgspec.json.decode(data)
    if "created" in body:
        body["created"] = int(time.time())
    return dialect.finish_answer(
        opened.call,
        body,
        generation_id=opened.public_id,
        model=attempt.endpoint.model,
        provider=attempt.endpoint.provider.name,
        usage=usage_object(NO_USAGE, NOTHING),
    )


def _events(dialect: Dialect, opened: Opened, attempt: Attempt, data: bytes) -> bytes:
    about = {"model": attempt.endpoint.model, "provider": attempt.endpoint.provider.name}
    head = {"id": opened.public_id, "created": int(time.time())}
    events = dialect.open_events(opened.call, generation_id=opened.public_id, **about)
    told = events.feed(b"".join([encode_event(chunk | head) for chunk in chunks_of(data)]))
    usage = usage_object(NO_USAGE, NOTHING)
    final = ChatStream(opened.public_id, **about).final_chunk(usage)
    return told + events.finish(final, usage)


def _headers(about: dict[str, str]) -> Headers:
    return [((vendor + name).encode(), value.encode()) for name, value in about.items() for vendor in VENDORS]


def remember(cache: ResponseCache, opened: Opened, ending: Ending) -> None:
    """Keep a complete answer whose caller asked for that."""
    use, outcome = opened.call.caching, ending.outcome
    if use is None or ending.repeatable is None or outcome.status != "completed" or outcome.attempt is None:
        return
    kept = Kept(
        opened.public_id,
        time.time(),
        use.seconds,
        outcome.attempt.endpoint.id,
        ending.repeatable,
        outcome.finish_reason,
        outcome.native_finish_reason,
    )
    principal = opened.known.policy.principal
    cache.keep(use, kept, organization_id=principal.organization_id, api_key_id=principal.api_key_id or 0)
