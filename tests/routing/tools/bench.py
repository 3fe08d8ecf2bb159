"""A bench for tools: real connections through the outbound door, real workers, and a till that notes what is paid."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec

from config.lib.outbound import CallFailed, OutboundRules, Session, open_session, request
from routing.errors import Refusal
from routing.gateway.client import RefusedError
from routing.gateway.fetching import fetch
from routing.gateway.workshop import Workshop
from routing.plugins.bench import Ask, Failed
from routing.plugins.operator import NOTHING_SET_UP, Operator
from routing.tools.tool import Fetched, MayGo, ServerTool, Use, anywhere
from tests.routing.make import NOW, make_catalog


@dataclass
class Money:
    """What was set aside, and what of it was spent."""

    model: str
    provider: str
    most_femto: int
    femto: int = 0


class RealBench:
    """One request's bench; `is_broke`: nothing can be set aside any more."""

    def __init__(
        self, workshop: Workshop, operator: Operator = NOTHING_SET_UP, *, seconds: float = 10
    ) -> None:
        self.operator, self.catalog, self.now = operator, make_catalog(), NOW
        self.request: dict[str, Any] = {"model": "a/b", "messages": []}
        self.models = ("a/b",)
        self.memory: dict[str, Any] = {}
        self.till: list[Money] = []
        self.is_broke = False
        self._workshop, self._seconds = workshop, seconds

    async def fetch(self, url: str, most_bytes: int, may_go: MayGo = anywhere) -> Fetched:
        async with open_session(rules=self.operator.outbound) as session:
            return await fetch(session, url, most_bytes=most_bytes, may_go=may_go, seconds=self._seconds)

    async def ask(self, ask: Ask) -> Any:
        async with open_session() as session:
            return await _asked(session, ask)

    async def work(self, task: str, data: bytes) -> Any:
        return await self._workshop.work(task, data)

    @asynccontextmanager
    async def paid(self, model: str, provider: str, most_femto: int) -> AsyncIterator[Money]:
        if self.is_broke:
            raise RefusedError(Refusal(402, "payment_required", "Insufficient credits.", "credits"))
        money = Money(model, provider, most_femto)
        self.till.append(money)
        yield money

    async def complete(self, body: Any, *, seconds: float, told: Any = None) -> Any:
        raise NotImplementedError

    def tell(self, event: str, **fields: Any) -> None:
        raise NotImplementedError


def use_of(tool: ServerTool, **config: Any) -> Use:
    """An entry of a request's tools, its parameters read as they come."""
    kept = tool.read_config(config)
    return Use(tool.slug, f"openrouter:{tool.slug}", f"openrouter_{tool.slug}", "tools[0]", kept)


def reaching_loopback(**services: Any) -> Operator:
    """An operator who opened one loopback address, as a laptop with a demonstration does."""
    return Operator(outbound=OutboundRules.parse("127.0.0.1/32"), **services)


async def _asked(session: Session, ask: Ask) -> Any:
    headers = {"content-type": "application/json", **ask.headers}
    try:
        got = await request(session, ask.url, ask.body, headers=headers, seconds=10, most_bytes=1 << 20)
    except CallFailed:
        raise Failed("the service cannot be reached") from None
    if got.status != 200:
        raise Failed(f"the service answered {got.status}")
    return msgspec.json.decode(got.body)
