"""The way into the control plane: a bounded body, and so many requests inside at once.

Django gives each request that is inside a thread and a database connection of its own, and keeps a body of any size
on disk. So a body is read, and an answer is sent, outside: whoever is slow at either holds neither. Only an export
goes out while it is read, because it may have any length: few at once, and nobody may keep one waiting for long.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from config import control_metrics
from routing.errors import Refusal, encode_envelope, error_headers

Message: TypeAlias = MutableMapping[str, Any]  # ASGI's own types
Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Plane: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY_BYTES = 2 * 1024 * 1024
"""Below what Django would put on disk; the management API reads half of it, forms are small."""
MOST_INSIDE = 24
MOST_OF_ONE_CALLER = 8
MOST_WAITING = 2_000
MOST_STREAMING = 4
UNREAD_SECONDS = 30
"""How long a piece of an export may wait for its reader."""

CREDENTIALS = frozenset({b"authorization", b"x-api-key", b"cookie"})
TOO_LARGE = Refusal(
    413, "payload_too_large", f"The body may have at most {MAX_BODY_BYTES} bytes.", "payload_too_large"
)
TOO_BUSY = Refusal(503, "provider_overloaded", "Service temporarily unavailable", "overloaded", retry_after=1)


class TooLarge(Exception):
    """The body is larger than anything here needs."""


class TooManyStreams(Exception):
    """As many exports as may be are under way."""


class Turn:
    """How many requests of one caller may be inside; `users` are inside or waiting."""

    def __init__(self, most: int) -> None:
        self.places = asyncio.Semaphore(most)
        self.users = 0


class Door:
    """Lets requests into a plane that answers each of them whole."""

    def __init__(
        self,
        plane: Plane,
        *,
        most_inside: int = MOST_INSIDE,
        most_of_caller: int = MOST_OF_ONE_CALLER,
        unread_seconds: float = UNREAD_SECONDS,
    ) -> None:
        self._plane = plane
        self._unread_seconds = unread_seconds
        self._streams = asyncio.Semaphore(MOST_STREAMING)
        self._inside = asyncio.Semaphore(most_inside)
        self._most_of_caller = most_of_caller
        self._turns: dict[tuple[bytes, ...], Turn] = {}
        self._present = self._entered = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        try:
            body = await _read(scope, receive)
        except TooLarge:
            control_metrics.TURNED_AWAY.add("too_large")
            await _refuse(send, TOO_LARGE)
            return
        if body is None:
            return
        if self._present >= MOST_WAITING:
            control_metrics.TURNED_AWAY.add("too_busy")
            await _refuse(send, TOO_BUSY)
            return
        answer = Answer(send, self._streams, self._unread_seconds)
        async with self._place(_caller(scope)):
            try:
                await self._plane(scope, _again(body, receive), answer.take)
            except TooManyStreams:
                answer.kept.clear()
                await _refuse(send, TOO_BUSY)
            finally:
                answer.end()
        await answer.send_rest()

    @asynccontextmanager
    async def _place(self, caller: tuple[bytes, ...]) -> AsyncIterator[None]:
        turn = self._turns.setdefault(caller, Turn(self._most_of_caller))
        turn.users += 1
        self._present += 1
        came_at = time.monotonic()
        self._tell()
        try:
            async with turn.places, self._inside:
                self._entered += 1
                control_metrics.WAIT.observe(time.monotonic() - came_at)
                self._tell()
                try:
                    yield
                finally:
                    self._entered -= 1
        finally:
            self._present -= 1
            self._tell()
            turn.users -= 1
            if not turn.users:
                del self._turns[caller]

    def _tell(self) -> None:
        control_metrics.INSIDE.set(self._entered)
        control_metrics.WAITING.set(self._present - self._entered)


class Answer:
    """Kept until it is whole; one that does not say how long it is is a stream, whose pieces are passed on at once."""

    def __init__(self, send: Send, streams: asyncio.Semaphore, unread_seconds: float) -> None:
        self.kept: list[Message] = []
        self._send, self._streams, self._unread_seconds = send, streams, unread_seconds
        self._has_length = self._is_streamed = False

    async def take(self, message: Message) -> None:
        """Keep a message, or pass it on. Raises TooManyStreams, TimeoutError."""
        self.kept.append(message)
        if message["type"] == "http.response.start":
            self._has_length = any(name.lower() == b"content-length" for name, _ in message["headers"])
        elif message.get("more_body", False) and not (self._has_length or self._is_streamed):
            if self._streams.locked():
                raise TooManyStreams
            await self._streams.acquire()
            self._is_streamed = True
        if self._is_streamed:
            await asyncio.wait_for(self.send_rest(), self._unread_seconds)

    async def send_rest(self) -> None:
        """Send what was kept."""
        while self.kept:
            await self._send(self.kept.pop(0))

    def end(self) -> None:
        """Nothing more will come: let another export begin."""
        if self._is_streamed:
            self._streams.release()


def _caller(scope: Scope) -> tuple[bytes, ...]:
    """Whoever asks, as far as can be told before anybody is asked: by credentials, else by address."""
    sent = tuple(value for name, value in scope["headers"] if name in CREDENTIALS)
    return sent or (str((scope.get("client") or ("",))[0]).encode(),)


async def _read(scope: Scope, receive: Receive) -> bytes | None:
    """The body, or None from a client that left. Raises TooLarge."""
    declared = dict(scope["headers"]).get(b"content-length", b"0")
    if declared.isdigit() and (len(declared) > 15 or int(declared) > MAX_BODY_BYTES):
        raise TooLarge
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            raise TooLarge
        if not message.get("more_body", False):
            return bytes(body)


def _again(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body that was read, then what else comes."""
    whole: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return whole.pop() if whole else await receive()

    return receive_again


async def _refuse(send: Send, refusal: Refusal) -> None:
    body = encode_envelope(refusal)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    headers += [*error_headers(refusal), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
