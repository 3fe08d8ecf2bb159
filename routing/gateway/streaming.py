"""Pass a stream on as it comes, with checkpoints in the journal, until it ends in whatever way (spec: money §4)."""

from __future__ import annotations

import logging
import time
from typing import Any

from routing.errors import Refusal, internal_error
from routing.gateway.attempts import LATE, Patience, Served
from routing.gateway.bodies import BodyReader
from routing.gateway.books import Books, Opened, Outcome
from routing.gateway.client import Client, RefusedError
from routing.gateway.dialects import Dialect
from routing.gateway.dialects.chat import count_prompt_tokens
from routing.gateway.ending import (
    CLIENT_GONE_STATUS,
    STOPPING,
    Ending,
    bill,
    charged,
    detail_of,
    heard,
    withheld,
)
from routing.gateway.output_guard import StreamWatch, scan_texts
from routing.gateway.response_cache import MOST_ANSWER_BYTES
from routing.gateway.said import Transcript
from routing.gateway.upstream import UpstreamFailed
from routing.gateway.watch import Interrupted, Reason
from routing.plugins import citing
from routing.pricing import Usage, usage_object
from routing.provider_failures import ProviderFailure, provider_error
from routing.providers import Stream
from routing.tool_calls import StreamedCalls

CHECKPOINT_SECONDS = 1.0
FOREVER = float("inf")

log = logging.getLogger(__name__)


