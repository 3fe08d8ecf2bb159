"""What plugins work with: the state of the world as values, and somebody who does their I/O and heavy work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from msgspec.structs import replace

from config.lib.money import FEMTO_PER_USD
from routing.call import COUNTED, Call
from routing.catalog_snapshot import CatalogSnapshot
from routing.decision import Attempt
from routing.plugins.operator import Operator
from routing.policy import Policy


class Surroundings(NamedTuple):
    """What an arranging plugin may look at."""

    policy: Policy
    catalog: CatalogSnapshot
    operator: Operator
    now: datetime


class Ask(NamedTuple):
    """One request to a service that the operator has set up, a POST where it has a body; answered in JSON."""

    url: str
    body: bytes | None = None
    headers: Mapping[str, str] = {}


class Failed(Exception):
    """A service did not do what it was asked for; the text is fit for callers."""


class Bench(Protocol):
    """One request's place of work; what fails raises Failed."""

    operator: Operator
    catalog: CatalogSnapshot
    attempts: Sequence[Attempt]
    """Who will be asked, in order."""

    async def fetch(self, url: str, most_bytes: int) -> bytes:
        """What is behind an address that the caller named."""

    async def ask(self, ask: Ask) -> Any:  # the service's JSON
        """What a service of the operator's answers."""

    async def work(self, task: str, data: bytes) -> Any:  # plain values
        """The result of heavy work in a process that is ended when it takes too long."""

    async def screen(self, texts: Sequence[str]) -> list[str]:
        """Texts that are put before the model, as the guardrails let them pass. Raises RefusedError (403)."""


def with_stage(
    call: Call, kind: str, name: str, summary: str, *, cost_femto: int | None = None, **data: Any
) -> Call:
    """The call with one more entry of the router metadata's `pipeline`."""
    stage: dict[str, Any] = {"type": kind, "name": name, "summary": summary, "data": data}
    if cost_femto is not None:
        stage["cost_usd"] = cost_femto / FEMTO_PER_USD
    return changed(call, stages=(*call.stages, stage))


def changed(call: Call, **values: Any) -> Call:
    """The call with other values; what was counted of its messages holds no longer when they change."""
    if "body" in values and COUNTED in call.detail:
        values["detail"] = {name: value for name, value in call.detail.items() if name != COUNTED}
    return replace(call, **values)
