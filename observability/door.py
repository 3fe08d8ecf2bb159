"""The way out of the house for traces: HTTP requests to addresses that customers chose, each of them checked.

Workers are synchronous and what is below is not, so a door has an event loop of its own. Connections are kept alive
as long as the door is open; one door belongs to one thread.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from yarl import URL

from config.lib import outbound
from config.lib.outbound import CallFailed, OutboundRules, Reply, Session, open_session
from observability.destinations.exchange import VendorRequest

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 15.0
MOST_ANSWER_BYTES = 64 << 10
AT_ONCE = 8

_is_encoded = re.compile(r"[!-~]+", re.ASCII).fullmatch


class OutboundDoor:
    """A `Door` (observability.destinations.destination): bounded in time and in what it reads, follows no redirect.

    Use it as a context manager, or close it.
    """

    def __init__(
        self,
        rules: OutboundRules,
        *,
        total_seconds: float = TOTAL_SECONDS,
        open_seconds: float | None = None,
    ) -> None:
        """`total_seconds` is for each request; `open_seconds` for all of them, if somebody waits for the last."""
        self._rules, self._total_seconds = rules, total_seconds
        self._until = None if open_seconds is None else time.monotonic() + open_seconds
        self._runner = asyncio.Runner()
        self._session: Session | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the connections go."""
        if self._session is not None:
            self._runner.run(self._session.close())
            self._session = None
        self._runner.close()

    def send(self, request: VendorRequest) -> Reply:
        """Send one request. Raises CallFailed."""
        return self._runner.run(self._send(request))

    def send_all(self, requests: Sequence[VendorRequest]) -> list[Reply | CallFailed]:
        """Send requests at the same time, a handful of them; answers and failures in their order."""
        return self._runner.run(self._send_all(requests))

    async def _send_all(self, requests: Sequence[VendorRequest]) -> list[Reply | CallFailed]:
        free = asyncio.Semaphore(AT_ONCE)

        async def attempt(request: VendorRequest) -> Reply | CallFailed:
            async with free:
                try:
                    return await self._send(request)
                except CallFailed as error:
                    return error

        return await asyncio.gather(*map(attempt, requests))

    def _seconds_left(self) -> float:
        if self._until is None:
            return self._total_seconds
        return max(0.0, min(self._total_seconds, self._until - time.monotonic()))

    async def _send(self, request: VendorRequest) -> Reply:
        if self._session is None:
            self._session = open_session(rules=self._rules)
        return await outbound.request(
            self._session,
            _url(request.url),
            request.body,
            method=request.method,
            headers=request.headers,
            seconds=self._seconds_left(),
            most_bytes=MOST_ANSWER_BYTES,
            connect_seconds=CONNECT_SECONDS,
            is_cut=True,
        )


def _url(url: str) -> URL:
    """The address as it was written, because some vendors sign it; encoded only where it has to be."""
    try:
        return URL(url, encoded=_is_encoded(url) is not None)
    except ValueError as error:
        raise CallFailed("this is no address") from error
