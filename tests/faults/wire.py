"""Wires that a test can hold: between gateways and their provider, and between a gateway and its notifications.

Both are plain TCP relays on a thread of their own. The first reads just enough HTTP to know where a request
ends, because a request names in its body at which moment of its life it wants to be held.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
import time
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any, TypeVar

READ_BYTES = 64 * 1024
EVENTS_BEFORE_THE_HOLD = 6
LAST_EVENT = b"data: [DONE]"
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
REQUEST_ID = re.compile(rb"x-request-id: *([^\r]+)", re.IGNORECASE)
HOLD = re.compile(rb'"hold": ?"([a-z-]+)"')

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter
T = TypeVar("T")


class Point(StrEnum):
    """A moment in the life of a call to a provider."""

    BEFORE_THE_CALL = "before-the-call"
    BEFORE_THE_FIRST_BYTE = "before-the-first-byte"
    MID_STREAM = "mid-stream"
    AFTER_THE_LAST_CHUNK = "after-the-last-chunk"


class Relay:
    """A TCP server on a free port of this machine, with a thread and an event loop of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=type(self).__name__, daemon=True)
        self._open: set[asyncio.Task[None]] = set()
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._serve_safely, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Drop every connection and end the thread."""
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Any) -> Any:  # a coroutine's result
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _end(self) -> None:
        self._server.close()
        await self._drop()
        await self._loop.shutdown_asyncgens()

    async def _drop(self) -> None:
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve_safely(self, reader: Reader, writer: Writer) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # either side has gone: so does the other
        finally:
            self._open.discard(task)
            writer.close()

    async def _serve(self, reader: Reader, writer: Writer) -> None:
        raise NotImplementedError


class ProviderWire(Relay):
    """Stands before the provider and holds the calls that ask for it, until everything held is dropped."""

    def __init__(self, provider_port: Callable[[], int]) -> None:
        self._provider_port = provider_port
        self._held: dict[Point, list[str]] = {point: [] for point in Point}
        super().__init__()

    def wait_for_held(self, point: Point, count: int, seconds: float = 20.0) -> list[str]:
        """The ids of the calls that stand at a point, once there are so many of them."""
        deadline = time.monotonic() + seconds
        while len(self._held[point]) < count:
            assert time.monotonic() < deadline, f"{len(self._held[point])} of {count} calls came to {point}"
            time.sleep(0.005)
        return list(self._held[point])

    def forget_held(self) -> None:
        """Begin to count anew; what stands stays where it is until its gateway hangs up."""
        for held in self._held.values():
            held.clear()

    async def _serve(self, reader: Reader, writer: Writer) -> None:
        theirs, ours = await asyncio.open_connection("127.0.0.1", self._provider_port())
        call = _Call()
        answers = asyncio.create_task(self._pass_answers(call, theirs, writer))
        try:
            await _first_of(self._pass_requests(call, reader, ours), _done(answers))
        finally:
            answers.cancel()
            await asyncio.gather(answers, return_exceptions=True)
            ours.close()

    async def _pass_requests(self, call: _Call, reader: Reader, ours: Writer) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = LENGTH.search(head)
            body = await reader.readexactly(int(length[1])) if length else b""
            call.begin(head, body)
            if call.point is Point.BEFORE_THE_CALL:
                self._note(call)
                await _until_gone(reader)
                return
            ours.write(head + body)
            await ours.drain()

    async def _pass_answers(self, call: _Call, theirs: Reader, writer: Writer) -> None:
        while data := await theirs.read(READ_BYTES):
            passed = call.pass_on(data)
            if passed:
                writer.write(passed)
                await writer.drain()
            if call.is_held:
                self._note(call)
                await asyncio.Event().wait()  # until the gateway hangs up, which cancels this

    def _note(self, call: _Call) -> None:
        assert call.point is not None
        self._held[call.point].append(call.request_id)


class _Call:
    """What one connection is doing: which request, held where, and how much of its answer has passed."""

    def __init__(self) -> None:
        self.point: Point | None = None
        self.request_id = ""
        self.is_held = False
        self._events = 0
        self._tail = b""

    def begin(self, head: bytes, body: bytes) -> None:
        found, wish = REQUEST_ID.search(head), HOLD.search(body)
        self.request_id = found[1].decode() if found else ""
        self.point = Point(wish[1].decode()) if wish else None
        self.is_held, self._events, self._tail = False, 0, b""

    def pass_on(self, data: bytes) -> bytes:
        """What may pass of an answer's bytes; notes when the rest must not."""
        if self.point is Point.BEFORE_THE_FIRST_BYTE:
            self.is_held = True
            return b""
        if self.point is Point.MID_STREAM:
            self._events += data.count(b"\n\n")
            self.is_held = self._events >= EVENTS_BEFORE_THE_HOLD
        elif self.point is Point.AFTER_THE_LAST_CHUNK:
            at = (self._tail + data).find(LAST_EVENT)
            if at >= 0:
                self.is_held = True
                return data[: max(0, at - len(self._tail))]
            self._tail = (self._tail + data)[-len(LAST_EVENT) :]
        return data


class NotificationWire(Relay):
    """Stands before PostgreSQL's socket for LISTEN connections, and can be cut."""

    def __init__(self, socket_path: Callable[[], str]) -> None:
        self._socket_path = socket_path
        self.is_cut = False
        super().__init__()

    def cut(self) -> None:
        """Let nothing through any more, and nobody in."""
        self.is_cut = True
        self._run(self._drop())

    def mend(self) -> None:
        """Let everybody in again."""
        self.is_cut = False

    async def _serve(self, reader: Reader, writer: Writer) -> None:
        if self.is_cut:
            return
        theirs, ours = await asyncio.open_unix_connection(self._socket_path())
        try:
            await _first_of(_pump(reader, ours), _pump(theirs, writer))
        finally:
            ours.close()


async def _pump(reader: Reader, writer: Writer) -> None:
    while data := await reader.read(READ_BYTES):
        writer.write(data)
        await writer.drain()


async def _until_gone(reader: Reader) -> None:
    with contextlib.suppress(ConnectionError):
        while await reader.read(READ_BYTES):
            pass


async def _done(task: asyncio.Task[None]) -> None:
    await asyncio.wait([task])
    task.result()


async def _first_of(*works: Awaitable[None]) -> None:
    """Wait for the first to end, whatever its end; cancel the others."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
