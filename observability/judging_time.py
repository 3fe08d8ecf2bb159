"""How long an organization's filter rules may keep ingest, which books the charges of everybody.

Rules may look into long texts with regular expressions. What they take is paid back at a tenth of the clock; whoever
owes more than may be owed has nothing judged until then.
"""

from __future__ import annotations

from time import monotonic
from typing import Final

MOST_OWED: Final = 0.5
"""Seconds."""
PAID_BACK: Final = 0.1
"""Seconds per second."""
MOST_KNOWN: Final = 10_000


class JudgingTime:
    """What organizations owe of ingest's time."""

    def __init__(self) -> None:
        self._owed: dict[int, tuple[float, float]] = {}

    def has_some(self, organization_id: int) -> bool:
        """Whether more of its requests may be judged now."""
        return self._owed_by(organization_id) < MOST_OWED

    def take(self, organization_id: int, seconds: float) -> None:
        """Write down what its rules took."""
        owed = self._owed_by(organization_id) + seconds
        self._owed.pop(organization_id, None)
        while len(self._owed) >= MOST_KNOWN:
            self._owed.pop(next(iter(self._owed)))
        self._owed[organization_id] = owed, monotonic()

    def _owed_by(self, organization_id: int) -> float:
        known = self._owed.get(organization_id)
        return 0.0 if known is None else max(0.0, known[0] - (monotonic() - known[1]) * PAID_BACK)
