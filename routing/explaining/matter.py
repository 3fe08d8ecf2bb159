"""A request that is judged for an explanation's sake: what the gateway would know of it, as values to vary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from routing.call import Call
from routing.catalog_snapshot import CatalogSnapshot, EndpointEntry, ModelEntry
from routing.decide import decide
from routing.decision import NO_BALANCES, NOTHING_FOUND, Balances, Decision, HoldNeeded, Stats
from routing.errors import Refusal
from routing.gateway.bodies import read_checked
from routing.gateway.client import RefusedError
from routing.gateway.dialects import DIALECTS
from routing.gateway.preparing import Preparation, with_variants
from routing.gateway.presets import find_preset, preset_named
from routing.guardrails.findings import Scan
from routing.holds import ALLOWANCE
from routing.plugins.bench import Surroundings
from routing.plugins.operator import NOTHING_SET_UP, Operator
from routing.plugins.running import arrange
from routing.policy import Policy, PurseLimit


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it would arrive: its dialect's slug, its body, its headers in lower case, and in which region."""

    dialect: str
    data: bytes
    headers: Mapping[bytes, bytes]
    region: str = "global"


@dataclass(frozen=True, slots=True)
class PurseState:
    """What has been spent from a purse in its present window; `leased_nano` is held by gateways, idle or in flight.

    `begins_at` is the window's beginning, `ends_at` its end (None: never).
    """

    spent_nano: int = 0
    byok_nano: int = 0
    leased_nano: int = 0
    begins_at: datetime | None = None
    ends_at: datetime | None = None

    def counted(self, purse: PurseLimit) -> int:
        """What the purse's limit is compared with, where it is the only one."""
        if purse.layer == ALLOWANCE:
            return self.byok_nano
        return self.spent_nano + (self.byok_nano if purse.counts_byok else 0)

    def fits(self, purse: PurseLimit, nano: int) -> bool:
        """Whether a request with this hold is admitted: the last one may be larger than what is left, if not strict."""
        return all(self._fits(one, nano) for one in limits_on(purse))

    def _fits(self, purse: PurseLimit, nano: int) -> bool:
        if purse.limit_nano is None:
            return True
        counted = self.counted(purse)
        return counted + nano <= purse.limit_nano if purse.is_strict else counted < purse.limit_nano


UNSPENT = PurseState()


def limits_on(purse: PurseLimit) -> tuple[PurseLimit, ...]:
    """The purse once with each limit that stands on it."""
    if not purse.limits:
        return (purse,)
    return tuple(
        replace(
            purse,
            layer=limit.layer,
            limit_nano=limit.limit_nano,
            counts_byok=limit.counts_byok,
            limits=(),
        )
        for limit in purse.limits
    )


@dataclass(frozen=True, slots=True)
class Matter:
    """A request with all that is decided on. `call` is None where it could not be read; `unread` says why."""

    asked: Asked
    policy: Policy
    catalog: CatalogSnapshot
    purses: Mapping[int, PurseState]
    stats: Stats
    seed: int
    now: datetime
    operator: Operator = NOTHING_SET_UP
    call: Call | None = None
    scan: Scan = NOTHING_FOUND
    unread: Refusal | None = None

    @property
    def requested(self) -> tuple[str, ...]:
        """The models that are tried."""
        named = self.call.models if self.call else ()
        default = self.policy.default_text_model
        return named or ((default,) if default else ())

    def models(self, slug: str) -> list[ModelEntry]:
        """What goes by this slug, also without its variant: the organization's own first."""
        names = dict.fromkeys([slug, slug.partition(":")[0]])
        sources = (self.policy.own_models, self.catalog.models)
        return [found for source in sources for name in names if (found := source.get(name))]

    def endpoint(self, slug: str, tag: str) -> EndpointEntry | None:
        """The endpoint of a model by its tag."""
        entries = [entry for model in self.models(slug) for entry in model.endpoints]
        return next((entry for entry in entries if entry.tag == tag), None)


def read(matter: Matter, preparation: Preparation) -> Matter:
    """The matter with its request read and prepared as the gateway does it."""
    asked = matter.asked
    try:
        call = read_checked(DIALECTS[asked.dialect], asked.data, asked.headers)
        slug = preset_named(call)
        preset = find_preset(preparation.presets, slug) if slug else None
        prepared = with_variants(preparation.prepare(call, preset), matter.catalog, preparation)
        around = Surroundings(matter.policy, matter.catalog, matter.operator, matter.now)
        call = arrange(prepared.call, around)
    except RefusedError as error:
        return replace(matter, call=None, scan=NOTHING_FOUND, unread=error.refusal)
    call = msgspec.structs.replace(call, region=asked.region)
    return replace(matter, call=call, scan=prepared.scan, unread=None)


def judge(matter: Matter) -> Decision:
    """What the gateway would decide, and whether the holds would be admitted."""
    if matter.call is None:
        return Decision(matter.unread, seed=matter.seed)
    decision, exhausted = _decide(matter, matter.call, NO_BALANCES), frozenset[int]()
    while decision.refusal is None:
        short = {need.purse.purse_id for need in decision.holds if not fits(matter, need)} - exhausted
        if not short:
            break
        exhausted |= short
        decision = _decide(matter, matter.call, Balances(exhausted=exhausted))
    return decision


def fits(matter: Matter, need: HoldNeeded) -> bool:
    """Whether the purse would admit the hold now."""
    return matter.purses.get(need.purse.purse_id, UNSPENT).fits(need.purse, need.nano)


def _decide(matter: Matter, call: Call, balances: Balances) -> Decision:
    return decide(
        matter.policy, call, matter.catalog, matter.stats, balances, matter.scan, matter.seed, matter.now
    )
