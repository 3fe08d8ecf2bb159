"""Hear of settings that changed: versions are read once a second, and at once when a notification comes.

One raw connection of its own, on the address that no pooler stands before. Notifications only wake it sooner.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import psycopg

from routing.gateway.policy_cache import PolicyCache, Scope

Connection: TypeAlias = psycopg.AsyncConnection[tuple[Any, ...]]
Connect: TypeAlias = Callable[[], Awaitable[Connection]]

CHANNEL = "policy"
POLL_SECONDS = 1.0
RETRY_SECONDS = 0.5
ANSWER_SECONDS = 3.0
READ_VERSIONS = """
SELECT version.kind, version.object_id, version.value
  FROM version JOIN unnest(%s::text[], %s::bigint[]) AS scope (kind, object_id)
    ON version.kind = scope.kind AND version.object_id = scope.object_id
"""

log = logging.getLogger(__name__)


class VersionWatcher:
    """Tells the policy cache which versions its entries' scopes have, for as long as the process runs."""

    def __init__(self, cache: PolicyCache, connect: Connect) -> None:
        self._cache = cache
        self._connect = connect
        self._task: asyncio.Task[None] | None = None
        self._is_away = False

    def start(self) -> None:
        """Begin; the database may be away."""
        self._task = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """End the watch."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            try:
                await self._follow()
            except (psycopg.Error, OSError, TimeoutError) as error:
                if not self._is_away:
                    log.warning("versions cannot be read, policies grow stale: %s", error)
                self._is_away = True
            await asyncio.sleep(RETRY_SECONDS)

    async def _follow(self) -> None:
        async with asyncio.timeout(ANSWER_SECONDS):
            connection = await self._connect()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await connection.execute(f"LISTEN {CHANNEL}")
            while True:
                await self._read(connection)
                async for _ in connection.notifies(timeout=POLL_SECONDS, stop_after=1):
                    pass
        finally:
            await connection.close()

    async def _read(self, connection: Connection) -> None:
        scopes: list[Scope] = list(self._cache.scopes)
        kinds, identifiers = [kind for kind, _ in scopes], [identifier for _, identifier in scopes]
        asked_at = time.monotonic()
        async with asyncio.timeout(ANSWER_SECONDS):
            cursor = await connection.execute(READ_VERSIONS, [kinds, identifiers])
            rows = await cursor.fetchall()
        self._is_away = False
        self._cache.hear({(kind, identifier): value for kind, identifier, value in rows}, asked_at)
