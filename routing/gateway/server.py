"""Our own uvicorn server: it drains before it stops, and times out slow heads and bodies (DESIGN §1)."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from uvicorn import Config, Server
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from routing.gateway.watch import Reason, Watch

HEAD_SECONDS = 10.0
BODY_SECONDS = 10.0
BODY_BYTES_PER_SECOND = 16 * 1024
"""A body has BODY_SECONDS and then has to keep up this rate."""
MAX_HEAD_BYTES = 64 * 1024
KEEP_ALIVE_SECONDS = 75
LAST_WORDS_SECONDS = 2.0
TICKS_PER_SWEEP = 5

log = logging.getLogger(__name__)


@dataclass
class Draining:
    """Whether the process is on its way out, and how the requests that are still open are told to end."""

    notice_seconds: float
    drain_seconds: float
    is_draining: bool = False
    end_requests: Callable[[], None] = field(default=lambda: None)


class Connection(HttpToolsProtocol):
    """A client's connection with limits on how long and how large a head is and how slow a body may be."""

    draining: Draining

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        self.watch: Watch | None = None
        self.head_since: float | None = time.monotonic()
        self.head_bytes = 0
        self.body_since: float | None = None
        self.body_bytes = 0
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
            self.head_since = time.monotonic()  # something that is no request yet, line ends perhaps

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.head_since = self.head_since or time.monotonic()
        self.scope["state"]["connection"] = self

    def on_headers_complete(self) -> None:
        self.head_since = None
        self.head_bytes = 0
        self.body_since = time.monotonic()
        self.body_bytes = 0
        super().on_headers_complete()
        if self.draining.is_draining:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        self.body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self.body_since = None
        super().on_message_complete()

    def resume_reading(self) -> None:
        """Go on reading after the last piece of a body, so that a client that leaves is noticed."""
        self.flow.resume_reading()

    def sweep(self, now: float) -> None:
        """Turn a client away that is too slow to be a client."""
        if self.head_since is not None and now - self.head_since > HEAD_SECONDS:
            self.turn_away(408, b"The request's head took too long.")
        elif self.body_since is not None and not self.flow.read_paused:
            allowed = BODY_SECONDS + self.body_bytes / BODY_BYTES_PER_SECOND
            if now - self.body_since > allowed:
                self.turn_away(408, b"The request's body took too long.")

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


class GatewayServer(Server):
    """Serves until a signal; then says so, goes on for the notice, closes its door and lets requests finish."""

    def __init__(self, config: Config, draining: Draining) -> None:
        super().__init__(config)
        self._draining = draining
        self._close_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain at the first signal, end at once at the second."""
        if self._close_at is not None:
            self.force_exit = True
            self.should_exit = True
            return
        self._draining.is_draining = True
        self._close_at = time.monotonic() + self._draining.notice_seconds

    async def on_tick(self, counter: int) -> bool:
        """Do what is done ten times a second; True ends the main loop."""
        now = time.monotonic()
        if counter % TICKS_PER_SWEEP == 0:
            for connection in list(self.server_state.connections):
                if isinstance(connection, Connection):
                    connection.sweep(now)
        if self._close_at is not None and now >= self._close_at:
            return True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the listener, wait for open requests, end those that are left, stop the application."""
        for server in self.servers:
            server.close()
        for opened in sockets or []:
            opened.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await self._wait_for_requests(self._draining.drain_seconds)
        if self.force_exit:
            return
        if self.server_state.tasks:
            log.warning("ending %d requests that outlast the drain", len(self.server_state.tasks))
            self._draining.end_requests()
            await self._wait_for_requests(LAST_WORDS_SECONDS)
        for connection in list(self.server_state.connections):
            connection.transport.close()
        await self._wait_for_requests(LAST_WORDS_SECONDS)
        await self.lifespan.shutdown()

    async def _wait_for_requests(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self.server_state.tasks and not self.force_exit and time.monotonic() < deadline:
            await asyncio.wait(list(self.server_state.tasks), timeout=0.1)


def listening_socket(host: str, port: int) -> socket.socket:
    """A bound socket that other gateway processes may share."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    opened.bind((host, port))
    opened.set_inheritable(False)
    return opened


def serve(application: Any, draining: Draining, *, host: str, port: int) -> bool:  # an ASGI application
    """Serve until told to stop; whether the application ever started."""
    connection = type("DrainingConnection", (Connection,), {"draining": draining})
    config = Config(
        application,
        loop="uvloop",
        http=connection,
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    server = GatewayServer(config, draining)
    server.run(sockets=[listening_socket(host, port)])
    return server.started
