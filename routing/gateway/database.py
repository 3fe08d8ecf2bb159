"""Raw autocommit connections to PostgreSQL for what runs beside the requests, and how it goes on when that is away."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeAlias

import psycopg

Row: TypeAlias = tuple[Any, ...]
Connection: TypeAlias = psycopg.AsyncConnection[Row]
Connect: TypeAlias = Callable[[], Awaitable[Connection]]

FAILURES = (psycopg.Error, OSError, TimeoutError)
CONNECT_SECONDS = 5
ANSWER_SECONDS = 3.0
"""How long what runs beside the requests waits for an answer."""
RETRY_SECONDS = 0.5

log = logging.getLogger(__name__)


def connector(url: str) -> Connect:
    """What opens a connection to an address."""

    async def connect() -> Connection:
        return await psycopg.AsyncConnection.connect(url, autocommit=True, connect_timeout=CONNECT_SECONDS)

    return connect


async def opened(connect: Connect) -> Connection:
    """A connection, if the database answers soon."""
    async with asyncio.timeout(ANSWER_SECONDS):
        return await connect()


async def keep_trying(work: Callable[[], Coroutine[Any, Any, None]], what: str) -> None:
    """Begin again whenever the database goes away; said once, and again after it was there for a while."""
    said_at = -float("inf")
    while True:
        began = time.monotonic()
        try:
            await work()
        except FAILURES as error:
            if said_at < began - 60 or time.monotonic() - began > 10:
                log.warning("%s: %s", what, error)
                said_at = time.monotonic()
        await asyncio.sleep(RETRY_SECONDS)
