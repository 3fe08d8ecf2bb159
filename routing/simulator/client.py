"""The client at the other end of the connection: read from, written to, and watched for hanging up."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

Event = dict[str, Any]  # an ASGI message, whose values have no common type
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
Headers = Sequence[tuple[bytes, bytes]]


class DisconnectedError(Exception):
    """The client hung up."""


class BodyTooLargeError(Exception):
    """The client sends more than it is allowed to."""


class Client:
    """One request's other end."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._watch: asyncio.Task[None] | None = None

    async def read_body(self, limit: int) -> bytes:
        """Return the request's body. Raises DisconnectedError, BodyTooLargeError."""
        parts: list[bytes] = []
        size = 0
        while True:
            event = await self._receive()
            if event["type"] == "http.disconnect":
                raise DisconnectedError
            parts.append(event.get("body", b""))
            size += len(parts[-1])
            if size > limit:
                raise BodyTooLargeError
            if not event.get("more_body"):
                return b"".join(parts)

    async def pause(self, seconds: float) -> None:
        """Wait so long, give or take a millisecond, or just let others run. Raises DisconnectedError at once."""
        watch = self._watch = self._watch or asyncio.create_task(self._wait_for_hang_up())
        if seconds > 0:
            await asyncio.wait((watch,), timeout=seconds)
        else:
            await asyncio.sleep(0)
        self._check(watch)

    async def wait_until_gone(self) -> None:
        """Never return; raises DisconnectedError when the client hangs up."""
        watch = self._watch = self._watch or asyncio.create_task(self._wait_for_hang_up())
        await asyncio.wait((watch,))
        self._check(watch)

    async def start(self, status: int, headers: Headers) -> None:
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def write(self, body: bytes, *, more: bool = False) -> None:
        await self._send({"type": "http.response.body", "body": body, "more_body": more})

    def release(self) -> None:
        """Stop watching."""
        if self._watch is not None:
            self._watch.cancel()

    async def _wait_for_hang_up(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    @staticmethod
    def _check(watch: asyncio.Task[None]) -> None:
        if watch.done():
            watch.result()
            raise DisconnectedError
