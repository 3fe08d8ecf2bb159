"""A client's HTTP connection: uvicorn's protocol with limits in time and size, and one write per answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from routing.gateway.watch import Reason, Watch

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent

HEAD_SECONDS = 10.0
BODY_SECONDS = 10.0
BODY_BYTES_PER_SECOND = 16 * 1024
"""A body has BODY_SECONDS and then has to keep up this rate."""
MAX_HEAD_BYTES = 64 * 1024
KEEP_ALIVE_SECONDS = 75.0
STALLED_SECONDS = 60.0
"""How long a client may take nothing of what was sent to it."""


class Cycle(RequestResponseCycle):
    """One request and its response. The head waits for the first of the body, as ASGI says, and leaves with it."""

    head = b""

    async def send(self, message: ASGISendEvent) -> None:
        """Take an ASGI message of the response."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        event = cast("MutableMapping[str, Any]", message)
        if event["type"] == "http.response.start" and not self.response_started:
            self.response_started = True
            self.head = self._head(event["status"], event.get("headers", ()))
        elif event["type"] == "http.response.body" and self.response_started and not self.response_complete:
            self._send_body(event.get("body", b""), event.get("more_body", False))
        else:
            raise RuntimeError(f"unexpected ASGI message {event['type']}")

    def _head(self, status: int, headers: list[tuple[bytes, bytes]]) -> bytes:
        self.waiting_for_100_continue = False
        self.chunked_encoding = True
        lines = [STATUS_LINE[status]]
        for name, value in (*self.default_headers, *headers):
            lowered = name.lower()
            if lowered == b"content-length":
                self.chunked_encoding = False
                self.expected_content_length = int(value)
            elif lowered == b"connection" and value.lower() == b"close":
                self.keep_alive = False
                continue
            lines.append(b"%b: %b\r\n" % (name, value))
        if not self.keep_alive:
            lines.append(b"connection: close\r\n")
        if self.chunked_encoding and (self._has_no_body(status)):
            self.chunked_encoding = False
        elif self.chunked_encoding:
            lines.append(b"transfer-encoding: chunked\r\n")
        head = b"".join(lines)
        if head.count(b"\n") != len(lines) or head.count(b"\r") != len(lines) or b"\x00" in head:
            raise RuntimeError("a header holds a line end")
        return head + b"\r\n"

    def _has_no_body(self, status: int) -> bool:
        return self.scope["method"] == "HEAD" or status in (204, 304)

    def _send_body(self, body: bytes, more: bool) -> None:
        head, self.head = self.head, b""
        if self.scope["method"] == "HEAD":
            self.transport.write(head)
            self.expected_content_length = 0
        elif self.chunked_encoding:
            end = b"" if more else b"0\r\n\r\n"
            self.transport.write(b"%b%x\r\n%b\r\n%b" % (head, len(body), body, end) if body else head + end)
        else:
            self.expected_content_length -= len(body)
            if self.expected_content_length < 0 or (self.expected_content_length and not more):
                self.transport.close()
                raise RuntimeError("the body is not as long as its head says")
            self.transport.write(head + body)
        if not more:
            self._complete()

    def _complete(self) -> None:
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()


class Connection(HttpToolsProtocol):
    """A client's connection with limits on how long and how large a head is and how slow a body may be."""

    is_draining = False
    """Set on the class: answers from now on say that the connection closes."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        self.watch: Watch | None = None
        self.head_since: float | None = time.monotonic()
        self.head_bytes = 0
        self.body_since: float | None = None
        self.body_bytes = 0
        self.idle_since: float | None = None
        self.stalled_since: float | None = None
        self.unsent_bytes = 0
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.watch is not None:
            self.watch.interrupt(Reason.GONE)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.head_since is not None:
            self.head_bytes += len(data)
            if self.head_bytes > MAX_HEAD_BYTES:
                self.turn_away(431, b"The request's head is too large.")
        elif self.cycle is None or self.cycle.response_complete:
            self.idle_since = None
            self.head_since = time.monotonic()  # something that is no request yet, line ends perhaps

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.idle_since = None
        self.head_since = self.head_since or time.monotonic()

    def on_headers_complete(self) -> None:
        self.head_since = None
        self.head_bytes = self.body_bytes = 0
        self.body_since = time.monotonic()
        self._describe_request()
        existing = self.cycle
        self.cycle = Cycle(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=self._may_stay_open(),
            on_response=self.on_response_complete,
        )
        if existing is None or existing.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:  # pipelined: one after the other
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def _describe_request(self) -> None:
        scope = cast("MutableMapping[str, Any]", self.scope)
        url = httptools.parse_url(self.url)
        path = (url.path or b"/").decode("latin-1")
        scope["method"] = self.parser.get_method().decode("latin-1")
        scope["http_version"] = self.parser.get_http_version()
        scope["raw_path"] = url.path or b"/"
        scope["path"] = unquote(path) if "%" in path else path
        scope["query_string"] = url.query or b""
        scope["state"]["connection"] = self

    def _may_stay_open(self) -> bool:
        is_wanted = bool(self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive())
        return is_wanted and not self.is_draining

    def on_body(self, body: bytes) -> None:
        self.body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self.body_since = None
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Begin what was sent ahead, or note since when the connection is idle; uvicorn sets a timer instead."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self.idle_since = time.monotonic()

    def resume_reading(self) -> None:
        """Go on reading after the last piece of a body, so that a client that leaves is noticed."""
        if not self.pipeline:
            self.flow.resume_reading()

    def sweep(self, now: float) -> None:
        """Turn a client away that is too slow to be a client."""
        if self._has_stalled(now):
            self.transport.abort()
        elif self.idle_since is not None and now - self.idle_since > KEEP_ALIVE_SECONDS:
            self.transport.close()
        elif self.head_since is not None and now - self.head_since > HEAD_SECONDS:
            self.turn_away(408, b"The request's head took too long.")
        elif self.body_since is not None and not self.flow.read_paused:
            allowed = BODY_SECONDS + self.body_bytes / BODY_BYTES_PER_SECOND
            if now - self.body_since > allowed:
                self.turn_away(408, b"The request's body took too long.")

    def _has_stalled(self, now: float) -> bool:
        unsent = self.transport.get_write_buffer_size()
        if unsent == 0 or unsent != self.unsent_bytes:
            self.unsent_bytes, self.stalled_since = unsent, now
        return unsent > 0 and self.stalled_since is not None and now - self.stalled_since > STALLED_SECONDS

    def turn_away(self, status: int, text: bytes) -> None:
        """Answer without the application, unless it has begun to, and close."""
        if self.transport.is_closing():
            return
        is_answering = (
            self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
        )
        if not is_answering:
            head = b"content-type: text/plain\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(text)
            self.transport.write(STATUS_LINE[status] + head + text)
        self.transport.close()
