"""A database of purses, a wire that can be cut, and a stand-in for ingest and reaper: the world around leases."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
import pytest_asyncio

from tests.own_database import in_database, replace_database
from workspaces.leases import Admitted, Leases, LocalPurse, PurseSpec
from workspaces.windows import to_datetime

LEASE_OP_SQL = Path(__file__).parents[2] / "workspaces/sql/lease_op.sql"
CENTRAL_SUMS = """
SELECT purse.id FROM purse LEFT JOIN (
    SELECT purse_id, window_start, sum(granted_nano - consumed_nano) AS open, count(*) AS holders,
           count(*) FILTER (WHERE is_loose) AS loose
    FROM lease GROUP BY purse_id, window_start) AS held
  ON held.purse_id = purse.id AND held.window_start = purse.window_start
WHERE purse.leased_nano <> coalesce(held.open, 0) OR purse.holders <> coalesce(held.holders, 0)
   OR purse.loose <> coalesce(held.loose, 0)
"""


STAGED_CLOCK = "-c search_path=staged,public,pg_catalog"
STAGE_SQL = """
CREATE SCHEMA staged;
CREATE TABLE staged.clock (shift interval NOT NULL);
INSERT INTO staged.clock VALUES ('0');
CREATE FUNCTION staged.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
    'SELECT pg_catalog.clock_timestamp() + shift FROM staged.clock';
CREATE FUNCTION staged.now() RETURNS timestamptz LANGUAGE sql STABLE AS
    'SELECT pg_catalog.now() + shift FROM staged.clock';
