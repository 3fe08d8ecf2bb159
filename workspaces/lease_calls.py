"""The database calls behind leases, on a few raw autocommit connections; every failure is one of FAILURES."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

import psycopg

from workspaces.local_purse import Answer, Call
from workspaces.windows import from_datetime, to_datetime

Connection: TypeAlias = psycopg.AsyncConnection[tuple[Any, ...]]
Connect: TypeAlias = Callable[[], Awaitable[Connection]]

FAILURES = (psycopg.Error, OSError, TimeoutError)
CALL_SECONDS = 5.0
"""How long one answer may take before its connection is given up."""
CALLS_AT_ONCE = 3

LEASE_OP = (
    "SELECT status, delta, tight, others_loose, room, exhausted, current_window, byok"
    " FROM lease_op(%s, %s, %s, %s, %s, %s, %s::bigint[], %s, %s, %s)"
)
REGISTER = "INSERT INTO gateway_process (id, host) VALUES (%s, %s) ON CONFLICT (id) DO NOTHING"
BEAT = "UPDATE gateway_process SET heartbeat_at = now() WHERE id = %s RETURNING epoch"
LOOK_ROUND = """
SELECT clock_timestamp(), array(
    SELECT lease.purse_id FROM lease JOIN purse ON purse.id = lease.purse_id
    WHERE lease.process_id = %s AND lease.window_start = purse.window_start AND purse.is_tight AND lease.is_loose)
"""
LEASES = "SELECT purse_id, window_start, granted_nano, is_loose FROM lease WHERE process_id = %s"
END_BACKENDS = "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE application_name = ANY(%s)"

LeaseRows: TypeAlias = dict[tuple[int, int], tuple[int, bool]]
"""(purse, window start) -> (granted, is loose)."""


class LookRound(NamedTuple):
    """The database's clock, between two readings of our own, and the purses that others need money back on."""

    before: int
    at: int
    after: int
    recalled: list[int]


def monotonic_us() -> int:
    """Return this machine's steady clock in microseconds."""
    return time.monotonic_ns() // 1000


