"""One call being served: the plan is played, and each event is on record before its bytes are sent."""

from dataclasses import dataclass
from itertools import islice

from routing.simulator.ask import Ask, RefusedError
from routing.simulator.client import Client, DisconnectedError, Headers
from routing.simulator.dialects.base import Dialect
from routing.simulator.plans import Plan
from routing.simulator.record import Recorder

_JSON = (b"content-type", b"application/json")
_EVENTS = (b"content-type", b"text/event-stream; charset=utf-8")
_NO_CACHE = (b"cache-control", b"no-cache")
_RETRY_AFTER = (b"retry-after", b"1")
_RETRYABLE = (429, 503)
_GARBAGE = b'data: {"id": "\xff\xfe", "choices": [{"delta": <html>\x00 502 \xc3\n\nevent\n\ndata: }{\n\n'
_DELTAS_PER_BREATH = 64


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a call came in: its own id, the caller's id for it, the provider slug, and a digest of its key."""

    call: str
    request_id: str | None
    provider: str
    dialect: Dialect
    credential: str | None = None


async def send_error(
    client: Client, recorder: Recorder, origin: Origin, model: str, refusal: RefusedError
) -> None:
    """Record an error and send it in the dialect's own shape."""
    fields = {
        "request_id": origin.request_id,
        "provider": origin.provider,
        "model": model,
        "status": refusal.status,
    }
    if origin.credential is not None:
        fields["credential"] = origin.credential
    recorder.error(origin.call, fields)
    body = origin.dialect.refuse(refusal, origin.call)
    retry = (_RETRY_AFTER,) if refusal.status in _RETRYABLE else ()
    await client.start(refusal.status, _headers(origin, _JSON, body, *retry))
    await client.write(body)


def _headers(origin: Origin, kind: tuple[bytes, bytes], body: bytes, *more: tuple[bytes, bytes]) -> Headers:
    return [kind, (b"content-length", b"%d" % len(body)), (b"x-request-id", origin.call.encode()), *more]


class Exchange:
    """Plays a plan to a client."""

    def __init__(self, client: Client, recorder: Recorder, origin: Origin, ask: Ask, plan: Plan) -> None:
        self._client = client
        self._recorder = recorder
        self._origin = origin
        self._call = origin.call
        self._ask = ask
        self._plan = plan
        self._model = f"simulator/{ask.behaviour}"
        self._produced = 0

    async def run(self, first_seconds: float, chunk_seconds: float) -> None:
        """Serve the call from its first line on record to its last."""
        ask, origin = self._ask, self._origin
        self._recorder.call(
            self._call, self._describe() | {"stream": ask.is_stream, "prompt_tokens": ask.prompt_tokens}
        )
        try:
            if self._plan.fault == "silent":
                await self._client.wait_until_gone()
            elif self._plan.fault == "garbage":
                await self._send_garbage(first_seconds)
            elif self._plan.status != 200:
                await self._pause(first_seconds)
                refusal = RefusedError(
                    self._plan.status, f"The simulator was asked for status {self._plan.status}."
                )
                await send_error(self._client, self._recorder, origin, self._model, refusal)
            elif ask.is_stream:
                await self._stream(first_seconds, chunk_seconds)
            else:
                await self._answer(first_seconds)
        except DisconnectedError:
            self._recorder.gone(self._call, self._produced)

    def _describe(self) -> dict[str, str | None]:
        fields = {
            "request_id": self._origin.request_id,
            "provider": self._origin.provider,
            "model": self._model,
        }
        return fields if self._origin.credential is None else fields | {"credential": self._origin.credential}

    async def _pause(self, seconds: float) -> None:
        if seconds > 0:
            await self._client.pause(seconds)

    async def _answer(self, first_seconds: float) -> None:
        await self._pause(first_seconds)
        tokens = self._produced = self._plan.reply.tokens
        body = self._origin.dialect.write(self._ask, self._plan.reply, self._call)
        if self._plan.fault == "cut":
            self._recorder.cut(self._call, tokens)
            await self._client.start(200, _headers(self._origin, _JSON, body))
            await self._client.write(body[: len(body) // 2], more=True)
            return
        self._recorder.done(self._call, self._ask.prompt_tokens, tokens)
        await self._client.start(200, _headers(self._origin, _JSON, body))
        await self._client.write(body)

    async def _stream(self, first_seconds: float, chunk_seconds: float) -> None:
        """Send the headers, wait, then event by event. A stream left unfinished is one cut off."""
        script = self._origin.dialect.stream(self._ask, self._plan.reply, self._call)
        is_cut = self._plan.fault == "cut"
        await self._start_stream()
        await self._client.pause(first_seconds)
        if script.opening:
            await self._client.write(script.opening, more=True)
        deltas = islice(script.deltas, max(1, len(self._plan.reply.pieces) // 2)) if is_cut else script.deltas
        for number, (data, produced) in enumerate(deltas):
            if number and (chunk_seconds > 0 or number % _DELTAS_PER_BREATH == 0):
                await self._client.pause(chunk_seconds)
            if produced > self._produced:
                self._recorder.chunk(self._call, produced)
                self._produced = produced
            await self._client.write(data, more=True)
        if is_cut:
            self._recorder.cut(self._call, self._produced)
            return
        await self._client.pause(0)
        self._recorder.done(self._call, self._ask.prompt_tokens, self._produced)
        await self._client.write(script.closing)

    async def _start_stream(self) -> None:
        await self._client.start(200, [_EVENTS, _NO_CACHE, (b"x-request-id", self._call.encode())])

    async def _send_garbage(self, first_seconds: float) -> None:
        await self._pause(first_seconds)
        self._recorder.error(self._call, self._describe() | {"status": 200})
        kind = _EVENTS if self._ask.is_stream else _JSON
        await self._client.start(200, _headers(self._origin, kind, _GARBAGE))
        await self._client.write(_GARBAGE)