"""


class NoFence:
    """A fence in memory; a journal keeps the real one."""

    def __init__(self) -> None:
        self.is_up = False

    def is_set(self) -> bool:
        return self.is_up

    def clear(self) -> None:
        self.is_up = False


@dataclass
class Wire:
    """A TCP proxy in front of PostgreSQL: answers can be lost after the commit, and all of it can be cut."""

    url: str
    losses: random.Random = field(default_factory=random.Random)
    loss_rate: float = 0.0
    is_cut: bool = False
    delay_seconds: float = 0.0
    options: str = ""
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def connect(self) -> psycopg.AsyncConnection[tuple[Any, ...]]:
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        parts = urlsplit(self.url)
        return await psycopg.AsyncConnection.connect(
            host="127.0.0.1", port=port, user=parts.username, password=parts.password, dbname=parts.path[1:],
            options=self.options,
            sslmode="disable", gssencmode="disable", autocommit=True,
        )  # fmt: skip

    def cut(self) -> None:
        self.is_cut = True
        for writer in self._writers:
            writer.transport.abort()

    def mend(self) -> None:
        self.is_cut = False

    async def stop(self) -> None:
        assert self._server is not None
        self.cut()
        self._server.close()
        await self._server.wait_closed()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self.is_cut:
            writer.transport.abort()
            return
        back_reader, back_writer = await self._open_server()
        ends = {writer, back_writer}
        self._writers |= ends
        try:
            await asyncio.gather(
                self._pump(reader, back_writer, 0.0), self._pump(back_reader, writer, self.loss_rate)
            )
        finally:
            self._writers -= ends
            for end in ends:
                end.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rate: float) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                if self.delay_seconds:
                    await asyncio.sleep(self.delay_seconds)
                if rate and self.losses.random() < rate:
                    break
                writer.write(data)
                await writer.drain()
        for each in list(self._writers):
            if each is writer:
                each.transport.abort()

    async def _open_server(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        parts = urlsplit(self.url)
        host = parse_qs(parts.query).get("host", [parts.hostname or "127.0.0.1"])[0]
        port = parse_qs(parts.query).get("port", [parts.port or 5432])[0]
        if host.startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(host, int(port))


class PurseDatabase:
    """Purses in a migrated database, and what ingest and a reaper would do to them."""

    def __init__(self, url: str, admin_url: str) -> None:
        self.url = url
        self.admin = psycopg.connect(admin_url, autocommit=True)
        self.admin.execute("SET session_replication_role = replica")  # purses without their organizations
        self.subjects = 0

    def empty(self) -> None:
        self.admin.execute("TRUNCATE lease, purse, gateway_process")

    def purse(
        self,
        limit: int | None,
        *,
        with_byok: int | None = None,
        on_byok: int | None = None,
        interval: str = "t",
        strict: bool = False,
    ) -> PurseSpec:
        self.subjects += 1
        row = self.admin.execute(
            'INSERT INTO purse (organization_id, subject, "interval", limit_nano, limit_with_byok_nano,'
            " limit_on_byok_nano, is_strict) VALUES (1, %s, %s, %s, %s, %s, %s) RETURNING id",
            [self.subjects, interval, limit, with_byok, on_byok, strict],
        ).fetchone()
        assert row
        return PurseSpec(row[0], interval, strict)

    def stage_clock(self, moment: datetime | None) -> None:
        """Let the database's clock say something else to sessions with STAGED_CLOCK; None: the truth."""
        shift = timedelta() if moment is None else moment - datetime.now(UTC)
        self.admin.execute("UPDATE staged.clock SET shift = %s", [shift])

    def process(self) -> uuid.UUID:
        identity = uuid.uuid4()
        self.admin.execute("INSERT INTO gateway_process (id, host) VALUES (%s, 'test')", [identity])
        return identity

    def columns(self, table: str, names: str, where: str, *values: object) -> tuple[Any, ...] | None:
        return self.admin.execute(f"SELECT {names} FROM {table} WHERE {where}", values).fetchone()

    def value(self, spec: PurseSpec, column: str) -> Any:
        row = self.columns("purse", column, "id = %s", spec.id)
        assert row
        return row[0]

    def unbalanced(self) -> list[int]:
        """Purses that do not agree with their leases (R4 of spec/money.md §6)."""
        return [row[0] for row in self.admin.execute(CENTRAL_SUMS).fetchall()]

    def set_limit(self, spec: PurseSpec, limit: int | None) -> None:
        """Change a limit as workspaces.spending does."""
        with self.admin.transaction():
            self.admin.execute(
                "UPDATE purse SET limit_nano = %s, is_tight = %s WHERE id = %s",
                [limit, limit is not None, spec.id],
            )
            self.admin.execute("SELECT pg_notify('purse', %s)", [str(spec.id)])

    def ingest(self, process: uuid.UUID, settled: Sequence[tuple[int, int, int]], byok: int = 0) -> None:
        """Book settled (purse, window, cost) of a process, as ingest does it."""
        sums: Counter[tuple[int, int]] = Counter()
        for purse_id, window, cost in settled:
            sums[purse_id, window] += cost
        with self.admin.transaction():
            for (purse_id, window), cost in sorted(sums.items()):
                start = to_datetime(window)
                self.admin.execute(
                    "UPDATE purse SET spent_nano = spent_nano + %s, byok_nano = byok_nano + %s,"
                    " leased_nano = leased_nano - %s WHERE id = %s AND window_start = %s",
                    [cost - byok, byok, cost, purse_id, start],
                )
                self.admin.execute(
                    "UPDATE lease SET consumed_nano = consumed_nano + %s"
                    " WHERE process_id = %s AND purse_id = %s AND window_start = %s",
                    [cost, process, purse_id, start],
                )

    def reap_idle_money(self, process: uuid.UUID, held: dict[int, int]) -> None:
        """Fence a process: keep only what its open begins hold, and raise its epoch."""
        with self.admin.transaction():
            self.admin.execute("SELECT 1 FROM gateway_process WHERE id = %s FOR UPDATE", [process])
            rows = self.admin.execute(
                "SELECT purse_id, lease.window_start, granted_nano, consumed_nano, is_loose FROM lease"
                " JOIN purse ON purse.id = purse_id AND purse.window_start = lease.window_start"
                " WHERE process_id = %s ORDER BY purse_id FOR NO KEY UPDATE OF purse",
                [process],
            ).fetchall()
            for purse_id, window, granted, consumed, is_loose in rows:
                kept = min(granted, consumed + held.get(purse_id, 0))
                self.admin.execute(
                    "UPDATE lease SET granted_nano = %s, is_loose = false"
                    " WHERE process_id = %s AND purse_id = %s AND window_start = %s",
                    [kept, process, purse_id, window],
                )
                self.admin.execute(
                    "UPDATE purse SET leased_nano = leased_nano - %s, loose = loose - %s WHERE id = %s",
                    [granted - kept, int(is_loose), purse_id],
                )
            self.admin.execute("UPDATE gateway_process SET epoch = epoch + 1 WHERE id = %s", [process])


