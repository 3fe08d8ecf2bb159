"""What plugins may do beyond thinking: connections, heavy work and the guardrails' look at what they add."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from config.lib.outbound import CallFailed, Session, open_session, request
from routing.call import Call
from routing.catalog_snapshot import CatalogSnapshot
from routing.decision import Attempt
from routing.gateway.bodies import BodyReader
from routing.gateway.preparing import Preparation
from routing.gateway.workshop import Workshop
from routing.plugins import citing, running
from routing.plugins.bench import Ask, Failed, changed
from routing.plugins.operator import Operator

FETCH_SECONDS = 20.0
SERVICE_SECONDS = 45.0
"""Some searches are deep ones."""
MOST_SERVICE_BYTES = 16 << 20
OK = 200


class PluginWork:
    """One process's connections and workers for plugins, opened when they are needed."""

    def __init__(self, operator: Operator, bodies: BodyReader) -> None:
        self.operator = operator
        self.workshop = Workshop()
        self.bodies = bodies
        self._steered: Session | None = None
        self._trusted: Session | None = None

    async def before(
        self,
        call: Call,
        attempts: Sequence[Attempt],
        preparation: Preparation,
        catalog: CatalogSnapshot,
        organization: int,
    ) -> Call:
        """The call to send to providers. Raises RefusedError."""
        bench = RequestBench(self, attempts, preparation, catalog, organization)
        call = await running.before(call, bench)
        return changed(call, stages=(*call.stages, *bench.stages)) if bench.stages else call

    async def after(
        self,
        call: Call,
        body: dict[str, Any],
        preparation: Preparation,
        catalog: CatalogSnapshot,
        organization: int,
    ) -> Call:
        """The call with what was done to its whole answer, which is changed in place."""
        bench = RequestBench(self, (), preparation, catalog, organization)
        call = await running.after(call, body, bench)
        if call.annotations:
            citing.annotate(call, body)
        return call

    @property
    def steered(self) -> Session:
        """For addresses that callers name: checked, whatever they resolve to."""
        if self._steered is None:
            self._steered = open_session(rules=self.operator.outbound)
        return self._steered

    @property
    def trusted(self) -> Session:
        """For the operator's services."""
        if self._trusted is None:
            self._trusted = open_session()
        return self._trusted

    async def close(self) -> None:
        """End workers and connections."""
        await self.workshop.close()
        for session in (self._steered, self._trusted):
            if session is not None:
                await session.close()


class RequestBench:
    """What the plugins of one request work with (routing.plugins.bench.Bench)."""

    def __init__(
        self,
        work: PluginWork,
        attempts: Sequence[Attempt],
        preparation: Preparation,
        catalog: CatalogSnapshot,
        organization: int,
    ) -> None:
        self.operator = work.operator
        self.catalog = catalog
        self.attempts = attempts
        self.stages: list[Mapping[str, Any]] = []
        """What the guardrails found in what was added."""
        self._work = work
        self._preparation = preparation
        self._organization = organization

    async def fetch(self, url: str, most_bytes: int) -> bytes:
        """What is behind an address that the caller named; no redirect is followed. Raises Failed."""
        try:
            got = await request(self._work.steered, url, seconds=FETCH_SECONDS, most_bytes=most_bytes)
        except CallFailed:
            raise Failed("its address cannot be read") from None
        if got.status != OK:
            raise Failed(f"its address answered {got.status}")
        return got.body

    async def ask(self, ask: Ask) -> Any:  # the service's JSON
        """What a service of the operator's answers. Raises Failed, which names no address."""
        headers = {"content-type": "application/json", **ask.headers}

        try:
            got = await request(
                self._work.trusted,
                ask.url,
                ask.body,
                headers=headers,
                seconds=SERVICE_SECONDS,
                most_bytes=MOST_SERVICE_BYTES,
            )
        except CallFailed:
            raise Failed("the service cannot be reached") from None
        if got.status != OK:
            raise Failed(f"the service answered {got.status}")
        try:
            return msgspec.json.decode(got.body)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            raise Failed("the service's answer is not JSON") from None

    async def work(self, task: str, data: bytes) -> Any:  # plain values
        """The result of heavy work. Raises Failed, RefusedError (429, 503)."""
        return await self._work.workshop.work(task, data, self._organization)

    async def screen(self, texts: Sequence[str]) -> list[str]:
        """Texts as the guardrails let them pass. Raises RefusedError (403)."""
        screened = await self._work.bodies.screen(texts, self._preparation, self._organization)
        self.stages += screened.stages
        return screened.texts
