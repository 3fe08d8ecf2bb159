"""What the tools of one request work with: connections, heavy work, money, and models (routing.tools.tool.Bench)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from config.lib.ids import new_id
from config.lib.money import nano_from_femto
from routing.call import Call, Origin
from routing.catalog_snapshot import CatalogSnapshot
from routing.decision import Decision
from routing.errors import internal_error
from routing.gateway.admission import admit
from routing.gateway.books import Opened, Outcome
from routing.gateway.client import Headers
from routing.gateway.fetching import fetch
from routing.gateway.plugin_work import FETCH_SECONDS, RequestBench
from routing.gateway.policy_cache import KnownPolicy
from routing.gateway.runtime import Runtime
from routing.gateway.server_tools.inner import InnerRequest, Serve
from routing.gateway.server_tools.limits import Allowance
from routing.gateway.server_tools.tally import Tally
from routing.holds import service_holds
from routing.plugins.bench import Ask, Failed
from routing.plugins.operator import Operator
from routing.pricing import Cost, Usage
from routing.selection.permitted import seen_by
from routing.tools.tool import Answered, Fetched, Json, MayGo, Told, Use, anywhere


class Said:
    """A request's body, whose messages are decoded when a tool looks at them, and then once for all of them.

    They are JSON text where they came from another process, and that may be a lot of it.
    """

    def __init__(self, body: Json) -> None:
        self._body, self._is_opened = body, False

    def opened(self) -> Json:
        """The body with messages that can be looked at."""
        messages = self._body.get("messages")
        if not self._is_opened and isinstance(messages, msgspec.Raw):
            self._body = {**self._body, "messages": msgspec.json.decode(messages)}
        self._is_opened = True
        return self._body


class Place(NamedTuple):
    """Where in a request a tool runs: whose request, after which answer of its model, and on whose account."""

    known: KnownPolicy
    call: Call
    said: Said
    origin: Origin
    headers: Headers
    tally: Tally
    allowance: Allowance


class Spending:
    """Money that was set aside for a service."""

    def __init__(self) -> None:
        self.femto = 0


class ToolBench:
    """The bench of one call of a tool. `serve` serves a request that the tool makes."""

    def __init__(
        self,
        runtime: Runtime,
        place: Place,
        use: Use,
        memory: dict[str, Any],
        serve: Serve,
        tell: Callable[[str, dict[str, Any]], None],
    ) -> None:
        self.operator: Operator = runtime.limits.operator
        self.catalog: CatalogSnapshot = runtime.catalog
        self.now = datetime.now(UTC)
        self.models = place.call.models
        self.memory = memory
        self._runtime, self._place, self._use = runtime, place, use
        self._serve, self._tell = serve, tell
        self._plain = RequestBench(
            runtime.plugin_work, (), place.known.preparation, runtime.catalog, place.known.organization
        )

    @property
    def request(self) -> Mapping[str, Any]:
        """The request's body."""
        return self._place.said.opened()

    def permitted(self) -> CatalogSnapshot:
        """The catalog as it is for the caller."""
        return seen_by(self._place.known.policy, self.catalog)

    async def fetch(self, url: str, most_bytes: int, may_go: MayGo = anywhere) -> Fetched:
        """What is behind an address that the model named. Raises Failed."""
        session = self._runtime.plugin_work.steered
        return await fetch(session, url, most_bytes=most_bytes, may_go=may_go, seconds=FETCH_SECONDS)

    async def ask(self, ask: Ask) -> Any:  # the service's JSON
        """What a service of the operator's answers. Raises Failed."""
        return await self._plain.ask(ask)

    async def work(self, task: str, data: bytes) -> Any:  # plain values
        """The result of heavy work. Raises Failed, RefusedError (429, 503)."""
        return await self._plain.work(task, data)

    @asynccontextmanager
    async def paid(self, model: str, provider: str, most_femto: int) -> AsyncIterator[Spending]:
        """Money for a service: a generation of its own, unless it costs nothing. Raises RefusedError."""
        spending = Spending()
        if not most_femto:
            yield spending
            return
        self._place.allowance.take()
        opened = await self._open(model, provider, nano_from_femto(most_femto))
        outcome = Outcome("error", http_status=500, error_type=internal_error().error_type)
        began_at = time.monotonic()
        try:
            yield spending
            cost = Cost(
                nano_from_femto(min(spending.femto, most_femto)), 0, 0, min(spending.femto, most_femto)
            )
            outcome = Outcome("completed", cost=cost, http_status=200, asked_at=began_at)
            self._place.tally.add_inner(self._use.slug, Usage(requests=0), cost)
        except Failed:
            outcome = Outcome("error", http_status=502, error_type="provider_unavailable")
            raise
        except asyncio.CancelledError:
            outcome = Outcome("cancelled", http_status=499)
            raise
        finally:
            self._runtime.books.close(opened, outcome)

    async def _open(self, model: str, provider: str, nano: int) -> Opened:
        place, identifier, began_at = self._place, new_id(), time.monotonic()
        self._runtime.check_database()
        origin = msgspec.structs.replace(place.origin, tool=self._use.slug, provider=provider)
        call = Call(
            place.call.dialect,
            (model,),
            {},
            is_streamed=False,
            prompt_tokens=0,
            max_tokens=None,
            attribution=place.call.attribution,
            origin=origin,
        )
        decision = Decision(None, holds=service_holds(nano, place.known.policy.purses), model=model)
        decision, admission = await admit(self._runtime.leases, place.known, decision)
        return self._runtime.books.open(identifier, began_at, place.known, call, decision, admission)

    async def complete(self, body: Json, *, seconds: float, told: Told | None = None) -> Answered:
        """A model's answer under the caller's policy."""
        return await InnerRequest(self._serve, self._place.headers, body, told).answer(seconds)

    def tell(self, event: str, **fields: Any) -> None:
        """Tell a streaming caller what is going on."""
        self._tell(event, fields)
