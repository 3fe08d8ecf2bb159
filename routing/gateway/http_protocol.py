"""A client's HTTP connection: uvicorn's protocol with limits in time and size, and a cycle of our own."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from routing.gateway.http_cycle import Cycle, Scope
from routing.gateway.watch import Reason, Watch

ASGI = {"version": "3.0", "spec_version": "2.3"}
HEAD_SECONDS = 10.0
BODY_SECONDS = 10.0
BODY_BYTES_PER_SECOND = 16 * 1024
"""A body has BODY_SECONDS and then has to keep up this rate."""
MAX_HEAD_BYTES = 64 * 1024
KEEP_ALIVE_SECONDS = 75.0
STALLED_SECONDS = 60.0
"""How long a client may take nothing of what was sent to it."""


class Connection(HttpToolsProtocol):
    """A client's connection with limits on how long and how large a head is and how slow a body may be."""

    cycle: Cycle | None  # type: ignore[assignment]  # ours in uvicorn's place
    is_draining = False
    """Set on the class: answers from now on say that the connection closes."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        self.waiting: deque[Cycle] = deque()
        """What was sent ahead, one request after the other."""
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
        self.connections.discard(self)
        if self.cycle is not None:
            self.cycle.disconnected = not self.cycle.response_complete
            self.cycle.tell()
        self.flow.resume_writing()
        if exc is None:
            self.transport.close()
        self.parser = None  # type: ignore[assignment]  # as uvicorn does
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
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self.idle_since = None
        self.head_since = self.head_since or time.monotonic()

    def on_headers_complete(self) -> None:
        self.head_since = None
        self.head_bytes = self.body_bytes = 0
        self.body_since = time.monotonic()
        existing = self.cycle
        self.cycle = Cycle(
            self, self._scope(), keep_alive=self._may_stay_open(), is_expecting=self.expect_100_continue
        )
        if existing is None or existing.response_complete:
            self._start(self.cycle)
        else:  # pipelined: one after the other
            self.flow.pause_reading()
            self.waiting.append(self.cycle)

    def _scope(self) -> Scope:
        url = httptools.parse_url(self.url)
        path = (url.path or b"/").decode("latin-1")
        return {
            "type": "http",
            "asgi": ASGI,
            "http_version": self.parser.get_http_version(),
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "root_path": "",
            "headers": self.headers,
            "state": {**self.app_state, "connection": self},
            "method": self.parser.get_method().decode("latin-1"),
            "raw_path": url.path or b"/",
            "path": unquote(path) if "%" in path else path,
            "query_string": url.query or b"",
        }

    def _start(self, cycle: Cycle) -> None:
        task = self.loop.create_task(cycle.run(self.app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def _may_stay_open(self) -> bool:
        is_wanted = bool(self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive())
        return is_wanted and not self.is_draining

    def on_body(self, body: bytes) -> None:
        self.body_bytes += len(body)
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            return
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.tell()

    def on_message_complete(self) -> None:
        self.body_since = None
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.more_body = False
            self.cycle.tell()

    def on_response_complete(self) -> None:
        """Begin what was sent ahead, or note since when the connection is idle; uvicorn sets a timer instead."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.waiting:
            self._start(self.waiting.popleft())
        else:
            self.idle_since = time.monotonic()

    def resume_reading(self) -> None:
        """Go on reading after the last piece of a body, so that a client that leaves is noticed."""
        if not self.waiting:
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
