"""What has to be set aside for attempts, and what may be done instead where there is not enough (spec: money §3)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import msgspec

from config.lib.byok_fee import ByokFee
from config.lib.money import nano_from_femto
from routing.call import Call
from routing.catalog_snapshot import EndpointEntry
from routing.decision import Attempt, Decision, HoldNeeded, Plan
from routing.policy import Policy, PurseLimit

CREDITS, ALLOWANCE = "credits", "byok_allowance"
MAY_GIVE_WAY = frozenset({CREDITS, ALLOWANCE})
"""Layers whose purses another plan may do without; every other limit is one for each of them."""


def attempt_at(entry: EndpointEntry, call: Call, nano: int, fee: ByokFee | None = None) -> Attempt:
    """An attempt that may cost so much. With a `fee` the endpoint carries a credential of the organization's.

    A private endpoint is paid by its organization, too, and has no fee.
    """
    if fee is None and not entry.is_private:
        return Attempt(entry, nano, nano)
    plugins = nano_from_femto(call.plugin_femto)  # ours, whoever pays the provider
    listed = nano - plugins
    charged = 0 if fee is None or entry.is_private else fee.on(listed)
    return Attempt(entry, charged + plugins, listed, is_byok=True)


def plans_of(attempts: tuple[Attempt, ...], policy: Policy) -> Iterator[Plan]:
    """The plans, the most wanted first: all attempts, or those at one's own expense; without the fee, or with it.

    Made one by one, because the first is nearly always the one that is followed.
    """
    if not policy.credentials or not any(attempt.is_byok for attempt in attempts):
        yield Plan(attempts, holds_of(attempts, policy.purses))
        return
    yield from _each_of(attempts, policy)
    own = tuple([attempt for attempt in attempts if attempt.is_byok])
    if len(own) < len(attempts):
        yield from _each_of(own, policy)


def _each_of(planned: tuple[Attempt, ...], policy: Policy) -> Iterator[Plan]:
    """Without the fee where the allowance may cover it, then with it."""
    if (allowance := _allowance_hold(planned, policy)) is not None:
        free = holds_of([_without_fee(attempt, policy.byok_fee) for attempt in planned], policy.purses)
        yield Plan(planned, (*free, allowance), is_fee_free=True)
    yield Plan(planned, holds_of(planned, policy.purses))


def later_plans(decision: Decision, policy: Policy) -> tuple[Plan, ...]:
    """The plans that are left when the decision's own cannot be followed."""
    plans = tuple(plans_of(decision.considered, policy)) if decision.considered else ()
    return plans[decision.plan_number + 1 :]


def next_plan(decision: Decision, policy: Policy) -> Decision | None:
    """The decision with its next plan in place of its own; None when there is none."""
    left = later_plans(decision, policy)
    if not left:
        return None
    plan = left[0]
    return msgspec.structs.replace(
        decision,
        attempts=plan.attempts,
        holds=plan.holds,
        is_fee_free=plan.is_fee_free,
        plan_number=decision.plan_number + 1,
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


def service_holds(nano: int, purses: Sequence[PurseLimit]) -> tuple[HoldNeeded, ...]:
    """What a service that is asked beside a model needs in each purse: it is ours to pay, whoever pays providers."""
    return tuple([HoldNeeded(purse, nano) for purse in purses if nano or purse.layer != CREDITS])


def is_spent(plan: Plan, exhausted: Collection[int]) -> bool:
    """Whether a purse of the plan is known to be spent."""
    return any(need.purse.purse_id in exhausted for need in plan.holds)


def spent_purses(plan: Plan, exhausted: Collection[int]) -> list[PurseLimit]:
    """The spent purses that stand in the way of a plan."""
    return [need.purse for need in plan.holds if need.purse.purse_id in exhausted]


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
