"""Try the decision's endpoints one after the other until one answers; after the first token nobody else is asked."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import msgspec

from routing.decision import Attempt, Dropped
from routing.errors import Refusal, unavailable
from routing.gateway.books import Opened
from routing.gateway.google_tokens import GoogleTokens
from routing.gateway.health import Health
from routing.gateway.telling import note_failure
from routing.gateway.upstream import Response, Upstream, UpstreamFailed
from routing.gateway.watch import Interrupted, Reason, Watch
from routing.provider_failures import ProviderFailure, previous_error, provider_error
from routing.providers import WIRE_FORMATS, Answer, CannotAsk, Stream, WireFormat
from routing.providers.failures import CREDENTIAL_MESSAGE
from routing.providers.wire_format import Unsupported
from routing.selection.availability import nothing_remains
from routing.selection.filters import REQUIRE_PARAMETERS

LATE = ProviderFailure("timeout", "The provider did not answer in time.", is_retryable=True)
NOBODY_TO_ASK = unavailable()
OWN_CREDENTIAL_MESSAGE = "The provider did not accept your own credential (BYOK)"
NOT_OK = range(300, 600)
TOO_MANY = 429
"""Being at capacity is no fault, and does not count against an endpoint's uptime."""


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
    """What of the caller's parameters the request to the provider did not say."""
    tried: tuple[Tried, ...] = ()


class Unsaid(Unsupported):
    """The provider's format leaves out a parameter, and the caller requires all of them."""

    def __init__(self, parameter: str) -> None:
        super().__init__(parameter, "cannot be said to this provider")


class NobodyAnswered(Exception):
    """No attempt is left; carries what the last failure amounts to."""

    def __init__(self, refusal: Refusal, attempt: Attempt | None, tried: tuple[Tried, ...] = ()) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal
        self.attempt = attempt
        self.tried = tried


class Attempts:
    """Asks providers."""

    def __init__(self, upstream: Upstream, health: Health, patience: Patience, tokens: GoogleTokens) -> None:
        self._upstream = upstream
        self._tokens = tokens
        self._health = health
        self.patience = patience

    async def first_that_answers(self, opened: Opened, attempts: Sequence[Attempt], watch: Watch) -> Served:
        """The first good answer. Raises NobodyAnswered, Interrupted."""
        previous: list[Mapping[str, Any]] = []
        tried: list[Tried] = []
        refusal, last, skipped = NOBODY_TO_ASK, None, None
        unsaid: list[Dropped] = []
        hints: list[int] = []
        for attempt in attempts:
            if attempt.endpoint.model == skipped:
                continue
            last = attempt
            try:
                served = await self._ask(opened, attempt, watch, tuple(previous))
                return msgspec.structs.replace(served, tried=tuple(tried)) if tried else served
            except Unsaid as error:
                unsaid.append(Dropped(attempt.endpoint.model, attempt.endpoint.tag, REQUIRE_PARAMETERS))
                failure = error.failure
            except CannotAsk as error:  # nobody was asked: it says nothing about the endpoint's health
                failure = error.failure
            except UpstreamFailed as error:
                failure = error.failure
                self._note(attempt, failure)
            provider = attempt.endpoint.provider
            if attempt.uses_credential and failure.message == CREDENTIAL_MESSAGE:
                failure = replace(failure, message=OWN_CREDENTIAL_MESSAGE)
            if failure.retry_after is not None:
                hints.append(failure.retry_after)
            refusal = provider_error(
                replace(failure, retry_after=min(hints, default=None)),
                provider_name=provider.name,
                provider=provider.slug,
                requested_models=opened.call.models,
                previous_errors=tuple(previous),
            )
            previous.append(previous_error(failure, provider=provider.slug))
            tried.append(
                Tried(attempt.endpoint.model, provider.name, failure.provider_status or failure.status)
            )
            if not failure.is_retryable:
                skipped = attempt.endpoint.model
        if unsaid and len(unsaid) == len(previous):
            refusal = nothing_remains(opened.call.models or (opened.model,), unsaid)
        raise NobodyAnswered(refusal, last, tuple(tried))

    def _note(self, attempt: Attempt, failure: ProviderFailure) -> None:
        note_failure(attempt, failure)
        if failure.is_retryable and not attempt.uses_credential:  # his own account says nothing about others
            self._health.fail(attempt.endpoint.id, is_counted=failure.status != TOO_MANY)

    async def _ask(
        self, opened: Opened, attempt: Attempt, watch: Watch, previous: tuple[Mapping[str, Any], ...]
    ) -> Served:
        endpoint = attempt.endpoint
        wire = WIRE_FORMATS[endpoint.provider.wire_format]
        is_streamed, asked_at = opened.call.is_streamed, time.monotonic()
        seconds = self.patience.first_token if is_streamed else self.patience.answer
        response = None
        try:
            with watch.within(seconds):
                if self._tokens.are_needed(endpoint.provider):
                    endpoint = await self._tokens.signed_in(endpoint)
                request = wire.build_request(opened.call, endpoint, generation_id=opened.public_id)
                if request.dropped and opened.call.preferences.require_parameters:
                    raise Unsaid(request.dropped[0])
                dropped = (*opened.call.dropped, *request.dropped)
                response = await self._upstream.send(
                    request, is_users_address=endpoint.provider.is_users_address
                )
                if response.status in NOT_OK:
                    body = await response.read_error()
                    raise UpstreamFailed(wire.read_failure(response.status, response.headers, body))
                if is_streamed:
                    stream, first = await _begin(opened, attempt, wire, response)
                    return Served(
                        attempt, response, previous, stream, asked_at, time.monotonic(), first, dropped
                    )
                answer = wire.parse_response(await response.read(), call=opened.call)
            if isinstance(answer, ProviderFailure):
                raise UpstreamFailed(answer)
            response.release()
            return Served(attempt, response, previous, answer, asked_at, time.monotonic(), b"", dropped)
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
