"""What gateway processes tell each other: each posts once a second what it saw, and reads what the others did.

Never on the request path, and no request depends on it: while the database is away, each process knows only its own.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from uuid import UUID

import msgspec

from routing.gateway.database import ANSWER_SECONDS, Connect, Connection, keep_trying, opened
from routing.gateway.health import Health, Told
from routing.gateway.stickiness import Stickiness
from routing.gateway.windows import Counts

SECONDS = 1.0
KEPT_SECONDS = 300
"""How long a post is kept: a process that starts learns the last five minutes."""
OVERLAP_SECONDS = 3.0
"""A post may be seen later than its time says."""
SWEEP_SECONDS = 60.0
MOST_WAITING = 60
POST = "INSERT INTO shared_post (origin, number, body) VALUES (%s, %s, %s)"
READ = """
SELECT origin, number, body FROM shared_post
 WHERE posted_at > clock_timestamp() - make_interval(secs => %s) AND origin <> %s ORDER BY origin, number
"""
SWEEP = "DELETE FROM shared_post WHERE posted_at < clock_timestamp() - make_interval(secs => %s)"


class Post(msgspec.Struct, array_like=True):
    """What one process saw in about a second; `sticky` are conversations and their endpoints."""

    at: float
    counts: dict[int, Counts]
    outages: dict[int, float]
    sticky: dict[int, int]


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Post).decode


class Board:
    """This process's posts, and its ear for those of others."""

    def __init__(self, origin: UUID, connect: Connect, health: Health, stickiness: Stickiness) -> None:
        self._origin, self._connect = origin, connect
        self._health, self._stickiness = health, stickiness
        self._waiting: deque[bytes] = deque(maxlen=MOST_WAITING)
        self._number = 0
        self._heard: dict[UUID, int] = {}
        self._gathered_at = self._read_at = -float("inf")
        self._swept_at = -float("inf")

    def gather(self) -> None:
        """Count what this process saw, once a second, and put it down to be posted."""
        if time.monotonic() - self._gathered_at < SECONDS:
            return
        self._gathered_at = time.monotonic()
        told, sticky = self._health.refresh(), self._stickiness.news()
        if told is None and not sticky:
            return
        at, counts, outages = told or Told(time.time(), {}, {})
        self._waiting.append(encode(Post(at, counts, outages, sticky)))

    async def run(self) -> None:
        """Post and read for as long as the process runs."""
        await keep_trying(self._exchange, "what other processes know of providers is not heard")

    async def _exchange(self) -> None:
        async with await opened(self._connect) as connection:
            while True:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await self._post(connection)
                    await self._read(connection)
                    await self._sweep(connection)
                await asyncio.sleep(SECONDS)

    async def _post(self, connection: Connection) -> None:
        while self._waiting:
            self._number += 1
            await connection.execute(POST, [self._origin, self._number, self._waiting[0]])
            self._waiting.popleft()

    async def _read(self, connection: Connection) -> None:
        now = time.monotonic()
        seconds = min(now - self._read_at + OVERLAP_SECONDS, KEPT_SECONDS)
        cursor = await connection.execute(READ, [seconds, self._origin])
        for origin, number, body in await cursor.fetchall():
            if number > self._heard.get(origin, 0):
                self._heard[origin] = number
                self._hear(body)
        self._read_at = now

    def _hear(self, body: bytes) -> None:
        try:
            post = decode(body)
        except msgspec.MsgspecError:  # of another version of Headgate
            return
        at = min(post.at, time.time())  # its host's clock may be ahead
        self._health.hear(Told(at, post.counts, post.outages))
        self._stickiness.hear(post.sticky.items(), at)

    async def _sweep(self, connection: Connection) -> None:
        now = time.monotonic()
        if now - self._swept_at > SWEEP_SECONDS:
            self._swept_at = now
            await connection.execute(SWEEP, [KEPT_SECONDS])
