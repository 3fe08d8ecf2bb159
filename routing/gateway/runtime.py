"""The parts of one gateway process: made once, started and stopped in order (DESIGN §§1, 5)."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from config.lib.crypto import KeyRing, SealingError, sealing_ring
from config.lib.google_sign_in import TOKEN_URI
from config.lib.outbound import OutboundRules
from observability.journal import Journal, JournalBusy
from routing.catalog_snapshot import CatalogSnapshot
from routing.errors import unavailable
from routing.gateway.attempts import Attempts, Patience
from routing.gateway.board import Board
from routing.gateway.bodies import BodyReader
from routing.gateway.books import Books
from routing.gateway.client import Client, RefusedError
from routing.gateway.database import FAILURES, RETRY_SECONDS, connector
from routing.gateway.google_tokens import GoogleTokens
from routing.gateway.health import Health
from routing.gateway.plugin_work import PluginWork
from routing.gateway.policy_cache import LoadCatalog, LoadPolicy, PolicyCache
from routing.gateway.policy_versions import VersionWatcher
from routing.gateway.rate_exchange import RateExchange
from routing.gateway.rates import Rates
from routing.gateway.recorder import Recorder
from routing.gateway.refusals import RefusalLog
from routing.gateway.response_cache import ResponseCache
from routing.gateway.stickiness import Stickiness
from routing.gateway.upstream import PUBLIC_ONLY, Upstream
from routing.gateway.watch import Reason
from routing.plugins.operator import NOTHING_SET_UP, Operator
from workspaces.leases import Leases

LOADERS = 4
TICK_SECONDS = 0.5
RETRY_AFTER_SECONDS = 2
START_SECONDS = 3.0
"""How long the listener waits for the database."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """What an operator may set about the gateway."""

    max_body_bytes: int
    max_concurrency: int
    organization_share: float
    stale_seconds: float
    patience: Patience
    outbound: OutboundRules = PUBLIC_ONLY
    google_token_url: str = TOKEN_URI
    region_hosts: Mapping[str, str] = field(default_factory=dict)
    cache_bytes: int = 0
    region: str | None = None
    """Where this process runs, as router metadata says."""
    operator: Operator = NOTHING_SET_UP
    slow_seconds: float = 1.0
    """Own time from which on a request is logged as slow."""
    is_access_logged: bool = False
    dashboard_origin: str = ""
    """Whose pages may read answers though they come from another origin: the chat room's, where planes are apart."""


@dataclass(frozen=True, slots=True)
class Storage:
    """Where a process keeps its journal, and the database's addresses (the second with no pooler before it)."""

    journal_folder: Path
    segment_bytes: int
    database_url: str
    listen_url: str


@dataclass(frozen=True, slots=True)
class Loaders:
    """What reads settings from the database, in a worker thread; they raise SourceAway."""

    load_policy: LoadPolicy
    load_catalog: LoadCatalog


