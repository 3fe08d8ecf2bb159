"""What the lease protocol promises (spec/money.md §2, §6), with up to 64 processes, random loads and misfortunes.

In a plain run a short round; with --faults the long one.
"""

from __future__ import annotations

import pytest

from tests.faults.report import note
from tests.workspaces.lease_simulation import Plan, simulate

STRICT = pytest.mark.parametrize("is_strict", [False, True], ids=["default", "strict"])
UNLUCKY = {"loss_rate": 0.02, "kills": 4, "fences": 4, "limit_changes": 4}
HEARTBEAT_AND_A_CALL = 1.6
"""Seconds after which a process knows of everything that hears no notifications."""


def check(plan: Plan, purses) -> None:
    """Carry out a plan, and find every promise kept."""
    simulation = simulate(plan, purses)

    outcome = simulation.outcome
    note(f"{plan.processes} simulated processes, {plan}: {outcome}")
    assert outcome.admitted
    assert outcome.refused
    assert outcome.excesses == []
    assert outcome.wrong_refusals == []
    assert outcome.unavailable <= plan.rate * plan.fences
    assert set(simulation.lost.values()) == {0}
    assert set(simulation.left_in_leases) == {(0, 0)}
    assert purses.unbalanced() == []


class TestAShortRound:
    @STRICT
    def test_of_one_process_with_large_holds(self, purses, is_strict):
        check(Plan(1, is_strict, seed=1, seconds=8, rate=20, hold_to_cost=10), purses)

    @STRICT
    def test_of_eight_unlucky_ones(self, purses, is_strict):
        check(Plan(8, is_strict, seed=2, seconds=2.5, rate=200, **UNLUCKY), purses)

    @STRICT
    def test_of_sixty_four_some_of_which_hear_nothing(self, purses, is_strict):
        plan = Plan(
            64, is_strict, seed=3, seconds=1, rate=200, fill=0.3, deaf=0.2, patience=HEARTBEAT_AND_A_CALL
        )
        check(plan, purses)


@pytest.mark.faults
@pytest.mark.timeout(900)
@STRICT
@pytest.mark.parametrize("processes", [1, 2, 8, 64])
@pytest.mark.parametrize("seed", range(2))
class TestALongRound:
    def test_of_a_calm_day(self, purses, processes, is_strict, seed):
        check(Plan(processes, is_strict, seed), purses)

    def test_of_an_unlucky_day(self, purses, processes, is_strict, seed):
        check(Plan(processes, is_strict, seed, rate=200, under_estimated=0.2, **UNLUCKY), purses)

    def test_of_a_day_on_which_some_hear_nothing(self, purses, processes, is_strict, seed):
        plan = Plan(processes, is_strict, seed, rate=200, deaf=0.3, patience=HEARTBEAT_AND_A_CALL, **UNLUCKY)
        check(plan, purses)

    def test_of_large_holds(self, purses, processes, is_strict, seed):
        check(Plan(processes, is_strict, seed, rate=100, hold_to_cost=10), purses)
