"""Try the decision's endpoints one after the other until one answers; after the first token nobody else is asked."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from routing.decision import Attempt
from routing.errors import ProviderFailure, Refusal, previous_error, provider_error, unavailable
from routing.gateway.books import Opened
from routing.gateway.health import Health
from routing.gateway.metrics import UPSTREAM_FAILURES
from routing.gateway.upstream import Response, Upstream, UpstreamFailed
from routing.gateway.watch import Interrupted, Reason, Watch
from routing.providers import WIRE_FORMATS, Answer, CannotAsk, Stream, WireFormat

LATE = ProviderFailure("timeout", "The provider did not answer in time.", is_retryable=True)
NOBODY_TO_ASK = unavailable()
NOT_OK = range(300, 600)


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to wait for a stream's first token, between its pieces, and for an answer that is not streamed."""

    first_token: float
    between: float
    answer: float


class Tried(NamedTuple):
    """An upstream call that was made, and the status it came to."""

    model: str
    provider: str
    status: int


class Served(msgspec.Struct, frozen=True):
    """The attempt that answers: with all of it, or with a stream whose first output is `first`.

    Times are on time.monotonic(): when it was asked, and when the first output was there. `tried` are the attempts
    before it, `dropped` the parameters that it could not be told.
    """

    attempt: Attempt
    response: Response
    previous: tuple[Mapping[str, Any], ...]
    answer: Answer | Stream
    asked_at: float
    first_at: float
    first: bytes = b""
    dropped: tuple[str, ...] = ()
    tried: tuple[Tried, ...] = ()


class NobodyAnswered(Exception):
    """No attempt is left; carries what the last failure amounts to."""

    def __init__(self, refusal: Refusal, attempt: Attempt | None, tried: tuple[Tried, ...] = ()) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal
        self.attempt = attempt
        self.tried = tried


class Attempts:
    """Asks providers."""

    def __init__(self, upstream: Upstream, health: Health, patience: Patience) -> None:
        self._upstream = upstream
        self._health = health
        self.patience = patience

    async def first_that_answers(self, opened: Opened, attempts: Sequence[Attempt], watch: Watch) -> Served:
        """The first good answer. Raises NobodyAnswered, Interrupted."""
        previous: list[Mapping[str, Any]] = []
        tried: list[Tried] = []
        refusal, last, skipped = NOBODY_TO_ASK, None, None
        for attempt in attempts:
            if attempt.endpoint.model == skipped:
                continue
            last = attempt
            try:
                served = await self._ask(opened, attempt, watch, tuple(previous))
                return replace(served, tried=tuple(tried)) if tried else served
            except CannotAsk as error:  # nobody was asked: it says nothing about the endpoint's health
                failure = error.failure
            except UpstreamFailed as error:
                failure = error.failure
                self._note(attempt, failure)
            provider = attempt.endpoint.provider
            refusal = provider_error(
                failure,
                provider_name=provider.name,
                requested_models=opened.call.models,
                previous_errors=tuple(previous),
            )
            previous.append(previous_error(failure, provider=provider.slug))
            tried.append(
                Tried(attempt.endpoint.model, provider.name, failure.provider_status or failure.status)
            )
            if not failure.is_retryable:
                skipped = attempt.endpoint.model
        raise NobodyAnswered(refusal, last, tuple(tried))

    def _note(self, attempt: Attempt, failure: ProviderFailure) -> None:
        UPSTREAM_FAILURES.labels(attempt.endpoint.provider.slug, failure.error_type).inc()
        if failure.is_retryable:
            self._health.fail(attempt.endpoint.id)

    async def _ask(
        self, opened: Opened, attempt: Attempt, watch: Watch, previous: tuple[Mapping[str, Any], ...]
    ) -> Served:
        wire = WIRE_FORMATS[attempt.endpoint.provider.wire_format]
        request = wire.build_request(opened.call, attempt.endpoint, generation_id=opened.public_id)
        is_streamed, asked_at = opened.call.is_streamed, time.monotonic()
        seconds = self.patience.first_token if is_streamed else self.patience.answer
        response = None
        try:
            with watch.within(seconds):
                response = await self._upstream.send(request)
                if response.status in NOT_OK:
                    body = await response.read_error()
                    raise UpstreamFailed(wire.read_failure(response.status, response.headers, body))
                if is_streamed:
                    stream, first = await _begin(opened, attempt, wire, response)
                    return Served(
                        attempt,
                        response,
                        previous,
                        stream,
                        asked_at,
                        time.monotonic(),
                        first,
                        request.dropped,
                    )
                answer = wire.parse_response(await response.read(), call=opened.call)
            if isinstance(answer, ProviderFailure):
                raise UpstreamFailed(answer)
            response.release()
            return Served(
                attempt, response, previous, answer, asked_at, time.monotonic(), dropped=request.dropped
            )
        except Interrupted as stop:
            _hang_up(response)
            if stop.reason is Reason.LATE:
                raise UpstreamFailed(LATE) from None
            raise
        except UpstreamFailed:
            _hang_up(response)
            raise


async def _begin(
    opened: Opened, attempt: Attempt, wire: WireFormat, response: Response
) -> tuple[Stream, bytes]:
    """Read a stream up to its first output; until then another provider may still be asked."""
    endpoint = attempt.endpoint
    stream = wire.open_stream(
        generation_id=opened.public_id, model=endpoint.model, provider=endpoint.provider.name
    )
    first = b""
    while not stream.has_output and not stream.is_done and stream.failure is None:
        chunk = await response.read_some()
        first += stream.feed(chunk) if chunk else stream.end()
    if stream.failure is not None and not stream.has_output:
        raise UpstreamFailed(stream.failure)
    return stream, first


def _hang_up(response: Response | None) -> None:
    if response is not None:
        response.close()
