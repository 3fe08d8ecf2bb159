"""Our own uvicorn server: it drains before it stops, and turns slow clients away (DESIGN §1)."""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from uvicorn import Config, Server

from config.lib.reporting import beat
from routing.gateway.http_protocol import Connection

LAST_WORDS_SECONDS = 2.0
TICKS_PER_SWEEP = 5
COLLECTION_THRESHOLDS = (10_000, 20, 50)
"""Rarer than Python's own: a request makes hundreds of objects and hardly ever a cycle."""

log = logging.getLogger(__name__)


@dataclass
class Draining:
    """Whether the process is on its way out, and how the requests that are still open are told to end."""

    notice_seconds: float
    drain_seconds: float
    is_draining: bool = False
    end_requests: Callable[[], None] = field(default=lambda: None)


class GatewayServer(Server):
    """Serves until a signal; then says so, goes on for the notice, closes its door and lets requests finish."""

    def __init__(self, config: Config, draining: Draining) -> None:
        super().__init__(config)
        self._draining = draining
        self._close_at: float | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, then listen. What was loaded stays, so the garbage collector may forget it."""
        await super().startup(sockets)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*COLLECTION_THRESHOLDS)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain at the first signal, end at once at the second."""
        if self._close_at is not None:
            self.force_exit = True
            self.should_exit = True
            return
        self._draining.is_draining = Connection.is_draining = True
        self._close_at = time.monotonic() + self._draining.notice_seconds

    async def on_tick(self, counter: int) -> bool:
        """Do what is done ten times a second; True ends the main loop."""
        now = time.monotonic()
        if counter % TICKS_PER_SWEEP == 0:
            beat()
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
    config = Config(
        application,
        loop="uvloop",
        http=Connection,
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
    )
    server = GatewayServer(config, draining)
    server.run(sockets=[listening_socket(host, port)])
    return server.started
