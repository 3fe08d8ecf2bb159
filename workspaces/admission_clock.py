"""The time of admissions: the database's clock, read on this machine's steady one."""

from __future__ import annotations

from time import monotonic_ns


class AdmissionClock:
    """Microseconds since 1970 by the database's clock, from which every window follows."""

    __slots__ = ("_floor", "_offset")

    def __init__(self) -> None:
        self._offset = self._floor = 0

    def now(self) -> int:
        """Return the time, never before a window that has been seen to begin."""
        at = monotonic_ns() // 1000 + self._offset
        return at if at > self._floor else self._floor

    def synchronise(self, before: int, at: int, after: int) -> None:
        """Learn that the database's clock said `at` between two readings of the steady one."""
        self._offset = at - (before + after) // 2

    def not_before(self, window_start: int) -> None:
        """Note that a window has begun."""
        self._floor = max(self._floor, window_start)