class LeaseDatabase:
    """Talks to the database for one process. A connection that failed is closed and never used again."""

    def __init__(self, *, connect: Connect, connect_to_listen: Connect, process_id: UUID) -> None:
        self.calls_made = 0
        self.last_contact = time.monotonic()
        self._connect = connect
        self._connect_to_listen = connect_to_listen
        self._process_id = process_id
        self._slots = asyncio.Semaphore(CALLS_AT_ONCE)
        self._spare: list[Connection] = []
        self._steady: Connection | None = None
        self._names = 0
        self._given_up: set[str] = set()

    async def register(self, host: str) -> None:
        """Write the process down, which must hold no lease before."""
        connection, _ = await self.steady()
        await connection.execute(REGISTER, [self._process_id, host])

    async def lease_op(self, purse_id: int, call: Call, epoch: int) -> Answer:
        """Make one call of lease_op. After a failure its outcome is unknown."""
        async with self._slots, self._one_of_ours() as connection:
            self.calls_made += 1
            arguments = [
                self._process_id,
                epoch,
                purse_id,
                to_datetime(call.starts_at),
                call.give,
                call.force,
            ]
            arguments += [list(call.asks), call.want, call.unit, call.is_leaving]
            async with asyncio.timeout(CALL_SECONDS):
                cursor = await connection.execute(LEASE_OP, arguments, binary=True)
                row = await cursor.fetchone()
        self.last_contact = time.monotonic()
        if row is None:
            raise psycopg.InternalError("lease_op returned no row")
        status, delta, is_tight, are_others_loose, room, is_exhausted, window, byok = row
        current = from_datetime(window) if window else call.starts_at
        return Answer(status, delta, is_tight, are_others_loose, room or 0, is_exhausted, current, byok)

    async def steady(self) -> tuple[Connection, bool]:
        """Return the connection of heartbeats, and whether it is a new one."""
        if self._steady is not None and not self._steady.closed:
            return self._steady, False
        self._steady = await self._open(self._connect)
        return self._steady, True

    async def beat(self) -> int | None:
        """Show that the process is alive; return its epoch, None if its row is gone."""
        connection, _ = await self.steady()
        row = await (await connection.execute(BEAT, [self._process_id])).fetchone()
        self.last_contact = time.monotonic()
        return row[0] if row else None

    async def look_round(self) -> LookRound:
        """Read the clock, and which of our leases are asked to return their reserve (also when LISTEN is cut)."""
        connection, _ = await self.steady()
        before = monotonic_us()
        row = await (await connection.execute(LOOK_ROUND, [self._process_id])).fetchone()
        if row is None:
            raise psycopg.InternalError("the database told no time")
        return LookRound(before, from_datetime(row[0]), monotonic_us(), row[1])

    async def read_leases(self, purse_ids: Iterable[int]) -> LeaseRows:
        """Read what the database has granted us on these purses, after calls whose answers were lost."""
        connection, _ = await self.steady()
        cursor = await connection.execute(
            LEASES + " AND purse_id = ANY(%s)", [self._process_id, list(purse_ids)]
        )
        return _by_window(await cursor.fetchall())

    async def resynchronise(self, clear_fence: Callable[[], None]) -> tuple[int, LeaseRows] | None:
        """Take the fence down with our row locked, so that no reaper can be at work; return epoch and leases.

        What it returns counts only because the transaction was committed: the lock was ours all the time.
        """
        connection, _ = await self.steady()
        async with connection.transaction():
            query = "SELECT epoch FROM gateway_process WHERE id = %s FOR UPDATE"
            row = await (await connection.execute(query, [self._process_id])).fetchone()
            if row is None:
                return None
            leases = await (await connection.execute(LEASES, [self._process_id])).fetchall()
            clear_fence()
        return row[0], _by_window(leases)

    async def end_given_up(self) -> None:
        """End the backends of connections that were given up.

        One may still be waiting for a lock with our call in hand; it must not change a lease after that lease
        was read again.
        """
        if not self._given_up:
            return
        connection, _ = await self.steady()
        names = list(self._given_up)
        ended = await (await connection.execute(END_BACKENDS, [names])).fetchall()
        if not all(is_ended for (is_ended,) in ended):
            raise psycopg.OperationalError("a connection that was given up is still at work")
        self._given_up.difference_update(names)

    async def notices(self) -> AsyncIterator[int]:
        """Yield the purses whose holders are called, as long as the connection lasts."""
        connection = await self._open(self._connect_to_listen)
        try:
            await connection.execute("LISTEN purse")
            async for notice in connection.notifies():
                yield int(notice.payload)
        finally:
            await connection.close()

    async def give_up_steady(self) -> None:
        """Close the connection of heartbeats after a failure."""
        connection, self._steady = self._steady, None
        if connection is not None:
            await connection.close()

    async def close(self) -> None:
        """Close every connection that is not in use."""
        await self.give_up_steady()
        while self._spare:
            await self._spare.pop().close()

    async def _open(self, connect: Connect) -> Connection:
        """Open a connection under a name of its own, by which its backend can be ended."""
        self._names += 1
        name = f"headgate {self._process_id} {self._names}"
        async with asyncio.timeout(CALL_SECONDS):
            connection = await connect()
            try:
                await connection.set_autocommit(True)
                await connection.execute("SELECT set_config('application_name', %s, false)", [name])
            except BaseException:
                await connection.close()
                raise
        return connection

    @asynccontextmanager
    async def _one_of_ours(self) -> AsyncIterator[Connection]:
        connection = self._spare.pop() if self._spare else await self._open(self._connect)
        name = connection.info.parameter_status("application_name")
        has_answered = False
        try:
            yield connection
            has_answered = True
        finally:
            if has_answered:
                self._spare.append(connection)
            else:  # failed or cancelled: the call may still go on in the database
                if name:
                    self._given_up.add(name)
                await connection.close()


def _by_window(rows: Iterable[tuple[Any, ...]]) -> LeaseRows:
    return {(purse, from_datetime(window)): (granted, is_loose) for purse, window, granted, is_loose in rows}
