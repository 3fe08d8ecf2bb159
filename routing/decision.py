"""The values that the pure decision takes and gives (DESIGN §4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import msgspec

from routing.catalog_snapshot import EndpointEntry
from routing.errors import Refusal
from routing.guardrails.findings import Scan
from routing.policy import Policy, Principal, PurseLimit

NOBODY = Policy(Principal("nobody"), (), (), ())
"""Who asks catalog routes without a key."""


class EndpointStats(msgspec.Struct, frozen=True, gc=False):
    """How an endpoint did lately; None: not known. `last_failure_at` is Unix seconds."""

    last_failure_at: float | None = None
    latency_seconds: float | None = None
    tokens_per_second: float | None = None


Stats: TypeAlias = Mapping[int, EndpointStats]
"""By endpoint id."""


@dataclass(frozen=True, slots=True)
class RateUse:
    """What one scope has used of its rates: in the running minute, and at once, this request not included."""

    requests: int = 0
    tokens: int = 0
    concurrent: int = 0
    seconds_to_reset: float = 60.0


UNUSED = RateUse()


@dataclass(frozen=True, slots=True)
class Balances:
    """A snapshot of the counters. `exhausted`: ids of purses known to be spent, for an early refusal."""

    exhausted: frozenset[int] = frozenset()
    key: RateUse = UNUSED
    member: RateUse = UNUSED
    workspace: RateUse = UNUSED
    organization: RateUse = UNUSED
    free: RateUse = UNUSED
    """Of the organization's requests to free models in this minute."""
    free_day: RateUse = UNUSED
    """The same, in this UTC day."""


NO_BALANCES = Balances()


NOTHING_FOUND = Scan({})
"""A request that nobody had to look at."""


class Attempt(msgspec.Struct, frozen=True):
    """An upstream call that may be made. `hold_nano` is set aside for it in purses that count credits.

    `estimate_nano` is the same at list price, what a purse that counts BYOK has to set aside.
    """

    endpoint: EndpointEntry
    hold_nano: int
    estimate_nano: int
    is_byok: bool = False


class Dropped(NamedTuple):
    """An endpoint that is not tried, and the documented or our own reason."""

    model: str
    tag: str
    reason: str


class HoldNeeded(msgspec.Struct, frozen=True):
    """What has to be set aside in a purse: the most that any of the attempts would count there."""

    purse: PurseLimit
    nano: int


class Step(msgspec.Struct, frozen=True):
    """One rule that was applied, and what it said."""

    rule: str
    outcome: str


class Decision(msgspec.Struct, frozen=True):
    """Allowed (attempts in order, holds to take) or refused. `model` is what the first attempt serves."""

    refusal: Refusal | None
    attempts: tuple[Attempt, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    holds: tuple[HoldNeeded, ...] = ()
    model: str = ""
    seed: int = 0
    trace: tuple[Step, ...] = ()
