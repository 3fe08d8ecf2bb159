"""What has to be set aside for attempts, and what may be done instead where there is not enough (spec: money §3)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from config.lib.byok_fee import ByokFee
from config.lib.money import nano_from_femto
from routing.call import Call
from routing.catalog_snapshot import EndpointEntry
from routing.decision import Attempt, Decision, HoldNeeded, Plan
from routing.policy import Policy, PurseLimit
from routing.pricing import estimate

CREDITS, ALLOWANCE = "credits", "byok_allowance"
MAY_GIVE_WAY = frozenset({CREDITS, ALLOWANCE})
"""Layers whose purses another plan may do without; every other limit is one for each of them."""


def attempt_at(entry: EndpointEntry, call: Call, fee: ByokFee | None = None) -> Attempt:
    """An attempt with what it may cost. With a `fee` the endpoint carries a credential of the organization's.

    A private endpoint is paid by its organization, too, and has no fee.
    """
    nano = estimate(entry.price, call, entry)
    if fee is None and not entry.is_private:
        return Attempt(entry, nano, nano)
    plugins = nano_from_femto(call.plugin_femto)  # ours, whoever pays the provider
    listed = nano - plugins
    charged = 0 if fee is None or entry.is_private else fee.on(listed)
    return Attempt(entry, charged + plugins, listed, is_byok=True)


def plans_of(attempts: tuple[Attempt, ...], policy: Policy) -> tuple[Plan, ...]:
    """The plans, the most wanted first: all attempts, or those at one's own expense; without the fee, or with it."""
    if not policy.credentials or not any(attempt.is_byok for attempt in attempts):
        return (Plan(attempts, holds_of(attempts, policy.purses)),)
    own = tuple([attempt for attempt in attempts if attempt.is_byok])
    plans = []
    for planned in (attempts,) if len(own) == len(attempts) else (attempts, own):
        if (allowance := _allowance_hold(planned, policy)) is not None:
            free = holds_of([_without_fee(attempt, policy.byok_fee) for attempt in planned], policy.purses)
            plans.append(Plan(planned, (*free, allowance), is_fee_free=True))
        plans.append(Plan(planned, holds_of(planned, policy.purses)))
    return tuple(plans)


def next_plan(decision: Decision) -> Decision:
    """The decision with its next plan in the first one's place."""
    plan, *others = decision.otherwise
    return msgspec.structs.replace(
        decision,
        attempts=plan.attempts,
        holds=plan.holds,
        is_fee_free=plan.is_fee_free,
        otherwise=tuple(others),
    )


def holds_of(attempts: Sequence[Attempt], purses: Sequence[PurseLimit]) -> tuple[HoldNeeded, ...]:
    """In each purse the most that any of the attempts would count there: a fee and, where BYOK counts, its list price.

    Free models need no credits; every other purse counts the request all the same.
    """
    hold = max([attempt.hold_nano for attempt in attempts])
    counted = max([attempt.hold_nano + attempt.estimate_nano * attempt.is_byok for attempt in attempts])
    return tuple(
        [
            HoldNeeded(purse, counted if purse.counts_byok else hold)
            for purse in purses
            if hold or purse.layer != CREDITS
        ]
    )


def affordable(plans: tuple[Plan, ...], exhausted: Collection[int]) -> tuple[Plan, ...]:
    """The plans whose purses are not known to be spent."""
    return tuple([plan for plan in plans if not any(need.purse.purse_id in exhausted for need in plan.holds)])


def spent_purses(plans: tuple[Plan, ...], exhausted: Collection[int]) -> list[PurseLimit]:
    """The spent purses that stand in the way of the least demanding plan."""
    return [need.purse for need in plans[-1].holds if need.purse.purse_id in exhausted]


def _allowance_hold(attempts: Sequence[Attempt], policy: Policy) -> HoldNeeded | None:
    """The list price that the free allowance would have to cover; None where there is no fee or no allowance."""
    allowance = policy.byok_allowance
    if allowance is None or not allowance.limit_nano:
        return None
    dearest = max(
        [attempt.estimate_nano for attempt in attempts if attempt.hold_nano and attempt.uses_credential],
        default=0,
    )
    return HoldNeeded(allowance, dearest) if dearest else None


def _without_fee(attempt: Attempt, fee: ByokFee) -> Attempt:
    if not attempt.uses_credential:
        return attempt
    listed = attempt.estimate_nano
    return Attempt(attempt.endpoint, attempt.hold_nano - fee.on(listed), listed, is_byok=True)
