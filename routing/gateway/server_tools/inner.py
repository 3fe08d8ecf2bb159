"""Requests that tools make: a model asked under the caller's policy, in a task and with a client of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from routing.gateway.client import Client, Headers, Message, Scope
from routing.gateway.dialects.chunks import a_text, an_object, chunks_of, content_of, objects
from routing.gateway.server_tools.reading import DEPTH_HEADER
from routing.gateway.server_tools.turn import Assembly
from routing.gateway.watch import Reason
from routing.tools.tool import Answered, Json, Told

PASSED_ON = frozenset(
    {b"host", b"user-agent", b"http-referer", b"referer", b"x-title"}
    | {b"x-openrouter-title", b"x-openrouter-categories", b"x-session-id"}
)
"""Of the caller's headers: where he came in, and for whom he asks. Who he is is known."""
DEPTHS = (b"x-openrouter-", b"-depth")
NO_ANSWER = "The model gave no answer."
TOO_LATE = "The model took too long."

log = logging.getLogger(__name__)

_decode = msgspec.json.Decoder().decode

Serve = Callable[[Client, Json], Awaitable[None]]


def inner_headers(outer: Mapping[bytes, bytes], slug: str) -> Headers:
    """The headers of a request that a tool makes: it does not run within itself, however deep."""
    kept = [
        (name, value)
        for name, value in outer.items()
        if name in PASSED_ON or (name.startswith(DEPTHS[0]) and name.endswith(DEPTHS[1]))
    ]
    depth = (DEPTH_HEADER % slug).encode()
    return [*[pair for pair in kept if pair[0] != depth], (depth, b"1")]


class InnerCaller:
    """Takes what is sent to a request that a tool makes, whole or streamed."""

    def __init__(self, model: str, told: Told | None) -> None:
        self._model, self._told = model, told
        self._assembly = Assembly()
        self._status, self._body = 200, b""
        self._is_stream = False
        self._finish_reason: str | None = None
        self._error: Json | None = None

    async def send(self, message: Message) -> None:
        """An ASGI message."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._is_stream = any(
                name == b"content-type" and value.startswith(b"text/event-stream")
                for name, value in message["headers"]
            )
        elif not self._is_stream:
            self._body += message.get("body", b"")
        else:
            for chunk in chunks_of(message.get("body", b"")):
                self._take(chunk)

    def _take(self, chunk: Json) -> None:
        if isinstance(chunk.get("error"), dict):
            self._error = chunk["error"]
        self._model = a_text(chunk, "model") or self._model
        for choice in objects(chunk, "choices"):
            delta = an_object(choice, "delta")
            self._assembly.take(delta)
            self._finish_reason = a_text(choice, "finish_reason") or self._finish_reason
            if self._told is not None and (text := a_text(delta, "content")):
                self._told(text)
            if self._told is not None and (text := a_text(delta, "reasoning", "reasoning_content")):
                self._told(text, is_reasoning=True)

    def answered(self) -> Answered:
        """What the model said."""
        if self._is_stream:
            if self._error is not None:
                return _error(self._model, self._error, 502)
            return _said(self._model, self._assembly.message(), self._finish_reason)
        body = _object(self._body)
        if self._status != 200 or "error" in body:
            return _error(self._model, an_object(body, "error"), self._status)
        choice = next(iter(objects(body, "choices")), {})
        model = a_text(body, "model") or self._model
        return _said(model, an_object(choice, "message"), a_text(choice, "finish_reason") or None)


class InnerRequest:
    """One request of a tool's. `serve` is called in a task of its own, with a client whose caller is the tool."""

    def __init__(self, serve: Serve, headers: Headers, body: Json, told: Told | None) -> None:
        self._serve, self._headers = serve, headers
        self._body = {**body, "stream": told is not None}
        self._caller = InnerCaller(a_text(body, "model"), told)
        self._client: Client | None = None

    async def answer(self, seconds: float) -> Answered:
        """What the model said. A cancellation ends the request as a caller does who leaves."""
        task = asyncio.create_task(self._run())
        try:
            async with asyncio.timeout(seconds):
                await asyncio.shield(task)
        except TimeoutError:
            await self._abandon(task)
            return Answered(a_text(self._body, "model"), error=TOO_LATE, status=504)
        except asyncio.CancelledError:
            await self._abandon(task)
            raise
        return self._caller.answered()

    async def _run(self) -> None:
        scope: Scope = {"type": "http", "method": "POST", "path": "", "headers": self._headers, "state": {}}
        self._client = Client(scope, _nothing_to_receive, self._caller.send)
        try:
            await self._serve(self._client, self._body)
        finally:
            self._client.release()

    async def _abandon(self, task: asyncio.Task[None]) -> None:
        """Let it end in order: what was produced is charged and written down."""
        if self._client is None:
            task.cancel()
        else:
            self._client.watch.interrupt(Reason.GONE)
        await asyncio.wait([task])
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a tool's request ended badly", exc_info=error)


def _said(model: str, message: Json, finish_reason: str | None) -> Answered:
    text = content_of(message)
    if not text:
        return Answered(model, finish_reason=finish_reason, error=NO_ANSWER, status=502)
    reasoning = a_text(message, "reasoning", "reasoning_content")
    return Answered(model, text, reasoning, objects(message, "annotations"), finish_reason)


def _error(model: str, error: Json, status: int) -> Answered:
    code = error.get("code")
    return Answered(
        model,
        error=a_text(error, "message") or NO_ANSWER,
        status=code if isinstance(code, int) else status,
    )


def _object(body: bytes) -> Json:
    try:
        value = _decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return {}
    return value if isinstance(value, dict) else {}


async def _nothing_to_receive() -> Message:
    return {"type": "http.disconnect"}
