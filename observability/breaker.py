"""When a destination is left alone for a while: its circuit breaker (spec: broadcast §5). Plain values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

FAILURES_IN_A_ROW: Final = 5
BATCHES_KNOWN: Final = 20
SHORTEST, LONGEST = timedelta(seconds=30), timedelta(minutes=15)
GIVEN_UP_AFTER: Final = timedelta(days=7)
MOST_DOUBLINGS: Final = 10

_MASK = (1 << BATCHES_KNOWN) - 1


@dataclass(frozen=True, slots=True)
class Breaker:
    """How the last batches went.

    `recent` has a bit for each of them behind a leading one, set where it failed. `openings` counts since the last
    success; above zero and past `open_until` it is half open: one small batch is tried.
    """

    failures: int = 0
    recent: int = 1
    openings: int = 0
    opened_at: datetime | None = None
    open_until: datetime | None = None
    failing_since: datetime | None = None

    @property
    def is_half_open(self) -> bool:
        """Whether the next batch is a trial; `open_until` is the caller's to look at."""
        return self.openings > 0

    def succeeded(self) -> Breaker:
        """A batch got through, if only in part: whatever was wrong is over."""
        return Breaker(recent=1 if self.is_half_open else self._with(0))

    def failed(self, now: datetime, *, opens_at_once: bool = False) -> Breaker:
        """A batch did not get through; opens when that is enough."""
        known = replace(
            self,
            failures=self.failures + 1,
            recent=self._with(1),
            failing_since=self.failing_since or now,
        )
        if opens_at_once or self.is_half_open or known.failures >= FAILURES_IN_A_ROW or known._fails_mostly:
            return known._opened(now)
        return known

    def paused(self, until: datetime) -> Breaker:
        """The destination asked for a pause: no fault of anybody's, so nothing is counted."""
        return replace(self, open_until=until)

    def is_given_up(self, now: datetime) -> bool:
        """Whether nothing got through for so long that the destination is to be switched off."""
        return self.failing_since is not None and now - self.failing_since >= GIVEN_UP_AFTER

    def _opened(self, now: datetime) -> Breaker:
        wait = min(LONGEST, SHORTEST * 2 ** min(self.openings, MOST_DOUBLINGS))
        return replace(self, recent=1, openings=self.openings + 1, opened_at=now, open_until=now + wait)

    def _with(self, bit: int) -> int:
        longer = self.recent << 1 | bit
        return longer & _MASK | 1 << BATCHES_KNOWN if longer.bit_length() > BATCHES_KNOWN + 1 else longer

    @property
    def _fails_mostly(self) -> bool:
        is_full = self.recent.bit_length() == BATCHES_KNOWN + 1
        return is_full and (self.recent & _MASK).bit_count() * 2 > BATCHES_KNOWN