@dataclass
class Process:
    """A gateway process reduced to its leases."""

    leases: Leases
    identity: uuid.UUID
    fence: NoFence
    wire: Wire
    listening: Wire

    def purses(self, *specs: PurseSpec) -> list[LocalPurse]:
        return [self.leases.purse(spec) for spec in specs]


class LeaseWorld:
    """Processes on one database, each behind its own wires."""

    def __init__(self, database: PurseDatabase) -> None:
        self.database = database
        self.processes: list[Process] = []
        self.extra_wires: list[Wire] = []

    async def process(self, *, on_staged_clock: bool = False, **options: Any) -> Process:
        fence, identity = NoFence(), uuid.uuid4()
        session = STAGED_CLOCK if on_staged_clock else ""
        wire, listening = Wire(self.database.url, options=session), Wire(self.database.url)
        self.extra_wires += [wire, listening]
        await wire.start()
        await listening.start()
        options.setdefault("heartbeat_seconds", 0.1)
        leases = Leases(
            process_id=identity, host="test", connect=wire.connect, connect_to_listen=listening.connect,
            fence=fence, **options,
        )  # fmt: skip
        await leases.start()
        self.processes.append(Process(leases, identity, fence, wire, listening))
        return self.processes[-1]

    async def close(self) -> None:
        await asyncio.gather(*(process.leases.close() for process in self.processes))
        await asyncio.gather(*(wire.stop() for wire in self.extra_wires))


async def eventually(is_true: Callable[[], object], seconds: float = 5.0) -> None:
    """Wait until something holds; fail if it does not in time."""
    async with asyncio.timeout(seconds):
        while not is_true():  # noqa: ASYNC110  # what is waited for is often a row in the database
            await asyncio.sleep(0.005)


async def admitted(result: Awaitable[object]) -> Admitted:
    """The admission, which must have succeeded."""
    value = await result
    assert isinstance(value, Admitted), value
    return value


@pytest.fixture(scope="module")
def purse_database() -> Iterator[PurseDatabase]:
    """A copy of the migrated database for one module, because leases commit."""
    name = f"headgate_leases_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    admin = os.environ["HEADGATE_TEST_ADMIN_URL"]
    replace_database(admin, name, template=os.environ["HEADGATE_TEST_TEMPLATE"])
    url = in_database(os.environ["HEADGATE_OWNER_DATABASE_URL"], name)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(LEASE_OP_SQL.read_bytes())
        connection.execute(STAGE_SQL.encode())
    database = PurseDatabase(url, in_database(admin, name))
    yield database
    database.admin.close()


@pytest.fixture
def purses(purse_database: PurseDatabase) -> PurseDatabase:
    """The database of purses, empty."""
    purse_database.empty()
    purse_database.stage_clock(None)
    return purse_database


@pytest_asyncio.fixture
async def world(purses: PurseDatabase) -> AsyncIterator[LeaseWorld]:
    """A world with no process yet; all are closed at the end."""
    world = LeaseWorld(purses)
    yield world
    await world.close()
