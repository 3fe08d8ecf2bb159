"""One request on a client's connection and its response, as ASGI wants them; uvicorn's own costs twice as much.

The response's head waits for the first of its body, as ASGI says, and leaves with it in one write.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Protocol, TypeAlias

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE
from uvicorn.server import ServerState

Message: TypeAlias = Mapping[str, Any]  # ASGI's own types
Scope: TypeAlias = MutableMapping[str, Any]
App: TypeAlias = Callable[[Scope, Callable[..., Any], Callable[..., Any]], Awaitable[None]]

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
FAILED = b"Internal Server Error"

log = logging.getLogger(__name__)


class Line(Protocol):
    """What a cycle needs of its connection."""

    transport: asyncio.Transport
    flow: FlowControl
    server_state: ServerState

    def on_response_complete(self) -> None:
        """Go on with the next request."""


class Cycle:
    """One request and its response. `tell` it what has arrived; the application receives and sends."""

    __slots__ = (
        "_connection",
        "_flow",
        "_has_news",
        "_head",
        "_is_chunked",
        "_is_expecting",
        "_length_left",
        "_news",
        "_transport",
        "body",
        "disconnected",
        "keep_alive",
        "more_body",
        "response_complete",
        "response_started",
        "scope",
    )

    def __init__(self, connection: Line, scope: Scope, *, keep_alive: bool, is_expecting: bool) -> None:
        self._connection, self._transport, self._flow = connection, connection.transport, connection.flow
        self.scope = scope
        self.keep_alive = keep_alive
        self._is_expecting = is_expecting
        self.body = bytearray()
        self.more_body = True
        self.disconnected = self.response_started = self.response_complete = False
        self._head = b""
        self._is_chunked = True
        self._length_left = 0
        self._has_news = False
        self._news: asyncio.Event | None = None

    async def run(self, app: App) -> None:
        """Run the application; whatever it does, the response is ended."""
        try:
            await app(self.scope, self.receive, self.send)
        except BaseException:
            log.exception("the application failed")
            await self._give_up()
        else:
            if not self.response_complete and not self.disconnected:
                log.error("the application left a response unfinished")
                await self._give_up()

    async def _give_up(self) -> None:
        if self.response_started:
            self._transport.close()
            return
        length = (b"content-length", b"%d" % len(FAILED))
        headers = [(b"content-type", b"text/plain; charset=utf-8"), length, (b"connection", b"close")]
        await self.send({"type": "http.response.start", "status": 500, "headers": headers})
        await self.send({"type": "http.response.body", "body": FAILED})

    # --- The request

    def tell(self) -> None:
        """Say that there is something to receive."""
        self._has_news = True
        if self._news is not None:
            self._news.set()

    async def receive(self) -> Message:
        """What has arrived, waiting for it: a piece of the body, or that the client is gone."""
        if self._is_expecting and not self._transport.is_closing():
            self._transport.write(CONTINUE)
            self._is_expecting = False
        if not self.disconnected and not self.response_complete:
            self._flow.resume_reading()
            if not self._has_news:
                self._news = asyncio.Event()  # hardly ever: most bodies come with their head
                await self._news.wait()
            self._has_news, self._news = False, None
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        body, self.body = self.body, bytearray()
        return {"type": "http.request", "body": bytes(body), "more_body": self.more_body}

    # --- The response

    async def send(self, event: Message) -> None:
        """Take an ASGI message of the response."""
        if self._flow.write_paused and not self.disconnected:
            await self._flow.drain()
        if self.disconnected:
            return
        if event["type"] == "http.response.start" and not self.response_started:
            self.response_started = True
            self._head = self._head_of(event["status"], event.get("headers", ()))
        elif event["type"] == "http.response.body" and self.response_started and not self.response_complete:
            self._send_body(event.get("body", b""), event.get("more_body", False))
        else:
            raise RuntimeError(f"unexpected ASGI message {event['type']}")

    def _head_of(self, status: int, headers: list[tuple[bytes, bytes]]) -> bytes:
        self._is_expecting = False
        lines = [STATUS_LINE[status]]
        for name, value in (*self._connection.server_state.default_headers, *headers):
            lowered = name.lower()
            if lowered == b"content-length":
                self._is_chunked = False
                self._length_left = int(value)
            elif lowered == b"connection" and value.lower() == b"close":
                self.keep_alive = False
                continue
            lines.append(b"%b: %b\r\n" % (name, value))
        if not self.keep_alive:
            lines.append(b"connection: close\r\n")
        if self._is_chunked and (self.scope["method"] == "HEAD" or status in (204, 304)):
            self._is_chunked = False
        elif self._is_chunked:
            lines.append(b"transfer-encoding: chunked\r\n")
        head = b"".join(lines)
        if head.count(b"\n") != len(lines) or head.count(b"\r") != len(lines) or b"\x00" in head:
            raise RuntimeError("a header holds a line end")
        return head + b"\r\n"

    def _send_body(self, body: bytes, more: bool) -> None:
        head, self._head = self._head, b""
        if self.scope["method"] == "HEAD":
            self._transport.write(head)
            self._length_left = 0
        elif self._is_chunked:
            end = b"" if more else b"0\r\n\r\n"
            self._transport.write(b"%b%x\r\n%b\r\n%b" % (head, len(body), body, end) if body else head + end)
        else:
            self._length_left -= len(body)
            if self._length_left < 0 or (self._length_left and not more):
                self._transport.close()
                raise RuntimeError("the body is not as long as its head says")
            self._transport.write(head + body)
        if not more:
            self._complete()

    def _complete(self) -> None:
        self.response_complete = True
        self.tell()
        if not self.keep_alive:
            self._transport.close()
        self._connection.on_response_complete()
