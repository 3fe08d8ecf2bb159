"""Where answers are kept that may be given again: sealed, in one unlogged table of PostgreSQL, until they expire.

The one look-up that a request may wait for; it is bounded in time, and a store that fails has nothing. Belongs to the
event loop's thread.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine
from typing import Any

import msgspec
import psycopg

from config.lib.crypto import KeyRing, SealingError
from routing.call import CacheUse
from routing.gateway.database import FAILURES, Connect, Connection, Row

FIND = "SELECT sealed FROM response_cache WHERE key = %s AND expires_at > now()"
FORGET = "DELETE FROM response_cache WHERE key = %s"
KEEP = """
INSERT INTO response_cache (key, organization_id, api_key_id, sealed, size, expires_at)
VALUES (%s, %s, %s, %s, %s, now() + make_interval(secs => %s))
ON CONFLICT (key) DO UPDATE SET sealed = EXCLUDED.sealed, size = EXCLUDED.size, expires_at = EXCLUDED.expires_at
"""
SWEEP = "DELETE FROM response_cache WHERE expires_at <= now()"
SHRINK = """
DELETE FROM response_cache WHERE key IN (
  SELECT key FROM (
    SELECT key, sum(size) OVER (ORDER BY expires_at DESC, key) AS bytes,
           row_number() OVER (PARTITION BY api_key_id ORDER BY expires_at DESC, key) AS of_key
    FROM response_cache
  ) ranked WHERE bytes > %s OR of_key > %s)
"""
"""What expires soonest goes first, as far as there is too much of one key, or of all."""
MOST_ANSWER_BYTES = 512 * 1024
"""A larger answer is not kept."""
MOST_OF_A_KEY = 10_000
MOST_UNWRITTEN = 256
CONNECTIONS = 4
FIND_SECONDS = 0.25
WRITE_SECONDS = 5.0
SWEEP_SECONDS = 60.0
RETRY_SECONDS = 1.0
"""How long nothing is asked of a store that has failed."""

log = logging.getLogger(__name__)


class Kept(msgspec.Struct, frozen=True):
    """An answer as it was before its dialect put it into words: a Chat Completions object, or events of them.

    `source` is the public id of the generation it was made for, `kept_at` Unix seconds.
    """

    source: str
    kept_at: float
    seconds: int
    endpoint_id: int
    data: bytes
    finish_reason: str | None = None
    native_finish_reason: str | None = None

    @property
    def age(self) -> int:
        """Whole seconds since then."""
        return max(0, int(time.time() - self.kept_at))


_write, _read = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(Kept).decode


class ResponseCache:
    """Keeps answers for all processes. With no `most_bytes` or no key ring it is always empty."""

    def __init__(self, connect: Connect, ring: KeyRing | None, most_bytes: int) -> None:
        self._connect, self._ring, self._most_bytes = connect, ring, most_bytes
        self._idle: list[Connection] = []
        self._slots = asyncio.Semaphore(CONNECTIONS)
        self._tasks: set[asyncio.Task[None]] = set()
        self._unwritten: dict[bytes, Kept] = {}
        self._retry_at = 0.0
        self._sweep_at = time.monotonic() + RETRY_SECONDS

    async def find(self, use: CacheUse) -> Kept | None:
        """What is kept for these requests, None also where the store does not answer in time."""
        kept = self._unwritten.get(use.key) or self._opened(
            use, await self._ask(FIND_SECONDS, FIND, (use.key,))
        )
        return kept if kept is not None and kept.age < kept.seconds else None

    async def forget(self, use: CacheUse) -> None:
        """Delete what is kept."""
        self._unwritten.pop(use.key, None)
        await self._ask(FIND_SECONDS, FORGET, (use.key,))

    def keep(self, use: CacheUse, kept: Kept, *, organization_id: int, api_key_id: int) -> None:
        """Keep an answer; this process has it at once, the others as soon as it is written."""
        if self._ring is None or not self._most_bytes or len(kept.data) > MOST_ANSWER_BYTES:
            return
        if len(self._unwritten) >= MOST_UNWRITTEN:
            return
        self._unwritten[use.key] = kept
        sealed = self._ring.seal(_write(kept), identity=_identity(use))
        row = (use.key, organization_id, api_key_id, sealed, len(sealed), kept.seconds)
        self._run(self._put(use.key, kept, row))

    async def _put(self, key: bytes, kept: Kept, row: Row) -> None:
        try:
            await self._ask(WRITE_SECONDS, KEEP, row)
        finally:
            if self._unwritten.get(key) is kept:
                del self._unwritten[key]

    def _opened(self, use: CacheUse, row: Row | None) -> Kept | None:
        if row is None or self._ring is None:
            return None
        try:
            return _read(self._ring.open(row[0], identity=_identity(use)))
        except (SealingError, msgspec.MsgspecError):
            return None  # sealed with a key that is gone, or by another version

    def tend(self) -> None:
        """Now and then remove what has expired, and what is too much."""
        if time.monotonic() >= self._sweep_at:
            self._sweep_at = time.monotonic() + SWEEP_SECONDS
            self._run(self.sweep())

    async def sweep(self) -> None:
        """Remove what has expired, then what expires soonest until the rest is within its bounds."""
        await self._ask(WRITE_SECONDS, SWEEP, ())
        await self._ask(WRITE_SECONDS, SHRINK, (self._most_bytes, MOST_OF_A_KEY))

    async def close(self) -> None:
        """Write what is on its way, and close the connections."""
        await asyncio.gather(*self._tasks, return_exceptions=True)
        while self._idle:
            await self._idle.pop().close()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ask(self, seconds: float, statement: str, parameters: Row) -> Row | None:
        """The first row of a statement; None where there is none, or nobody answers in time."""
        if time.monotonic() < self._retry_at:
            return None
        try:
            async with asyncio.timeout(seconds), self._slots:
                return await self._execute(statement, parameters)
        except FAILURES as error:
            self._retry_at = time.monotonic() + RETRY_SECONDS
            log.warning("the response cache does not answer: %s", error)
            return None

    async def _execute(self, statement: str, parameters: Row) -> Row | None:
        while self._idle:  # the database may have gone and come back since they were used
            try:
                return await self._execute_on(self._idle.pop(), statement, parameters)
            except psycopg.OperationalError:
                continue
        return await self._execute_on(await self._connect(), statement, parameters)

    async def _execute_on(self, connection: Connection, statement: str, parameters: Row) -> Row | None:
        try:
            cursor = await connection.execute(statement, parameters)
            row = await cursor.fetchone() if cursor.description else None
        except BaseException:
            await connection.close()  # what is half done on it is nobody's business any more
            raise
        self._idle.append(connection)
        return row


def _identity(use: CacheUse) -> str:
    return f"response_cache:{use.key.hex()}"
