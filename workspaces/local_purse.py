"""What a process may still admit on one purse, in memory: bookkeeping without I/O (spec/money.md §3).

`granted` is all that the database ever granted in the purse's current window, `used` all that was ever consumed
plus what requests hold now; the difference is free. Every amount is in nano-dollars. The numbers are only
changed by additions, so that a settlement, a return and an answer may come in any order.
"""

from __future__ import annotations

from typing import NamedTuple

from workspaces.lease_queue import Queue, Ticket, Verdict, Waiter
from workspaces.windows import window_of, window_start

HORIZON_SECONDS = 60.0
"""A lease lasts this long at the present rate of spending; an outage of the database is served from it."""
LEAST_HOLDS = 4
RATE_WINDOW_SECONDS = 0.05
REFUSE_LOCALLY_SECONDS = 1.0


class PurseSpec(NamedTuple):
    """Which purse a limit is counted on: its row, its interval (d, w, m or t), and how it judges."""

    id: int
    interval: str
    is_strict: bool


class Call(NamedTuple):
    """One call of lease_op: what is returned, owed and asked for in one window of one purse."""

    starts_at: int
    give: int
    force: int
    asks: tuple[int, ...]
    want: int
    unit: int
    is_leaving: bool


class Answer(NamedTuple):
    """What lease_op said."""

    status: str
    delta: int
    is_tight: bool
    are_others_loose: bool
    room: int
    is_exhausted: bool
    current_window: int
    byok: int = 0


