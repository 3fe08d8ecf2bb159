"""One HTTP/1.1 connection of a pool, and the response that is being read on it (config.lib.http_pool)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import httptools

MAX_HEAD_BYTES = 64 * 1024
MAX_BUFFER_BYTES = 256 * 1024
"""More than this of a body is not read ahead of who reads it."""
NO_BODY = (204, 304)


class BrokenOff(OSError):
    """The connection ended, or what came was no HTTP, before the response was complete."""


class Exchange(asyncio.Protocol):
    """One connection, and the response that is being read on it."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._waiter: asyncio.Future[None] | None = None
        self._error: BrokenOff | None = None
        self.idle_since = 0.0
        self.begin()

    def begin(self) -> None:
        """Forget the last response."""
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.has_head = self.is_complete = self._may_be_kept = self._ends_with_connection = False
        self._head_bytes = self._buffered = 0
        self._chunks: list[bytes] = []
        self._is_paused = self._has_excess = False
        self.when_complete: Callable[[], None] | None = None
        """Called when the response is complete after all, for who has read what he wanted of it."""

    # --- What the caller does

    def write(self, data: bytes) -> None:
        """Send a request."""
        cast("asyncio.Transport", self._transport).write(data)

    async def read_head(self) -> None:
        """Wait for status and headers. Raises BrokenOff."""
        while not self.has_head:
            await self._wait()

    async def read_some(self) -> bytes:
        """What has arrived of the body, waiting for it; empty at its end. Raises BrokenOff."""
        while not self._chunks:
            if self.is_complete:
                return b""
            await self._wait()
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._buffered = 0
        if self._is_paused:
            self._is_paused = False
            cast("asyncio.Transport", self._transport).resume_reading()
        return data

    async def _wait(self) -> None:
        if self._error is not None:
            raise self._error
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def abort(self) -> None:
        """Hang up at once."""
        if self._transport is not None:
            self._transport.abort()

    @property
    def is_read(self) -> bool:
        """Whether all of the body has come and was read."""
        return self.is_complete and not self._chunks

    @property
    def can_be_kept(self) -> bool:
        """Whether another request may follow on this connection."""
        return self.is_complete and self._may_be_kept and self._error is None

    @property
    def is_open(self) -> bool:
        """Whether nothing has ended it while it was kept."""
        return self._error is None

    # --- What the event loop and the parser do

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self.is_complete:
            self._fail("unasked for")  # bytes that belong to no request
            return
        if not self.has_head:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail("not HTTP")
        if self._has_excess:
            self._fail("unasked for")
        if not self.has_head and self._head_bytes > MAX_HEAD_BYTES:
            self._fail("the head is too large")
        self._wake()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if self._ends_with_connection and exc is None and self._error is None:
            self.is_complete = True
        if self._error is None:
            self._error = BrokenOff("the connection was closed")
        self._wake()

    def on_message_begin(self) -> None:
        self._has_excess = self.is_complete  # what follows a whole response is none of ours

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._has_excess:
            return
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        if self._has_excess:
            return
        self.status = self._parser.get_status_code()
        if self.status < 200:
            return
        self.has_head = True
        self._may_be_kept = self._parser.should_keep_alive()
        names = {name for name, _ in self.headers}
        is_framed = b"content-length" in names or b"transfer-encoding" in names
        self._ends_with_connection = not is_framed and self.status not in NO_BODY

    def on_body(self, data: bytes) -> None:
        if self._has_excess:
            return
        if self.when_complete is not None:
            self._fail("more than anybody reads")
            return
        self._chunks.append(data)
        self._buffered += len(data)
        if self._buffered > MAX_BUFFER_BYTES and not self._is_paused and self._transport is not None:
            self._is_paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        if self._has_excess:
            return
        if self.status < 200:  # 100 Continue, 103 Early Hints
            self.headers = []
            return
        self.is_complete = True
        if self.when_complete is not None:
            self.when_complete()

    def _fail(self, why: str) -> None:
        if self._error is None:
            self._error = BrokenOff(why)
        self.abort()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
