"""Turn a request's body into a Call: at once when it is small, in another process when it would stall the loop."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait

import msgspec
from msgspec.structs import replace

from routing.call import Call
from routing.errors import Refusal, unavailable
from routing.gateway.client import RefusedError
from routing.gateway.dialects import DIALECTS, Dialect
from routing.gateway.dialects.chat import COUNTED, count_prompt_tokens
from routing.gateway.dialects.server_tools import check_call

LARGE_BYTES = 256 * 1024
RAW_BYTES = 4096
"""A field above this size comes back from the other process as JSON text that is only passed on."""
PROCESSES = 2
MOST_WAITING = 16

log = logging.getLogger(__name__)


class BodyReader:
    """Reads bodies. Its processes start with the first large one."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None
        self._waiting = 0

    async def read(self, dialect: Dialect, data: bytes, headers: Mapping[bytes, bytes]) -> Call:
        """The call of a body. Raises RefusedError: 400 for what is malformed, 503 when too many are waiting."""
        if len(data) <= LARGE_BYTES:
            return read_here(dialect, data, headers)
        if self._waiting >= MOST_WAITING:
            raise RefusedError(unavailable("Too many large requests at once."))
        self._waiting += 1
        try:
            found = await self._run(dialect.slug, data, dict(headers))
        finally:
            self._waiting -= 1
        if isinstance(found, Refusal):
            raise RefusedError(found)
        return found

    async def _run(self, slug: str, data: bytes, headers: dict[bytes, bytes]) -> Call | Refusal:
        if self._pool is None:
            self._pool = _new_pool()
        pool = self._pool
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, read_large, slug, data, headers)
        except BrokenProcessPool:
            log.error("a process that reads large bodies has died; another takes its place")
            if self._pool is pool:
                self._pool = None
            raise RefusedError(unavailable()) from None

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)


def _new_pool() -> ProcessPoolExecutor:
    # Spawned, not forked: a fork would inherit the journal's lock, and a dead gateway would look alive.
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(PROCESSES, mp_context=spawn, initializer=_follow_parent)


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


def read_here(dialect: Dialect, data: bytes, headers: Mapping[bytes, bytes]) -> Call:
    """Read a body in this process. Raises RefusedError."""
    call = dialect.read_call(data, headers)
    check_call(call)
    return call


def read_large(slug: str, data: bytes, headers: Mapping[bytes, bytes]) -> Call | Refusal:
    """Read a body in the other process, and make large fields text that costs the gateway nothing."""
    try:
        call = read_here(DIALECTS[slug], data, headers)
        counted = count_prompt_tokens(call)
        body = {name: _light(value) for name, value in call.body.items()}
    except RefusedError as error:
        return error.refusal
    return replace(call, body=body, detail={**call.detail, COUNTED: counted})


def _light(value: object) -> object:
    if isinstance(value, dict | list):
        encoded = msgspec.json.encode(value)
        if len(encoded) > RAW_BYTES:
            return msgspec.Raw(encoded)
    return value
