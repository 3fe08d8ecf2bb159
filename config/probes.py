"""What supervisors, balancers and Prometheus ask a process: is it alive, can it serve, what has it counted."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from django.db import DatabaseError, connections

from config.lib.environment import Environment
from config.lib.metrics import CONTENT_TYPE
from config.lib.metrics_server import may_read
from config.lib.reporting import Reporter
from routing.gateway.measuring import readiness
from routing.gateway.runtime import Runtime
from routing.gateway.server import Draining

ALIVE, READY, METRICS = "/healthz", "/readyz", "/metrics"
PATHS = frozenset({ALIVE, READY, METRICS})
JSON, TEXT = b"application/json", b"text/plain; charset=utf-8"
DATABASE_SECONDS = 2.0
BELIEVED_SECONDS = 1.0
"""So many probes as may come, the database is asked once a second."""

Answer = tuple[int, bytes, bytes]
"""Status, content type, body."""


class DatabaseProbe:
    """Whether the control plane's database answers."""

    def __init__(self) -> None:
        self._asked_at = -float("inf")
        self._is_there = False
        self._asking: asyncio.Task[None] | None = None

    async def is_there(self) -> bool:
        """Ask, unless somebody just did; one that does not answer in time is not there."""
        if time.monotonic() - self._asked_at > BELIEVED_SECONDS:
            if self._asking is None:
                self._asking = asyncio.create_task(self._ask())
            try:
                async with asyncio.timeout(DATABASE_SECONDS):
                    await asyncio.shield(self._asking)
            except TimeoutError:
                return False
        return self._is_there

    async def _ask(self) -> None:
        try:
            self._is_there = await asyncio.to_thread(_answers)
            self._asked_at = time.monotonic()
        finally:
            self._asking = None


def _answers() -> bool:
    try:
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    finally:
        connections["default"].close()
    return True


class Probes:
    """Answers PATHS; `runtime` is the gateway's, where this process is one."""

    def __init__(self, env: Environment, draining: Draining) -> None:
        self.runtime: Runtime | None = None
        self.reporter: Reporter | None = None
        self._draining, self._token = draining, env.metrics_token
        self._database = DatabaseProbe()

    async def answer(self, path: str, method: str, headers: list[tuple[bytes, bytes]]) -> Answer:
        """What one of the addresses says."""
        if method not in ("GET", "HEAD"):
            return 405, TEXT, b"GET is meant\n"
        if path == ALIVE:
            return 200, TEXT, b"ok\n"
        if path == READY:
            return await self._readiness()
        return await self._metrics(headers)

    async def _readiness(self) -> Answer:
        checks = {**await self._checks(), "draining": {"ok": not self._draining.is_draining}}
        is_ready = all(check["ok"] for check in checks.values())
        said = {"status": "ready" if is_ready else "not ready", "checks": checks}
        return 200 if is_ready else 503, JSON, json.dumps(said).encode() + b"\n"

    async def _checks(self) -> dict[str, dict[str, Any]]:
        if self.runtime is not None:
            return readiness(self.runtime)
        return {"database": {"ok": await self._database.is_there()}}

    async def _metrics(self, headers: list[tuple[bytes, bytes]]) -> Answer:
        """For whoever knows the token; where there is none the address does not exist."""
        if not self._token or self.reporter is None:
            return (
                404,
                TEXT,
                b"metrics are served at HEADGATE_METRICS_LISTEN, here with HEADGATE_METRICS_TOKEN\n",
            )
        given = dict(headers).get(b"authorization", b"").decode("latin-1")
        if not may_read(given, self._token):
            return 401, TEXT, b"a token is needed\n"
        told = await asyncio.to_thread(self.reporter.told)
        return 200, CONTENT_TYPE.encode(), told.encode()
