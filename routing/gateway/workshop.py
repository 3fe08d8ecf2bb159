"""Heavy work for plugins in processes that are ended when a task takes too long: what they read may be hostile."""

from __future__ import annotations

import asyncio
import logging
import struct
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from routing.gateway.turns import Turns
from routing.plugins.bench import Failed

PROCESSES = 2
MOST_WAITING = 16
TASK_SECONDS = 20.0
LENGTH = struct.Struct("!I")
MOST_ANSWER = 64 << 20
ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-m", "routing.plugins.worker")

log = logging.getLogger(__name__)


class Workshop:
    """At most PROCESSES workers, started when they are needed. Belongs to the running loop."""

    def __init__(self, task_seconds: float = TASK_SECONDS) -> None:
        self._seconds = task_seconds
        self._idle: list[Process] = []
        self._turns = Turns(PROCESSES, MOST_WAITING, "files")
        self._is_closed = False

    async def work(self, task: str, data: bytes, organization: int = 0) -> Any:  # plain values
        """A task's result. Raises Failed when there is none, RefusedError (429, 503) when too many are waiting."""
        await self._turns.take(organization)
        try:
            return await self._work(task, data)
        finally:
            self._turns.leave(organization)

    async def _work(self, task: str, data: bytes) -> Any:  # plain values
        process = self._idle.pop() if self._idle else await _start()
        is_fine = False
        try:
            async with asyncio.timeout(self._seconds):
                answer = await _exchange(process, task, data)
            is_fine = True
        except TimeoutError:
            log.warning("a worker is ended: its %s task took too long", task)
            raise Failed("it takes too long to read") from None
        except (OSError, EOFError, msgspec.DecodeError):
            log.warning("a worker has died of a %s task", task)
            raise Failed("it cannot be read") from None
        finally:  # also when the request is over: who is in the middle of something serves nobody else
            if is_fine and not self._is_closed:
                self._idle.append(process)
            else:
                await _end(process)
        if "fault" in answer:
            raise Failed(answer["fault"])
        return answer["result"]

    async def close(self) -> None:
        """End the processes."""
        self._is_closed = True
        while self._idle:
            await _end(self._idle.pop())


async def _start() -> Process:
    # In a session of its own, so that a Ctrl-C at the terminal is the gateway's alone; it ends with its stdin.
    return await asyncio.create_subprocess_exec(
        *COMMAND, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, cwd=ROOT, start_new_session=True
    )


async def _exchange(process: Process, task: str, data: bytes) -> dict[str, Any]:
    if process.stdin is None or process.stdout is None:
        raise EOFError
    name = task.encode()
    process.stdin.write(LENGTH.pack(len(name)) + name + LENGTH.pack(len(data)))
    process.stdin.write(data)
    await process.stdin.drain()
    size = LENGTH.unpack(await process.stdout.readexactly(LENGTH.size))[0]
    if size > MOST_ANSWER:
        raise EOFError
    return msgspec.json.decode(await process.stdout.readexactly(size), type=dict[str, Any])


async def _end(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    if process.stdin is not None:
        process.stdin.close()
    await process.wait()
