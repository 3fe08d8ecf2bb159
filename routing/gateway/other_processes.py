"""Work that would stall the event loop, in other processes, with a deadline and in turn among organizations."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing.connection import wait
from typing import TypeVar

from routing.errors import unavailable
from routing.gateway.client import RefusedError
from routing.gateway.turns import Turns

T = TypeVar("T")

PROCESSES = 2
MOST_WAITING = 500
JOB_SECONDS = 30.0
"""Three times what the dearest patterns may take; a process that is at it for longer is ended."""
WHAT = "large requests"

log = logging.getLogger(__name__)


class OtherProcesses:
    """At most PROCESSES of them, started when they are needed. Belongs to the running loop."""

    def __init__(self, job_seconds: float = JOB_SECONDS, most_waiting: int = MOST_WAITING) -> None:
        self._seconds = job_seconds
        self._turns = Turns(PROCESSES, most_waiting, WHAT)
        self._idle: list[_Worker] = []
        self._jobs: set[asyncio.Task[object]] = set()
        self._is_closed = False

    async def do(self, organization: int, work: Callable[[], T]) -> T:
        """What the work comes to. Raises RefusedError: 429, 503, and what the work raises."""
        await self._turns.take(organization)
        job = asyncio.create_task(self._do(work))
        self._jobs.add(job)
        job.add_done_callback(lambda done: self._finish(organization, done))
        return await asyncio.shield(job)  # who has gone away leaves a process that is at work

    def _finish(self, organization: int, job: asyncio.Task[object]) -> None:
        self._jobs.discard(job)
        self._turns.leave(organization)
        if not job.cancelled():
            job.exception()  # nobody may be there any more to hear of it

    async def _do(self, work: Callable[[], T]) -> T:
        worker = self._idle.pop() if self._idle else _Worker()
        done_with: Callable[[_Worker], None] = self._keep
        try:
            if not worker.has_started:
                await worker.start()
            async with asyncio.timeout(self._seconds):
                return await worker.do(work)
        except TimeoutError:
            done_with = _Worker.kill
            log.error("a process that reads large requests is ended: it took too long")
            raise RefusedError(unavailable("The request takes too long to be read.")) from None
        except BrokenProcessPool:
            done_with = _Worker.leave
            log.error("a process that reads large requests has died; another takes its place")
            raise RefusedError(unavailable()) from None
        finally:
            done_with(worker)

    def _keep(self, worker: _Worker) -> None:
        """Have it ready for others."""
        if self._is_closed:
            worker.leave()
        else:
            self._idle.append(worker)

    def close(self) -> None:
        """End the processes; who is at work ends with the gateway at the latest."""
        self._is_closed = True
        while self._idle:
            self._idle.pop().leave()


class _Worker:
    """One process. An executor of its own, so that it can be ended alone."""

    def __init__(self) -> None:
        # Spawned, not forked: a fork would inherit the journal's lock, and a dead gateway would look alive.
        spawn = multiprocessing.get_context("spawn")
        self._executor = ProcessPoolExecutor(1, mp_context=spawn, initializer=_follow_parent)
        self._pid = 0

    @property
    def has_started(self) -> bool:
        """Whether it runs."""
        return self._pid > 0

    async def start(self) -> None:
        """Have it run. Raises BrokenProcessPool."""
        self._pid = await self.do(os.getpid)

    async def do(self, work: Callable[[], T]) -> T:
        """What the work comes to."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    def kill(self) -> None:
        """End it, whatever it is at."""
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        self.leave()

    def leave(self) -> None:
        """Let it end after what it is at."""
        self._executor.shutdown(wait=False, cancel_futures=True)


def _follow_parent() -> None:
    """Leave signals to the gateway, and end with it however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def leave() -> None:
        wait([parent.sentinel])
        os._exit(0)

    threading.Thread(target=leave, daemon=True).start()
