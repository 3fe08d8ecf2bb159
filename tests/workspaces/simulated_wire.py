"""Many processes in one, in simulated time: each statement runs in a real PostgreSQL, only the waiting is made up.

An event loop whose clock jumps to whatever is due next, and connections with delays on that clock, which lose
answers, die with their process and hear notifications late or never.
"""

from __future__ import annotations

import asyncio
import random
import selectors
import time
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest

ROW_SECONDS = 0.0003
"""How long a lease call keeps the purse's row."""
HALF_TRIP_SECONDS = 0.0005
NOTICE_SECONDS = (0.002, 0.004)


class _JumpingSelector(selectors.DefaultSelector):
    """Instead of waiting, lets the time pass."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("nothing is due any more, and the simulation is not over")
        self.now += max(0.0, timeout)
        return super().select(0)


class _JumpingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def in_simulated_time(simulation: Coroutine[Any, Any, None]) -> None:
    """Run it to its end; whoever asks for time.monotonic() meanwhile is told the loop's."""
    with asyncio.Runner(loop_factory=_JumpingLoop) as runner, pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "monotonic", runner.get_loop().time)
        runner.run(simulation)


class SharedDatabase:
    """One session that does the statements of everybody, one after the other, and passes on what is notified."""

    def __init__(self, url: str, draw: random.Random) -> None:
        self.draw = draw
        self.session = psycopg.connect(url, autocommit=True, options="-c synchronous_commit=off")
        self.session.add_notify_handler(self._pass_on)
        self.session.execute("LISTEN purse")
        self.listeners: list[asyncio.Queue[str]] = []
        self.row_is_free_at = 0.0

    def _pass_on(self, notice: psycopg.Notify) -> None:
        loop = asyncio.get_running_loop()
        for listener in self.listeners:
            loop.call_later(self.draw.uniform(*NOTICE_SECONDS), listener.put_nowait, notice.payload)


@dataclass
class Cable:
    """How one process is connected, and whether it still is."""

    database: SharedDatabase
    draw: random.Random
    loss_rate: float = 0.0
    is_deaf: bool = False
    is_cut: bool = False

    async def connect(self) -> Any:
        """A connection for its statements."""
        self.check()
        return _Connection(self)

    def check(self) -> None:
        """Raise what a process sees that is cut off."""
        if self.is_cut:
            raise OSError("cut off")


class _Rows:
    def __init__(self, rows: Sequence[tuple[Any, ...]]) -> None:
        self._rows = rows

    async def fetchone(self) -> tuple[Any, ...] | None:
        return self._rows[0] if self._rows else None

    async def fetchall(self) -> Sequence[tuple[Any, ...]]:
        return self._rows


@dataclass
class _Connection:
    """As much of psycopg.AsyncConnection as leases use."""

    cable: Cable
    closed: bool = False
    is_in_transaction: bool = False
    info: Any = field(default_factory=lambda: _NoParameters())

    async def set_autocommit(self, value: bool) -> None:
        assert value

    async def close(self) -> None:
        self.closed = True

    async def execute(self, query: str, values: Sequence[Any] = (), *, binary: bool = False) -> _Rows:
        if query == "LISTEN purse" or "application_name', %s" in query:
            return _Rows([])
        is_lease_call = "FROM lease_op" in query
        if not self.is_in_transaction:
            await self._travel(is_lease_call)
        cursor = self.cable.database.session.execute(query, values, binary=binary)
        rows = _Rows(cursor.fetchall() if cursor.description else [])
        if not self.is_in_transaction:
            await asyncio.sleep(HALF_TRIP_SECONDS)
            self.cable.check()
            if is_lease_call and self.cable.draw.random() < self.cable.loss_rate:
                raise OSError("the answer is lost")
        return rows

    async def _travel(self, is_lease_call: bool) -> None:
        """Wait for the wire, and for the row; all that happens after it happens at one moment."""
        loop, database = asyncio.get_running_loop(), self.cable.database
        begins_at = loop.time() + HALF_TRIP_SECONDS
        if is_lease_call:
            begins_at = database.row_is_free_at = max(begins_at, database.row_is_free_at) + ROW_SECONDS
        await asyncio.sleep(begins_at - loop.time())
        self.cable.check()
        if is_lease_call and self.cable.draw.random() < self.cable.loss_rate:
            raise OSError("the call is lost")

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Everything in it happens at one moment."""
        await self._travel(False)
        self.is_in_transaction = True
        try:
            with self.cable.database.session.transaction():
                yield
        finally:
            self.is_in_transaction = False
        await asyncio.sleep(HALF_TRIP_SECONDS)

    async def notifies(self) -> AsyncIterator[psycopg.Notify]:
        heard: asyncio.Queue[str] = asyncio.Queue()
        if not self.cable.is_deaf:
            self.cable.database.listeners.append(heard)
        try:
            while True:
                payload = await heard.get()
                self.cable.check()
                yield psycopg.Notify("purse", payload, 0)
        finally:
            if not self.cable.is_deaf:
                self.cable.database.listeners.remove(heard)


class _NoParameters:
    def parameter_status(self, name: str) -> str:
        return f"simulated {name}"


@contextmanager
def shared_database(url: str, draw: random.Random) -> Iterator[SharedDatabase]:
    """The session, as long as the block lasts."""
    database = SharedDatabase(url, draw)
    try:
        yield database
    finally:
        database.session.close()
