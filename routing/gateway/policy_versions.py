"""Hear of settings that changed: versions are read once a second, and at once when a notification comes.

Notifications come on a connection of their own, to the address that no pooler stands before, and only wake the
reader sooner: without them everything takes effect a second later.
"""

from __future__ import annotations

import asyncio
import time

from routing.gateway.database import ANSWER_SECONDS, Connect, Connection, keep_trying, opened
from routing.gateway.policy_cache import PolicyCache, Scope

CHANNEL = "policy"
POLL_SECONDS = 1.0
READ_VERSIONS = """
SELECT version.kind, version.object_id, version.value
  FROM version JOIN unnest(%s::text[], %s::bigint[]) AS scope (kind, object_id)
    ON version.kind = scope.kind AND version.object_id = scope.object_id
"""


class VersionWatcher:
    """Tells the policy cache which versions its entries' scopes have, for as long as the process runs."""

    def __init__(self, cache: PolicyCache, *, connect: Connect, connect_to_listen: Connect) -> None:
        self._cache = cache
        self._connect, self._connect_to_listen = connect, connect_to_listen
        self._news = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin; the database may be away."""
        for work, what in (
            (self._read_on, "versions cannot be read, policies grow stale"),
            (self._listen, "no notifications of changed settings"),
        ):
            self._tasks.append(asyncio.create_task(keep_trying(work, what)))

    async def stop(self) -> None:
        """End the watch."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _read_on(self) -> None:
        async with await opened(self._connect) as connection:
            while True:
                self._news.clear()
                await self._read(connection)
                try:
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._news.wait()
                except TimeoutError:
                    continue

    async def _read(self, connection: Connection) -> None:
        scopes: list[Scope] = list(self._cache.scopes)
        kinds, identifiers = [kind for kind, _ in scopes], [identifier for _, identifier in scopes]
        asked_at = time.monotonic()
        async with asyncio.timeout(ANSWER_SECONDS):
            cursor = await connection.execute(READ_VERSIONS, [kinds, identifiers])
            rows = await cursor.fetchall()
        self._cache.hear({(kind, identifier): value for kind, identifier, value in rows}, asked_at)

    async def _listen(self) -> None:
        async with await opened(self._connect_to_listen) as connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            async for _ in connection.notifies():
                self._news.set()