class Reserve:
    """How much to hold beyond the queue: HORIZON_SECONDS of the rate at which money was spent lately."""

    __slots__ = ("marked_at", "marked_used", "target")

    def __init__(self) -> None:
        self.target = self.marked_used = 0
        self.marked_at: float | None = None

    def measure(self, used: int, unit: int, now: float) -> None:
        """Follow the rate of spending, from what is used by now."""
        least = LEAST_HOLDS * unit
        if self.marked_at is None:
            self.target = least
        elif now - self.marked_at <= RATE_WINDOW_SECONDS:
            return
        else:
            rate = max(0, used - self.marked_used) / (now - self.marked_at)
            self.target = max((self.target + int(rate * HORIZON_SECONDS)) // 2, least)
        self.marked_at, self.marked_used = now, used

    def shortfall(self, free: int, low: int) -> int:
        """Return what to ask for, once less than half of the lease is left."""
        return max(0, self.target - free) if free < low else 0

    def surplus(self, free: int) -> int:
        """Return what to give back after the rate has dropped."""
        return free - 2 * self.target if free > 4 * self.target else 0


class LocalPurse:
    """The process's side of one purse. One call may be under way at a time: is_busy."""

    __slots__ = (
        "__weakref__",
        "byok",
        "dry_room",
        "dry_until",
        "ends_at",
        "granted",
        "has_lease",
        "id",
        "interval",
        "is_busy",
        "is_frozen",
        "is_idle",
        "is_leaving",
        "is_overdrawn",
        "is_recalled",
        "is_strict",
        "is_tight",
        "low",
        "owed",
        "reserve",
        "returning",
        "returns_at_once",
        "seen_used",
        "starts_at",
        "unit",
        "used",
        "waiting",
    )

    def __init__(self, spec: PurseSpec) -> None:
        self.id = spec.id
        self.interval = spec.interval
        self.is_strict = spec.is_strict
        self.starts_at = self.ends_at = 0
        self.granted = self.used = self.returning = self.low = self.unit = 0
        self.is_busy = self.is_tight = self.is_recalled = self.has_lease = False
        self.is_idle = self.is_leaving = self.returns_at_once = self.is_frozen = False
        self.is_overdrawn = False
        self.waiting = Queue()
        self.reserve = Reserve()
        self.owed: dict[int, int] = {}
        self.seen_used = -1
        self.dry_until = 0.0
        self.dry_room = 0
        self.byok = 0

    @property
    def free(self) -> int:
        """What another hold could take; negative while a cost above its hold is not yet accounted for."""
        return self.granted - self.used

    def window_at(self, moment: int) -> int:
        """Where the window begins that holds the moment; quickly, as it is nearly always the current one."""
        if self.starts_at <= moment < self.ends_at:
            return self.starts_at
        return window_start(self.interval, moment)

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing would be lost if the object were dropped."""
        return not (self.is_busy or self.has_lease or self.waiting or self.owed or self.granted or self.used)

    def roll(self, starts_at: int, ends_at: int) -> None:
        """Go on in another window: money of the old one can only be returned or owed from now on."""
        self._owe(self.starts_at, self.free + self.returning)
        self.starts_at, self.ends_at = starts_at, ends_at
        self.granted = self.used = self.returning = self.low = 0
        self.is_overdrawn = self.is_tight = self.is_recalled = self.has_lease = self.is_leaving = False
        self.returns_at_once = self.is_idle
        self.reserve.marked_at = None
        self.dry_until = 0.0
        self.waiting.close(Verdict.RESTARTED)

    def settle(self, admitted_at: int, nano: int, cost: int) -> None:
        """Replace a hold by its cost, in the window that it was taken in."""
        if admitted_at >= self.starts_at:
            self.used += cost - nano
            self.set_aside()
        else:
            self._owe(window_start(self.interval, admitted_at), nano - cost)

    def set_aside(self) -> None:
        """Beyond a limit nothing is free: what a hold leaves is the database's to judge, not the own queue's."""
        if self.is_overdrawn and self.free > 0:
            self.returning += self.free
            self.granted = self.used

    def recall(self) -> None:
        """Return what is free with the next call: others need it, or the limit has changed."""
        self.dry_until = 0.0
        self.is_recalled = self.has_lease

    def rest(self) -> None:
        """Return everything, and the lease itself if ingest has accounted for all of it."""
        self.is_idle = self.returns_at_once = True
        self.is_leaving = self.has_lease

    def enqueue(self, ticket: Ticket, nano: int) -> None:
        """Let a request wait until this purse has money for it or refuses it."""
        ticket.missing += 1
        self.waiting.append(Waiter(ticket, nano))
        self.is_idle = self.is_leaving = False
        self.returns_at_once = self.is_tight

    def learn_unit(self, nano: int) -> None:
        """Follow the mean hold, which measures how near a limit is."""
        self.unit = nano if not self.unit else max(1, self.unit + (nano - self.unit) // 16)

    def next_call(self, now: float) -> Call | None:
        """Return the call that is due, and book what it returns; None if one is under way or nothing is due."""
        if self.is_busy:
            return None
        if self.owed and not self.waiting:
            return self._call_for_passed_window()
        free, force = max(0, self.free), max(0, -self.free)
        is_returning = self.is_recalled or self.is_idle
        give = free if self.waiting or is_returning or self.is_tight else 0
        want = 0
        if self.unit and not (is_returning or self.is_tight):
            self.reserve.measure(self.used, self.unit, now)
            want = self.reserve.target if self.waiting else self.reserve.shortfall(free, self.low)
            give = give or self.reserve.surplus(free)
        acknowledges = self.is_recalled and not self.is_tight
        if not (give or self.returning or force or self.waiting or want or acknowledges or self.is_leaving):
            return None
        asks = self.waiting.ask()
        call = Call(
            self.starts_at,
            give + self.returning,
            force,
            asks,
            want,
            self.unit or 1,
            self.is_leaving and not asks,
        )
        self.granted -= give
        self.returning = 0
        # A recall that arrives while this call is under way must outlive it, so it is answered for here.
        self.is_recalled = self.is_leaving = False
        self.is_busy = self.has_lease = True
        return call

    def take_answer(self, call: Call, answer: Answer, now: float) -> float | None:
        """Book an answer, judge the queue; return in how many seconds to look again if somebody still waits."""
        self.is_busy = False
        if call.starts_at != self.starts_at:
            self._owe(call.starts_at, answer.delta + call.force)
            return 0.0 if self.waiting else None
        self.is_overdrawn = answer.room < 0
        self.set_aside()
        self.granted += answer.delta + call.force
        if answer.status == "left":
            self.forget_lease()
        if answer.status != "ok":
            return None
        self.is_tight = answer.is_tight
        self.byok = answer.byok
        self.returns_at_once = answer.is_tight or self.is_idle
        delay = self.waiting.judge(self, answer, now)
        if answer.is_exhausted:
            self.dry_until, self.dry_room = now + REFUSE_LOCALLY_SECONDS, answer.room
        self.low = 0 if answer.is_tight else max(0, self.free) // 2
        return None if self.returning else delay

    def lose(self, call: Call) -> None:
        """Note that a call's outcome is unknown; the purse stays busy until its lease is read again."""
        self.waiting.unask()
        if call.starts_at != self.starts_at:
            self._owe(call.starts_at, call.force)

    def reread(self, granted: int | None, is_loose: bool) -> None:
        """Believe the database about the current window's lease; None: there is none."""
        self.is_busy = False
        if self.is_frozen:
            self.is_frozen = False
            self.ends_at = window_of(self.interval, self.starts_at)[1] if self.starts_at else 0
        if granted is None:
            self.forget_lease()
            return
        self.has_lease = True
        self.granted, self.returning = granted, 0
        self.is_tight = self.is_overdrawn = not is_loose  # a lost answer may have said so
        self.returns_at_once = self.is_tight or self.is_idle
        self.low = 0 if self.is_tight else min(self.low, max(0, self.free) // 2)

    def freeze(self) -> None:
        """Admit nothing until the lease is read again: the process was fenced, what it had may be gone."""
        self.is_frozen = True
        self.ends_at = 0
        self.owed = {window: nano for window, nano in self.owed.items() if nano < 0}
        self.waiting.close(Verdict.RESTARTED)

    def forget_lease(self) -> None:
        """Count from zero: the lease's row is gone, and all that it had granted is accounted for."""
        self.used -= self.granted + self.returning
        self.granted = self.returning = 0
        self.has_lease = self.is_tight = self.is_overdrawn = False
        self.returns_at_once = self.is_idle

    def _owe(self, starts_at: int, nano: int) -> None:
        self.owed[starts_at] = self.owed.get(starts_at, 0) + nano
        if not self.owed[starts_at]:
            del self.owed[starts_at]

    def _call_for_passed_window(self) -> Call:
        starts_at, nano = next(iter(self.owed.items()))
        if nano > 0:  # sent once: a return that is lost hides money of a window that is over
            del self.owed[starts_at]
        self.is_busy = True
        return Call(starts_at, max(0, nano), max(0, -nano), (), 0, 1, False)
