"""Make the calls that a process's purses need, and believe nothing after a call whose answer was lost."""

from __future__ import annotations

import asyncio
import logging
import time

from workspaces.admission_clock import AdmissionClock
from workspaces.lease_calls import FAILURES, LeaseDatabase, LeaseRows
from workspaces.lease_queue import LONGEST_WAIT, Verdict
from workspaces.local_purse import Answer, Call, LocalPurse
from workspaces.windows import window_of

log = logging.getLogger(__name__)


class LeaseKeeper:
    """The purses on which a process has a lease. All methods belong to the event loop's thread."""

    def __init__(self, *, database: LeaseDatabase, clock: AdmissionClock) -> None:
        self.active: dict[int, LocalPurse] = {}
        self.epoch = 0
        self.incarnation = 0
        """Rises whenever what was granted may be gone; what waited since before must begin anew."""
        self.is_over = False
        self.doubtful: set[LocalPurse] = set()
        """Purses whose lease must be read again before another call."""
        self.alarm = asyncio.Event()
        """Set when there is a doubt to clear up."""
        self._database = database
        self._clock = clock
        self._is_lost = False
        self._quiet = asyncio.Event()
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._calls: set[asyncio.Task[None]] = set()

    def attend(self, purse: LocalPurse) -> None:
        """Do for a purse what is due now; cheap if nothing is."""
        purse.set_aside()
        if purse.is_busy or self._is_lost:
            return
        self.active[purse.id] = purse
        self.enter_window(purse, self._clock.now())
        if purse.waiting:
            purse.waiting.serve(purse)
        call = purse.next_call(time.monotonic())
        if call is not None:
            task = asyncio.create_task(self._make(purse, call, self.epoch, self.incarnation))
            self._calls.add(task)
            task.add_done_callback(self._forget_call)

    def attend_soon(self, purse: LocalPurse) -> None:
        """Attend after whatever is going on with purses now."""
        asyncio.get_running_loop().call_soon(self.attend, purse)

    def enter_window(self, purse: LocalPurse, at: int) -> None:
        """Roll the purse if its window is over."""
        if at >= purse.ends_at and not purse.is_frozen:
            starts_at, ends_at = window_of(purse.interval, at)
            self._clock.not_before(starts_at)
            purse.roll(starts_at, ends_at)

    def recall(self, purse_id: int) -> None:
        """Return what is free of a purse that others need, or whose limits have changed."""
        purse = self.active.get(purse_id)
        if purse is not None:
            purse.recall()
            self.attend(purse)

    def visit(self, purse: LocalPurse) -> None:
        """Let a purse rest that was not used since the last visit, and forget one at rest."""
        if purse.seen_used == purse.used and not purse.waiting:
            purse.rest()
        purse.seen_used = purse.used
        self.attend(purse)
        if purse.is_at_rest:
            self.active.pop(purse.id, None)

    def doubt_all(self) -> None:
        """Read every lease again before its next call."""
        for purse in self.active.values():
            if not purse.is_busy:
                purse.is_busy = True
                self.doubtful.add(purse)

    def freeze(self) -> None:
        """Admit nothing on what was granted, until it is read again."""
        self.incarnation += 1
        self.doubt_all()
        for purse in self.active.values():
            purse.freeze()

    def believe(self, purses: set[LocalPurse], rows: LeaseRows) -> None:
        """Go on with what the database says about purses that were in doubt before it was asked."""
        self.doubtful -= purses
        for purse in purses:
            granted, is_loose = rows.get((purse.id, purse.starts_at), (None, False))
            purse.reread(granted, is_loose)
            self.attend(purse)
        self._note_quiet()

    def give_up_overdue(self) -> None:
        """Answer those who have waited long enough for a database that does not."""
        latest = time.monotonic() - LONGEST_WAIT
        for purse in self.doubtful:
            for waiter in list(purse.waiting):
                if waiter.ticket.born < latest:
                    waiter.ticket.close(Verdict.UNAVAILABLE)

    async def return_everything(self, patience_seconds: float) -> None:
        """Return what is free, for at most so long; requests in flight keep their holds for the reaper."""
        self.is_over = True
        if self._is_lost:
            return
        for purse in list(self.active.values()):
            purse.waiting.close(Verdict.UNAVAILABLE)
            purse.rest()
            self.attend(purse)
        self._note_quiet()
        try:
            async with asyncio.timeout(patience_seconds):
                await self._quiet.wait()
        except TimeoutError:
            log.warning("closing with %d calls unanswered", len(self._calls) + len(self.doubtful))

    def lose(self) -> None:
        """Admit nothing any more, for good."""
        self.is_over = self._is_lost = True
        for purse in self.active.values():
            purse.freeze()

    async def stop(self) -> None:
        """End calls and timers."""
        self.lose()
        for timer in self._timers.values():
            timer.cancel()
        calls = list(self._calls)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)

    async def _make(self, purse: LocalPurse, call: Call, epoch: int, incarnation: int) -> None:
        """Make a call under the epoch in which it was built: what it returns may be gone after a fence."""
        try:
            answer = await self._database.lease_op(purse.id, call, epoch)
        except FAILURES as error:
            log.warning("lease call on purse %d without an answer: %s", purse.id, error)
            self._doubt(purse, call)
            return
        if incarnation != self.incarnation or answer.status == "fenced":
            self._doubt(purse, call)
            return
        self._take(purse, call, answer)

    def _doubt(self, purse: LocalPurse, call: Call) -> None:
        purse.lose(call)
        self.doubtful.add(purse)
        self.alarm.set()

    def _take(self, purse: LocalPurse, call: Call, answer: Answer) -> None:
        delay = purse.take_answer(call, answer, time.monotonic())
        self._clock.not_before(answer.current_window)
        if answer.status == "gone":
            log.error("purse %d does not exist", purse.id)
            purse.waiting.close(Verdict.UNAVAILABLE)
            purse.forget_lease()
        elif purse.is_at_rest:
            self.active.pop(purse.id, None)
        elif delay:
            self._attend_in(delay, purse)
        else:
            self.attend(purse)

    def _attend_in(self, seconds: float, purse: LocalPurse) -> None:
        timer = self._timers.pop(purse.id, None)
        if timer is not None:
            timer.cancel()
        self._timers[purse.id] = asyncio.get_running_loop().call_later(seconds, self._attend_on_time, purse)

    def _attend_on_time(self, purse: LocalPurse) -> None:
        self._timers.pop(purse.id, None)
        self.attend(purse)

    def _forget_call(self, task: asyncio.Task[None]) -> None:
        self._calls.discard(task)
        self._note_quiet()

    def _note_quiet(self) -> None:
        if self._calls or self.doubtful:
            self._quiet.clear()
        else:
            self._quiet.set()
