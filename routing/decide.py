"""The one pure decision: what may happen to a request, why, and what it needs (DESIGN §4).

Gateway, explanations, previews, replay and tests all call `decide`; nothing but `admit` can still refuse after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from routing.call import Call
from routing.catalog_snapshot import CatalogSnapshot
from routing.decision import (
    NO_BALANCES,
    NOBODY,
    UNUSED,
    Attempt,
    Balances,
    Decision,
    Dropped,
    EndpointStats,
    Finding,
    HoldNeeded,
    RateUse,
    Stats,
    Step,
)
from routing.policy import Policy

__all__ = [
    "NOBODY",
    "NO_BALANCES",
    "UNUSED",
    "Attempt",
    "Balances",
    "Decision",
    "Dropped",
    "EndpointStats",
    "Finding",
    "HoldNeeded",
    "RateUse",
    "Stats",
    "Step",
    "decide",
]


def decide(
    policy: Policy | None,
    call: Call,
    catalog: CatalogSnapshot,
    stats: Stats,
    balances: Balances,
    findings: Sequence[Finding],
    seed: int,
    now: datetime,
) -> Decision:
    """Say whether the call is allowed, which endpoints are tried in which order, and what has to be set aside.

    `policy` None: no key, or an unknown one. `seed` fixes the weighted draw. `now` is aware.
    """
    raise NotImplementedError
