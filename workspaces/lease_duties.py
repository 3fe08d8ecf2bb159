"""What a process does about its leases without being asked: heartbeat, fence, recall, idle returns."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Protocol

from workspaces.admission_clock import AdmissionClock
from workspaces.lease_calls import FAILURES, LeaseDatabase
from workspaces.lease_keeping import LeaseKeeper
from workspaces.local_purse import LocalPurse

RETRY_SECONDS = 0.05
LISTEN_RETRY_SECONDS = 0.2
BEAT_SECONDS_AT_MOST = 30.0

log = logging.getLogger(__name__)


class Fence(Protocol):
    """The byte by which a reaper stops a process that it could not hear; the journal holds it."""

    def is_set(self) -> bool:
        """Whether the process must resynchronise before it calls a provider."""

    def clear(self) -> None:
        """Take it down."""


class ProcessLost(Exception):
    """The process's row is gone: its leases were forfeited."""


class IdleRound:
    """Visits every purse once in a while, some at a time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._left: Iterator[LocalPurse] = iter(())
        self._due = 0.0
        self._at = time.monotonic()

    def next_visits(self, purses: dict[int, LocalPurse]) -> list[LocalPurse]:
        """Return whom to visit after the time that has passed since the last call."""
        now = time.monotonic()
        self._due = min(self._due + len(purses) * (now - self._at) / self._seconds, len(purses))
        self._at = now
        count = int(self._due)
        self._due -= count
        visited = list(islice(self._left, count))
        if len(visited) < count:
            self._left = iter(list(purses.values()))
            visited += islice(self._left, count - len(visited))
        return visited


class LeaseDuties:
    """The tasks that run as long as the process holds leases."""

    def __init__(
        self,
        *,
        keeper: LeaseKeeper,
        database: LeaseDatabase,
        clock: AdmissionClock,
        fence: Fence,
        on_process_lost: Callable[[], None],
        heartbeat_seconds: float,
        idle_seconds: float,
    ) -> None:
        self._keeper = keeper
        self._database = database
        self._clock = clock
        self._fence = fence
        self._on_process_lost = on_process_lost
        self._heartbeat_seconds = heartbeat_seconds
        self._round = IdleRound(idle_seconds)
        self._is_fenced = False
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, host: str) -> None:
        """Register the process, learn the time, begin. Raises psycopg.Error without a database."""
        try:
            await self._database.register(host)
            await self._beat()
        except FAILURES:
            await self._database.close()
            raise
        self._tasks = [asyncio.create_task(self._keep_beating()), asyncio.create_task(self._keep_listening())]

    async def stop(self) -> None:
        """End the tasks."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _keep_beating(self) -> None:
        while True:
            self._keeper.alarm.clear()
            try:
                async with asyncio.timeout(BEAT_SECONDS_AT_MOST):
                    await self._beat()
            except ProcessLost:
                log.error("this process's row is gone: it may admit nothing any more")
                self._keeper.lose()
                self._on_process_lost()
                return
            except FAILURES as error:
                log.warning("no heartbeat: %s", error)
                await self._database.give_up_steady()
                self._keeper.give_up_overdue()
                await asyncio.sleep(RETRY_SECONDS)
                continue
            for purse in self._round.next_visits(self._keeper.active):
                self._keeper.visit(purse)
            await self._pause()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._heartbeat_seconds):
                await self._keeper.alarm.wait()
        except TimeoutError:
            return

    async def _beat(self) -> None:
        _, is_new = await self._database.steady()
        if is_new:  # the database may have lost a return whose commit it had not written: read everything
            self._keeper.doubt_all()
        await self._database.end_given_up()
        epoch = await self._database.beat()
        if epoch is None:
            raise ProcessLost
        if epoch != self._keeper.epoch or self._is_fenced or self._fence.is_set():
            await self._resynchronise()
        elif self._keeper.doubtful:
            doubtful = set(self._keeper.doubtful)
            self._keeper.believe(doubtful, await self._database.read_leases(purse.id for purse in doubtful))
        seen = await self._database.look_round()
        self._clock.synchronise(seen.before, seen.at, seen.after)
        for purse_id in seen.recalled:
            self._keeper.recall(purse_id)

    async def _resynchronise(self) -> None:
        """Start anew after a fence: until the transaction is committed, nothing that was granted counts."""
        log.warning("this process was fenced; reading its leases again")
        self._is_fenced = True
        self._keeper.freeze()
        doubtful = set(self._keeper.doubtful)
        found = await self._database.resynchronise(self._fence.clear)
        if found is None:
            raise ProcessLost
        self._keeper.epoch, rows = found
        self._is_fenced = False
        self._keeper.believe(doubtful, rows)

    async def _keep_listening(self) -> None:
        while True:
            try:
                async for purse_id in self._database.notices():
                    self._keeper.recall(purse_id)
            except FAILURES as error:
                log.warning("not listening: %s", error)
            await asyncio.sleep(LISTEN_RETRY_SECONDS)
