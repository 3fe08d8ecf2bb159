"""A caller's side of one request: its headers and body, and what is sent back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any, Protocol, TypeAlias

from config.lib.log_context import sane_request_id
from routing.decision import Decision
from routing.errors import Refusal, invalid_request
from routing.gateway.watch import Reason, Watch
from routing.policy import Principal

Message: TypeAlias = MutableMapping[str, Any]  # ASGI's own types
Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Headers: TypeAlias = list[tuple[bytes, bytes]]

JSON = (b"content-type", b"application/json")
EVENTS = (b"content-type", b"text/event-stream; charset=utf-8")
NO_CACHE = (b"cache-control", b"no-cache, no-transform")
NO_BUFFERING = (b"x-accel-buffering", b"no")
CLOSE = (b"connection", b"close")
COMMENT = b": OPENROUTER PROCESSING\n\n"
COMMENT_SECONDS = 3.0
"""How long an event stream may be silent before a comment keeps it alive."""


class RefusedError(Exception):
    """The request is not served; carries what the caller is told, and whether the journal knows already.

    `decision` is what was decided, where it came to that.
    """

    def __init__(
        self, refusal: Refusal, *, is_written: bool = False, decision: Decision | None = None
    ) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal
        self.is_written = is_written
        self.decision = decision
        self.metadata: Mapping[str, Any] | None = None
        """The router metadata that the caller asked for."""


class Gone(Exception):
    """The client hung up before its request was complete."""


class Subject:
    """Which request log lines are about, and whose it is once that is known.

    Apart from the client, because whatever a request starts keeps it: a connection to a provider may live for long.
    """

    __slots__ = ("_public_id", "_request_id", "principal")

    def __init__(self, request_id: bytes, public_id: str) -> None:
        self._request_id, self._public_id = request_id, public_id
        self.principal: Principal | None = None

    def log_fields(self) -> dict[str, object]:
        """What the lines carry."""
        fields: dict[str, object] = {
            "request_id": self._request_id.decode(),
            "generation_id": self._public_id,
        }
        if self.principal is not None:
            fields["organization_id"] = self.principal.organization_id
            fields["workspace_id"] = self.principal.workspace_id
        return fields


class Connection(Protocol):
    """What our server's connection offers beyond ASGI."""

    watch: Watch | None

    def resume_reading(self) -> None:
        """Go on reading, so that a client that leaves is noticed."""


class Client:
    """One request's caller. Belongs to the task that serves the request."""

    __slots__ = (
        "_connection",
        "_last_write_at",
        "_receive",
        "_send",
        "common",
        "dialect",
        "has_read_body",
        "has_started",
        "headers",
        "is_streamed",
        "keep_alive",
        "scope",
        "status",
        "subject",
        "watch",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send, public_id: str = "") -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a request is served in a task")
        self.scope = scope
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.watch = Watch(task)
        request_id = sane_request_id(self.headers.get(b"x-request-id")) or public_id.encode()
        self.subject = Subject(request_id, public_id)
        """What log lines about this request are about."""
        self.common: Headers = [(b"x-request-id", request_id)]
        """Headers that every answer to this request carries."""
        self.has_started = self.is_streamed = self.has_read_body = False
        self.keep_alive = COMMENT
        """What is sent to keep an event stream alive."""
        self.dialect: str | None = None
        """What is spoken to it, where that is not what the request came in."""
        self.status = 0
        """What was answered; 0 when nothing was."""
        self._receive = receive
        self._send = send
        self._last_write_at = time.monotonic()
        self._connection: Connection | None = scope.get("state", {}).get("connection")
        if self._connection is not None:
            self._connection.watch = self.watch

    def release(self) -> None:
        """Say that the request is over: nobody interrupts it any more."""
        self.watch.is_over = True
        if self._connection is not None and self._connection.watch is self.watch:
            self._connection.watch = None

    def text(self, name: bytes) -> str | None:
        """A header's value; bytes beyond ASCII as UTF-8, else as Latin-1."""
        value = self.headers.get(name)
        if value is None:
            return None
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value.decode("latin-1")

    async def read_body(self, limit: int) -> bytes:
        """The whole body. Raises RefusedError when it is too large or encoded, Gone."""
        self._check_head(limit)
        message = await self._receive()
        chunks: list[bytes] = []
        size = 0
        while True:
            if message["type"] != "http.request":
                raise Gone
            chunk = message["body"]
            size += len(chunk)
            if size > limit:
                raise RefusedError(_too_large(limit))
            chunks.append(chunk)
            if not message.get("more_body"):
                break
            message = await self._receive()
        self.has_read_body = True
        if self._connection is not None:
            self._connection.resume_reading()
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _check_head(self, limit: int) -> None:
        length = self.headers.get(b"content-length", b"0")
        if not length.isdigit() or len(length) > 15 or int(length) > limit:
            raise RefusedError(_too_large(limit))
        if self.headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise RefusedError(invalid_request("Content-Encoding is not supported.", status=415))

    async def answer(
        self, status: int, body: bytes, headers: Iterable[tuple[bytes, bytes]] = (JSON,)
    ) -> None:
        """Send a whole answer."""
        self.has_started = True
        self.status = status
        length = (b"content-length", b"%d" % len(body))
        sent = [*headers, length, *self.common]
        if not self.has_read_body and self.scope["method"] not in ("GET", "HEAD"):
            sent.append(CLOSE)  # what is left of the body is not worth reading
        await self._send({"type": "http.response.start", "status": status, "headers": sent})
        await self._send({"type": "http.response.body", "body": body})

    async def start_events(self) -> None:
        """Send the head of an event stream, once."""
        if self.has_started:
            return
        self.has_started = True
        self.status = 200
        headers = [EVENTS, NO_CACHE, NO_BUFFERING, *self.common]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})

    async def write(self, data: bytes) -> None:
        """Send a piece of an event stream."""
        self._last_write_at = time.monotonic()
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def finish(self, data: bytes) -> None:
        """Send the last piece of an event stream."""
        self.release()
        await self._send({"type": "http.response.body", "body": data, "more_body": False})

    def needs_comment(self, now: float) -> bool:
        """Whether an event stream has been silent for so long that the caller may wonder."""
        return self.is_streamed and not self.watch.is_over and now - self._last_write_at >= COMMENT_SECONDS

    async def comment(self) -> None:
        """Keep an event stream alive; from now on an error is an event of the stream."""
        self._last_write_at = time.monotonic()
        await self.start_events()
        if not self.watch.is_over:
            await self._send({"type": "http.response.body", "body": self.keep_alive, "more_body": True})

    @property
    def is_gone(self) -> bool:
        """Whether nobody is there to be answered."""
        return self.watch.reason is Reason.GONE


def _too_large(limit: int) -> Refusal:
    return invalid_request(f"The request's body is larger than {limit} bytes.", status=413)