class Withheld(Exception):
    """A guardrail lets no more of the stream out; carries what the caller is told."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class Relay:
    """Passes one stream on to its caller."""

    def __init__(
        self,
        client: Client,
        dialect: Dialect,
        books: Books,
        opened: Opened,
        served: Served,
        stream: Stream,
        bodies: BodyReader,
        calls: StreamedCalls | None = None,
    ) -> None:
        endpoint = served.attempt.endpoint
        self._client = client
        self._events = dialect.open_events(
            opened.call,
            generation_id=opened.public_id,
            model=endpoint.model,
            provider=endpoint.provider.name,
        )
        self._books = books
        self._opened = opened
        self._served = served
        self._stream = stream
        self._bodies = bodies
        self._calls = calls
        self._prompt_tokens = count_prompt_tokens(opened.call)
        self._checkpoint_at = 0.0
        self._shown = bytearray() if opened.call.caching else None
        self._transcript = None if opened.wanted is None else Transcript()
        guard = opened.known.preparation.outputs
        self._watch = guard.watch() if guard else None

    async def run(self, patience: Patience) -> Ending:
        """Send everything but the last event; how it ended."""
        ending = await self._run(patience)
        return ending if self._transcript is None else heard(ending, self._opened, self._transcript.output())

    async def _run(self, patience: Patience) -> Ending:
        try:
            failure = await self._pass_on(patience)
        except Interrupted as stop:
            self._served.response.close()
            return self._cut_off(stop.reason)
        except Withheld as stop:
            self._served.response.close()
            body = self._events.fail(stop.refusal)
            return withheld(self._outcome("error", "content_filter"), stop.refusal, body)
        except Exception:
            # Ours to mend; but what was delivered is charged, whatever went wrong.
            log.exception("the stream of %s failed", self._opened.public_id)
            self._served.response.close()
            fault = internal_error()
            return self._failed(fault)
        if failure is not None:
            self._served.response.close()
            return self._broken(failure)
        self._served.response.release()
        return self._completed()

    async def _pass_on(self, patience: Patience) -> ProviderFailure | None:
        stream, watch, response = self._stream, self._client.watch, self._served.response
        data = self._served.first
        while True:
            if data:
                if self._calls is not None:
                    self._calls.feed(data)
                self._write_down()
                if self._shown is not None:
                    self._remember(data)
                if self._watch is not None:
                    await self._look(self._watch, data)
                if self._transcript is not None:
                    self._transcript.feed(data)
                await self._send(data)
            if stream.is_done or stream.failure is not None:
                return stream.failure
            try:
                with watch.within(patience.between):
                    chunk = await response.read_some()
            except UpstreamFailed as error:
                return error.failure
            except Interrupted as stop:
                if stop.reason is Reason.LATE:
                    return LATE
                raise
            data = stream.feed(chunk) if chunk else stream.end()

    async def _look(self, watch: StreamWatch, data: bytes) -> None:
        """Look at what is about to be sent. Raises Withheld."""
        texts = watch.take(data)
        if not texts:
            return
        rules = watch.guard.rules
        try:
            if watch.guard.is_dear(sum(map(len, texts))):
                scan = await self._bodies.elsewhere(self._opened.known.organization, scan_texts, texts, rules)
            else:
                scan = scan_texts(texts, rules)
        except RefusedError as error:
            raise Withheld(error.refusal) from None
        if refusal := watch.judge(scan):
            raise Withheld(refusal)

    def _remember(self, data: bytes) -> None:
        """Hold on to what may be given again, unless it is more than would be kept."""
        if self._shown is not None:
            self._shown += data
            if len(self._shown) > MOST_ANSWER_BYTES:
                self._shown = None

    async def _send(self, data: bytes) -> None:
        """Send data; a client that takes nothing is cut off by its connection, and is gone."""
        with self._client.watch.within(FOREVER):
            await self._client.start_events()
            if shown := self._events.feed(data):
                await self._client.write(shown)

    def _write_down(self) -> None:
        """A checkpoint before the first output is sent, then one a second."""
        now = time.monotonic()
        if now < self._checkpoint_at or not self._stream.has_output:
            return
        self._checkpoint_at = now + CHECKPOINT_SECONDS
        attempt = self._served.attempt
        usage = Usage(
            prompt=self._prompt_tokens,
            completion=self._stream.counted_tokens,
            image=self._opened.call.image_count,
        )
        self._books.checkpoint(self._opened, attempt, usage, charged(self._opened, attempt, usage))

    def _completed(self) -> Ending:
        outcome = self._outcome("completed", self._stream.finish_reason)
        usage = usage_object(outcome.usage, outcome.cost, is_byok=self._served.attempt.is_byok)
        repeatable = bytes(self._shown) if self._shown else None
        annotations = self._annotations() if self._opened.call.annotations else b""
        last = annotations + self._events.finish(self._stream.final_chunk(usage), usage)
        return Ending(outcome, last, repeatable=repeatable)

    def _annotations(self) -> bytes:
        endpoint = self._served.attempt.endpoint
        return self._events.feed(
            citing.event(
                self._opened.call,
                generation_id=self._opened.public_id,
                model=endpoint.model,
                provider=endpoint.provider.name,
            )
        )

    def _broken(self, failure: ProviderFailure) -> Ending:
        """The provider failed after the first token: what was delivered is charged, the rest is an error."""
        served = self._served
        refusal = provider_error(
            failure,
            provider_name=served.attempt.endpoint.provider.name,
            requested_models=self._opened.call.models,
            previous_errors=served.previous,
        )
        return self._failed(refusal)

    def _cut_off(self, reason: Reason) -> Ending:
        """The client left, or the process stops: what was produced is charged."""
        if reason is Reason.GONE:
            return Ending(self._outcome("cancelled", self._stream.finish_reason))
        return self._failed(STOPPING)

    def _failed(self, refusal: Refusal) -> Ending:
        return Ending(self._outcome("error", "error", refusal), self._events.fail(refusal), refusal)

    def _outcome(self, status: str, finish: str | None, refusal: Refusal | None = None) -> Outcome:
        served, stream = self._served, self._stream
        charge = bill(self._opened, served.attempt, believed_usage(stream), stream.counted_tokens, finish)
        http_status = CLIENT_GONE_STATUS if status == "cancelled" else 200
        return Outcome(
            status,
            served.attempt,
            charge.usage,
            charge.cost,
            is_estimated=charge.is_estimated,
            http_status=refusal.status if refusal else http_status,
            error_type=refusal.error_type if refusal else None,
            finish_reason=finish,
            native_finish_reason=stream.native_finish_reason,
            upstream_id=stream.upstream_id,
            asked_at=served.asked_at,
            first_at=served.first_at,
            detail=detail_of(
                self._opened,
                served,
                self._watch.stages if self._watch else (),
                tier=stream.service_tier,
                status=refusal.status if refusal else 200,
            ),
        )


def believed_usage(stream: Stream) -> Any:  # whatever the provider sent as its usage
    """The provider's usage; one that came before the end is a running count, and may be of long ago."""
    usage = stream.usage
    if stream.is_done or stream.finish_reason is not None or not isinstance(usage, dict):
        return usage
    said = usage.get("completion_tokens")
    return (
        {**usage, "completion_tokens": max(said, stream.counted_tokens)} if isinstance(said, int) else usage
    )