class Runtime:
    """One process's parts. Make it on the running loop, after the last fork."""

    def __init__(
        self, storage: Storage, limits: Limits, loaders: Loaders, upstream: Upstream | None = None
    ) -> None:
        process_id = uuid4()
        self.limits = limits
        self.began_at = time.monotonic()
        self.journal = Journal.create(storage.journal_folder, process_id, segment_bytes=storage.segment_bytes)
        connect, connect_to_listen = connector(storage.database_url), connector(storage.listen_url)
        self.leases = Leases(
            process_id=process_id,
            host=socket.gethostname(),
            connect=connect,
            connect_to_listen=connect_to_listen,
            fence=self.journal.fence,
            on_process_lost=_restart,
        )
        self._executor = ThreadPoolExecutor(LOADERS, thread_name_prefix="policies")
        self.policies = PolicyCache(
            load_policy=loaders.load_policy,
            load_catalog=loaders.load_catalog,
            purse=self.leases.purse,
            executor=self._executor,
            stale_seconds=limits.stale_seconds,
        )
        self._watcher = VersionWatcher(self.policies, connect=connect, connect_to_listen=connect_to_listen)
        self.books = Books(self.journal, self.leases)
        self.refusals = RefusalLog(self.journal)
        self.rates = Rates(
            max_concurrency=limits.max_concurrency, organization_share=limits.organization_share
        )
        self._rate_exchange = RateExchange(self.rates, connect=connect)
        self.health = Health()
        self.stickiness = Stickiness()
        self._board = Board(process_id, connect, self.health, self.stickiness)
        self.bodies = BodyReader(limits.region_hosts)
        ring = _ring()
        self.cache = ResponseCache(connect, ring, limits.cache_bytes)
        self.recorder = Recorder(ring, self.bodies)
        self.plugin_work = PluginWork(limits.operator, self.bodies)
        self.upstream = upstream or Upstream(limits.outbound)
        tokens = GoogleTokens(self.upstream, limits.google_token_url)
        self.attempts = Attempts(self.upstream, self.health, limits.patience, tokens)
        self.open_requests: set[Client] = set()
        self._loop_lag = 0.0
        self._has_leases = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin; returns as soon as requests can be served, or after a while: they are answered 503 until then."""
        self.journal.start_syncing()
        self._watcher.start()
        self._rate_exchange.start()
        self._run(self._start_leases())
        self._run(self._tick())
        self._run(self._board.run())
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._has_leases.wait()
                await self.policies.has_catalog.wait()
        except TimeoutError:
            log.warning("listening without the database: requests are answered 503 until it is there")

    async def stop(self) -> None:
        """End in order, when no request is open: nothing is lost if this is cut short."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._watcher.stop()
        await self._rate_exchange.stop()
        self.refusals.flush(is_last=True)
        await self.cache.close()
        if self._has_leases.is_set():
            await self.leases.close()
        try:
            self.journal.close()
        except JournalBusy as error:
            log.error("the journal is left to ingest as it is: %s", error)
        self.upstream.close()
        await self.plugin_work.close()
        self.recorder.close()
        self.bodies.close()
        self._executor.shutdown(wait=False, cancel_futures=True)

    @property
    def has_database(self) -> bool:
        """Whether the database has answered, and lately enough for what is known to hold."""
        return self._has_leases.is_set() and not self.leases.is_database_away(self.limits.stale_seconds)

    @property
    def catalog(self) -> CatalogSnapshot:
        """What can be asked for. Raises RefusedError (503) before it was ever read."""
        if self.policies.catalog is None:
            raise RefusedError(unavailable(retry_after=RETRY_AFTER_SECONDS))
        return self.policies.catalog

    def check_database(self) -> None:
        """Refuse before the database was there, or after it was away for too long. Raises RefusedError (503)."""
        if not self.has_database:
            raise RefusedError(unavailable(retry_after=RETRY_AFTER_SECONDS))

    def end_requests(self) -> None:
        """Tell every open request to end: the process stops."""
        for client in list(self.open_requests):
            client.watch.interrupt(Reason.STOPPING)

    def take_loop_lag(self) -> float:
        """By how many seconds the event loop was late at most, since this was asked before."""
        lag, self._loop_lag = self._loop_lag, 0.0
        return lag

    def _run(self, work: Any) -> None:  # a coroutine of ours
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _start_leases(self) -> None:
        is_said = False
        while True:
            try:
                await self.leases.start()
            except FAILURES as error:
                if not is_said:
                    log.warning("waiting for the database: %s", error)
                is_said = True
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self._has_leases.set()
                return

    async def _tick(self) -> None:
        """End waits that are too long, and keep silent streams alive."""
        while True:
            slept_at = time.monotonic()
            await asyncio.sleep(TICK_SECONDS)
            now = time.monotonic()
            self._loop_lag = max(self._loop_lag, now - slept_at - TICK_SECONDS)
            for client in list(self.open_requests):
                client.watch.interrupt_if_late(now)
                if client.needs_comment(now):
                    self._run(client.comment())
            self.upstream.close_idle()
            self.rates.forget_idle()
            self.refusals.flush()
            self._board.gather()
            self.cache.tend()


def _ring() -> KeyRing | None:
    try:
        return sealing_ring()
    except SealingError:
        return None  # the start would have failed if anything needed one


def _restart() -> None:
    """Drain and end: this process was declared dead and may admit nothing more; another takes its place."""
    log.error("this process's leases were forfeited; it ends")
    os.kill(os.getpid(), signal.SIGTERM)
