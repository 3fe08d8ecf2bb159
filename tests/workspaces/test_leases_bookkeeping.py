"""The pure half of leases against a reference: any order of requests, answers, losses and recalls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from workspaces.lease_queue import Ticket, Verdict
from workspaces.local_purse import Answer, Call, LocalPurse, PurseSpec
from workspaces.windows import LIFETIME_ENDS_AT, LIFETIME_STARTS_AT

PROCESSES = 3


@dataclass
class Row:
    """A lease's row."""

    granted: int = 0
    consumed: int = 0
    is_loose: bool = True


@dataclass
class Central:
    """lease_op in a few lines; tests/workspaces/test_lease_op.py tests the real one."""

    limit: int
    is_strict: bool
    spent: int = 0
    unit: int = 1
    is_tight: bool = False
    rows: dict[int, Row] = field(default_factory=dict)

    @property
    def leased(self) -> int:
        return sum(row.granted - row.consumed for row in self.rows.values())

    def taken(self, asks: Sequence[int], room: int) -> int:
        taken = 0
        for ask in asks:
            if self.is_strict and taken + ask > room:
                continue
            if not self.is_strict and taken >= room:
                break
            taken += ask
        return taken

    def lease_op(self, process: int, call: Call) -> Answer:
        row = self.rows.setdefault(process, Row())
        others_loose = any(other.is_loose for key, other in self.rows.items() if key != process)
        row.granted += call.force - call.give
        if call.is_leaving and row.granted == row.consumed:
            del self.rows[process]
            return Answer("left", 0, self.is_tight, others_loose, 0, False, LIFETIME_STARTS_AT)
        self.unit = max(call.unit, self.unit - self.unit // 64)
        room = self.limit - self.spent - self.leased
        taken = self.taken(call.asks, room)
        near = len(self.rows) * self.unit
        is_near = len(self.rows) > 1 and room - taken < (3 * near if self.is_tight else near)
        self.is_tight = room - taken < 0 or is_near
        share = room - taken if len(self.rows) == 1 else (room - taken) // (2 * len(self.rows))
        extra = 0 if self.is_tight else max(0, min(call.want, share))
        row.granted += taken + extra
        row.is_loose = not self.is_tight
        is_exhausted = self.spent >= self.limit
        return Answer(
            "ok",
            taken + extra,
            self.is_tight,
            others_loose,
            room - taken - extra,
            is_exhausted,
            LIFETIME_STARTS_AT,
        )


@dataclass
class Request:
    """A request on one process's side of the purse."""

    process: int
    hold: int
    ticket: Ticket


class LeasesInAnyOrder(RuleBasedStateMachine):
    """Three processes on one purse; calls are answered, lost before or lost after the database has acted."""

    @initialize(limit=st.integers(0, 120), is_strict=st.booleans())
    def begin(self, limit: int, is_strict: bool) -> None:
        self.now = 100.0
        self.central = Central(limit, is_strict)
        self.largest_cost = 0
        self.purses = [LocalPurse(PurseSpec(1, "t", is_strict)) for _ in range(PROCESSES)]
        for purse in self.purses:
            purse.roll(LIFETIME_STARTS_AT, LIFETIME_ENDS_AT)
        self.calls: dict[int, Call] = {}
        self.requests: list[Request] = []
        self.settled = [0] * PROCESSES
        self.booked = [0] * PROCESSES

    def attend(self, process: int) -> None:
        purse = self.purses[process]
        purse.set_aside()
        if purse.is_busy:
            return
        purse.waiting.serve(purse)
        call = purse.next_call(self.now)
        if call is not None:
            self.calls[process] = call

    def reread(self, process: int) -> None:
        row = self.central.rows.get(process)
        self.purses[process].reread(row.granted if row else None, bool(row and row.is_loose))
        self.attend(process)

    @rule(process=st.integers(0, PROCESSES - 1), hold=st.integers(1, 30))
    def request(self, process: int, hold: int) -> None:
        purse = self.purses[process]
        ticket = Ticket(
            admitted_at=LIFETIME_STARTS_AT,
            born=self.now,
            incarnation=0,
            attend=lambda _: None,
            on_verdict=lambda: None,
        )
        purse.learn_unit(hold)
        if purse.free < hold or purse.waiting:
            purse.enqueue(ticket, hold)
        else:
            ticket.reserve(purse, hold)
            ticket.close(Verdict.ADMITTED)
        self.requests.append(Request(process, hold, ticket))
        self.attend(process)

    @rule(data=st.data())
    @precondition(lambda self: any(each.ticket.verdict is Verdict.ADMITTED for each in self.requests))
    def settle(self, data: Any) -> None:
        admitted = [each for each in self.requests if each.ticket.verdict is Verdict.ADMITTED]
        chosen = data.draw(st.sampled_from(admitted))
        cost = data.draw(st.integers(0, chosen.hold))
        self.requests.remove(chosen)
        self.purses[chosen.process].settle(LIFETIME_STARTS_AT, chosen.hold, cost)
        self.settled[chosen.process] += cost
        self.largest_cost = max(self.largest_cost, cost)
        self.attend(chosen.process)

    @rule(data=st.data())
    @precondition(lambda self: any(each.ticket.is_waiting for each in self.requests))
    def leave_the_queue(self, data: Any) -> None:
        chosen = data.draw(st.sampled_from([each for each in self.requests if each.ticket.is_waiting]))
        chosen.ticket.abandon()
        self.attend(chosen.process)

    @rule(data=st.data())
    @precondition(lambda self: self.calls)
    def answer(self, data: Any) -> None:
        process = data.draw(st.sampled_from(sorted(self.calls)))
        call = self.calls.pop(process)
        self.purses[process].take_answer(call, self.central.lease_op(process, call), self.now)
        self.attend(process)

    @rule(data=st.data(), has_acted=st.booleans())
    @precondition(lambda self: self.calls)
    def lose_an_answer(self, data: Any, has_acted: bool) -> None:
        process = data.draw(st.sampled_from(sorted(self.calls)))
        call = self.calls.pop(process)
        if has_acted:
            self.central.lease_op(process, call)
        self.purses[process].lose(call)
        self.reread(process)

    @rule(process=st.integers(0, PROCESSES - 1))
    def recall(self, process: int) -> None:
        self.purses[process].recall()
        self.attend(process)

    @rule(process=st.integers(0, PROCESSES - 1))
    def rest(self, process: int) -> None:
        self.purses[process].rest()
        self.attend(process)

    @rule(process=st.integers(0, PROCESSES - 1))
    def ingest(self, process: int) -> None:
        cost = self.settled[process] - self.booked[process]
        self.booked[process] += cost
        self.central.spent += cost
        if process in self.central.rows:
            self.central.rows[process].consumed += cost

    @rule(seconds=st.sampled_from([0.01, 0.03, 0.3, 1.1]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        for process in range(PROCESSES):
            self.attend(process)

    @rule(limit=st.integers(0, 120))
    def raise_the_limit(self, limit: int) -> None:
        self.central.limit = max(self.central.limit, limit)
        for process in range(PROCESSES):
            self.recall(process)

    @invariant()
    def no_more_is_promised_than_the_rule_allows(self) -> None:
        held = [each.hold for each in self.requests if each.ticket.verdict is Verdict.ADMITTED]
        promised = sum(self.settled) + sum(held)
        one_request = max([self.largest_cost, *held])
        overdraft = 0 if self.central.is_strict else max(0, one_request - 1)
        assert promised <= self.central.limit + overdraft

    @invariant()
    def a_process_without_a_call_under_way_knows_its_lease(self) -> None:
        for process, purse in enumerate(self.purses):
            if process not in self.calls:
                row = self.central.rows.get(process, Row())
                assert purse.granted + purse.returning == row.granted

    @invariant()
    def nobody_overdraws_a_lease(self) -> None:
        assert all(purse.free >= 0 and purse.low >= 0 for purse in self.purses)

    @invariant()
    def no_row_has_consumed_more_than_was_granted(self) -> None:
        assert all(row.granted >= row.consumed for row in self.central.rows.values())

    def teardown(self) -> None:
        if not hasattr(self, "central"):
            return
        for each in list(self.requests):
            if each.ticket.verdict is Verdict.ADMITTED:
                self.purses[each.process].settle(LIFETIME_STARTS_AT, each.hold, each.hold)
                self.settled[each.process] += each.hold
            each.ticket.close(Verdict.ABANDONED)
        for process, purse in enumerate(self.purses):
            self.drain(process)
            self.ingest(process)
            purse.rest()
            self.attend(process)
            self.drain(process)
        assert self.central.leased == 0
        assert self.central.rows == {}
        assert all(purse.is_at_rest for purse in self.purses)

    def drain(self, process: int) -> None:
        while process in self.calls:
            call = self.calls.pop(process)
            self.purses[process].take_answer(call, self.central.lease_op(process, call), self.now)
            self.attend(process)


TestLeasesInAnyOrder = LeasesInAnyOrder.TestCase
TestLeasesInAnyOrder.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


class TestAnAnswer:
    """Two bugs of the prototype, kept out by name (spec/money.md §9)."""

    def purse_with_a_queue(self, *holds: int) -> tuple[LocalPurse, list[Ticket]]:
        purse = LocalPurse(PurseSpec(1, "t", False))
        purse.roll(LIFETIME_STARTS_AT, LIFETIME_ENDS_AT)
        return purse, [self.join(purse, hold) for hold in holds]

    def join(self, purse: LocalPurse, hold: int) -> Ticket:
        ticket = Ticket(
            admitted_at=LIFETIME_STARTS_AT,
            born=0.0,
            incarnation=0,
            attend=lambda _: None,
            on_verdict=lambda: None,
        )
        purse.learn_unit(hold)
        purse.enqueue(ticket, hold)
        return ticket

    def test_does_not_judge_who_joined_after_the_question(self):
        purse, (first,) = self.purse_with_a_queue(10)
        call = purse.next_call(0.0)
        assert call is not None
        late = self.join(purse, 10)

        again = purse.take_answer(call, Answer("ok", 0, True, False, 0, True, LIFETIME_STARTS_AT), 0.1)

        assert (first.verdict, late.verdict, again) == (Verdict.REFUSED, Verdict.WAITING, 0.0)

    def test_does_not_make_a_recall_forgotten_that_came_meanwhile(self):
        purse, _ = self.purse_with_a_queue(10)
        call = purse.next_call(0.0)
        assert call is not None
        purse.recall()

        purse.take_answer(call, Answer("ok", 60, False, False, 0, False, LIFETIME_STARTS_AT), 0.1)

        following = purse.next_call(0.1)
        assert following is not None
        assert following.give == 50

    def test_leaves_what_a_hold_took_beyond_the_limit_to_the_database(self):
        purse, (large, small) = self.purse_with_a_queue(900, 10)
        call = purse.next_call(0.0)
        assert call is not None
        purse.take_answer(call, Answer("ok", 900, True, False, -800, False, LIFETIME_STARTS_AT), 0.1)

        purse.settle(LIFETIME_STARTS_AT, 900, 5)
        purse.waiting.serve(purse)

        following = purse.next_call(0.1)
        assert following is not None
        assert (large.verdict, small.verdict) == (Verdict.ADMITTED, Verdict.WAITING)
        assert (following.give, following.asks) == (895, (10,))

    def test_refuses_nobody_for_a_quarter_of_a_second_while_only_holds_are_in_the_way(self):
        purse, (ticket,) = self.purse_with_a_queue(10)
        nothing = Answer("ok", 0, True, False, 0, False, LIFETIME_STARTS_AT)

        verdicts = []
        for now in (0.1, 0.3, 0.351):
            call = purse.next_call(now)
            assert call is not None
            purse.take_answer(call, nothing, now)
            verdicts.append(ticket.verdict)

        assert verdicts == [Verdict.WAITING, Verdict.WAITING, Verdict.REFUSED]

    def test_with_loose_holders_refuses_only_after_a_second(self):
        purse, (ticket,) = self.purse_with_a_queue(10)
        nothing = Answer("ok", 0, True, True, 0, False, LIFETIME_STARTS_AT)

        verdicts = []
        for now in (0.1, 0.5, 0.99, 1.01):
            call = purse.next_call(now)
            assert call is not None
            purse.take_answer(call, nothing, now)
            verdicts.append(ticket.verdict)

        assert verdicts == [*[Verdict.WAITING] * 3, Verdict.REFUSED]
