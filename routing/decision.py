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


class Percentiles(NamedTuple):
    """What so many percent of the requests did at least as well as."""

    p50: float
    p75: float
    p90: float
    p99: float


class EndpointStats(msgspec.Struct, frozen=True, gc=False):
    """How an endpoint did in the last minutes; None: not known.

    `last_failure_at` (Unix seconds) is that of an outage, not of any single failure. `uptime` is a share.
    Of the requests that ended in tool calls, `tool_errors` had at least one that was none of the caller's tools.
    """

    last_failure_at: float | None = None
    latency: Percentiles | None = None
    throughput: Percentiles | None = None
    uptime: float | None = None
    tool_requests: int = 0
    tool_errors: int = 0

    @property
    def latency_seconds(self) -> float | None:
        """The median time to the first token."""
        return None if self.latency is None else self.latency.p50

    @property
    def tokens_per_second(self) -> float | None:
        """The median speed."""
        return None if self.throughput is None else self.throughput.p50


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

    @property
    def uses_credential(self) -> bool:
        """Whether it asks a provider of the catalog with a credential of the organization's."""
        return self.is_byok and not self.endpoint.is_private


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


class Plan(msgspec.Struct, frozen=True):
    """Attempts, and what they need; `is_fee_free`: within the free allowance of BYOK."""

    attempts: tuple[Attempt, ...]
    holds: tuple[HoldNeeded, ...]
    is_fee_free: bool = False


class Decision(msgspec.Struct, frozen=True):
    """Allowed (attempts in order, holds to take) or refused. `model` is what the first attempt serves.

    Where the organization has credentials of its own, there are several plans for the `considered` attempts
    (routing.holds): this is the one with `plan_number`, later ones are for when credits or the allowance are spent.
    """

    refusal: Refusal | None
    attempts: tuple[Attempt, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    holds: tuple[HoldNeeded, ...] = ()
    model: str = ""
    seed: int = 0
    trace: tuple[Step, ...] = ()
    is_fee_free: bool = False
    considered: tuple[Attempt, ...] = ()
    plan_number: int = 0
