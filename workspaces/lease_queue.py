"""Requests that wait for money: who is served, who has to look again, who is refused (spec/money.md §3)."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from workspaces.local_purse import Answer, LocalPurse

LONGEST_WAIT = 1.0
"""Seconds after which a look that fails is the last, even if others may still return money."""
HELD_PATIENCE = 0.25
"""Seconds to wait for money that only requests in flight hold: most of them cost less than is held for them."""
FIRST_RECALL_WAIT = 0.015
LONGEST_RECALL_DOUBLING = 4


class Verdict(Enum):
    """What became of a ticket."""

    WAITING = "waiting"
    ADMITTED = "admitted"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"
    RESTARTED = "restarted"
    """A window ended, or the process was fenced, while it waited: take the holds anew."""
    ABANDONED = "abandoned"


class Reason(Enum):
    """Why a purse refused a hold."""

    EXHAUSTED = "exhausted"
    """As much as the limit is spent."""
    SHORT = "short"
    """What is left is less than the hold, or held by requests in flight."""
    WINDOW_OVER = "window over"
    """A request of a window that has passed asked for more; nothing can be taken from such a window."""


class Shortage(NamedTuple):
    """A purse that refused a hold, and the nano-dollars it has left (negative after an overdraft)."""

    purse_id: int
    reason: Reason
    room: int

    @classmethod
    def seen(cls, purse: LocalPurse, answer: Answer) -> Shortage:
        """Return why a purse refuses after an answer; what the process holds free is left, too."""
        reason = Reason.EXHAUSTED if answer.is_exhausted else Reason.SHORT
        return cls(purse.id, reason, answer.room + purse.free + purse.returning)


class Ticket:
    """A request that cannot be admitted at once: it has reserved what it could and waits for the rest."""

    __slots__ = (
        "_attend",
        "_on_verdict",
        "admitted_at",
        "born",
        "incarnation",
        "missing",
        "reserved",
        "shortages",
        "verdict",
    )

    def __init__(
        self,
        *,
        admitted_at: int,
        born: float,
        incarnation: int,
        attend: Callable[[LocalPurse], None],
        on_verdict: Callable[[], None],
    ) -> None:
        self.admitted_at = admitted_at
        self.born = born
        self.incarnation = incarnation
        self.missing = 0
        self.reserved: list[tuple[LocalPurse, int]] = []
        self.shortages: list[Shortage] = []
        self.verdict = Verdict.WAITING
        self._attend = attend
        self._on_verdict = on_verdict

    @property
    def is_waiting(self) -> bool:
        """Whether a queue still has to do anything about it."""
        return self.verdict is Verdict.WAITING

    def reserve(self, purse: LocalPurse, nano: int) -> None:
        """Take the hold; of a request that is refused already, only the other verdicts are of interest."""
        if not self.shortages:
            purse.used += nano
            self.reserved.append((purse, nano))

    def serve(self, purse: LocalPurse, nano: int) -> None:
        """Take the hold that it has waited for in this purse."""
        self.reserve(purse, nano)
        self._count_answer()

    def fail(self, shortage: Shortage) -> None:
        """Note a purse that refuses for good; what is reserved elsewhere is free again at once."""
        self.shortages.append(shortage)
        self._release()
        self._count_answer()

    def close(self, verdict: Verdict) -> None:
        """End the wait; only an admitted request keeps what it has reserved."""
        if self.verdict is not Verdict.WAITING:
            return
        self.verdict = verdict
        if verdict is not Verdict.ADMITTED:
            self._release()
        self._on_verdict()

    def abandon(self) -> None:
        """Undo everything: the caller is gone, perhaps just after the verdict."""
        if self.verdict is Verdict.ADMITTED:
            self.verdict = Verdict.ABANDONED
            self._release()
        self.close(Verdict.ABANDONED)

    def _count_answer(self) -> None:
        self.missing -= 1
        if self.missing == 0:
            self.close(Verdict.REFUSED if self.shortages else Verdict.ADMITTED)

    def _release(self) -> None:
        for purse, nano in self.reserved:
            purse.settle(self.admitted_at, nano, 0)
            self._attend(purse)
        self.reserved = []


class Waiter:
    """A ticket's place in the queue of one purse."""

    __slots__ = ("failed_at", "is_asked", "looks", "nano", "ticket")

    def __init__(self, ticket: Ticket, nano: int) -> None:
        self.ticket = ticket
        self.nano = nano
        self.is_asked = False
        self.looks = 0
        self.failed_at: float | None = None

    def look_again(self, answer: Answer, now: float) -> float | None:
        """Return in how many seconds another look is due after one that failed; None: it is refused."""
        if answer.is_exhausted or now - self.ticket.born > LONGEST_WAIT:
            return None
        self.looks += 1
        delay = FIRST_RECALL_WAIT * (1 << min(self.looks, LONGEST_RECALL_DOUBLING))
        if answer.are_others_loose:
            self.failed_at = None
            return delay
        if self.failed_at is None:
            self.failed_at = now
        left = self.failed_at + HELD_PATIENCE - now
        return min(delay, left) if left > 0 else None


class Queue(list[Waiter]):
    """Who waits on one purse, in order of arrival."""

    def ask(self) -> tuple[int, ...]:
        """Return the holds that the next call asks for; its answer judges these and nobody else."""
        self[:] = [waiter for waiter in self if waiter.ticket.is_waiting]
        for waiter in self:
            waiter.is_asked = True
        return tuple(waiter.nano for waiter in self)

    def unask(self) -> None:
        """Note that the call got no answer."""
        for waiter in self:
            waiter.is_asked = False

    def close(self, verdict: Verdict) -> None:
        """End all waits in the same way."""
        waiters = self[:]
        self.clear()
        for waiter in waiters:
            waiter.ticket.close(verdict)

    def serve(self, purse: LocalPurse) -> None:
        """Let money that came back go to the first in the queue, as far as it reaches."""
        waiters = [waiter for waiter in self if waiter.ticket.is_waiting]
        while waiters and purse.free >= waiters[0].nano:
            waiter = waiters.pop(0)
            waiter.ticket.serve(purse, waiter.nano)
        self[:] = waiters

    def judge(self, purse: LocalPurse, answer: Answer, now: float) -> float | None:
        """Serve, refuse or keep everybody who was asked for; return in how many seconds to look again.

        Follows lease_taken in sql/lease_op.sql; a hold is only ever taken from money that is here.
        """
        waiters = self[:]
        self.clear()
        is_blocked, delays = False, []
        for waiter in waiters:
            if not waiter.ticket.is_waiting:
                continue
            if not waiter.is_asked:
                self.append(waiter)
                delays.append(0.0)
                continue
            waiter.is_asked = False
            if not is_blocked and purse.free >= waiter.nano:
                waiter.ticket.serve(purse, waiter.nano)
                continue
            is_blocked = not purse.is_strict
            delay = waiter.look_again(answer, now)
            if delay is None:
                waiter.ticket.fail(Shortage.seen(purse, answer))
                continue
            self.append(waiter)
            delays.append(delay)
        return min(delays, default=None)
