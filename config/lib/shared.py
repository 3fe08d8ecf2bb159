"""Counting per minute over all processes: one row per subject in an unlogged table of PostgreSQL.

For the control plane alone. A count is one statement of its own: inside a transaction it would hold up everybody
who counts the same subject until that one ends, and be taken back with it. What a crash forgets is a minute's counts.
"""

from __future__ import annotations

import time

from django.db import connections

SECONDS = 60
SWEEP_MINUTES = 10
DAY_MINUTES = 1440
SWEEP = "DELETE FROM shared_counter WHERE minute < CASE WHEN subject LIKE 'day:%%' THEN %s ELSE %s END"
"""Gateways count days in the same table, by their first minute, under names that say so."""
COUNT = """
INSERT INTO shared_counter (subject, minute, count) VALUES (%s, %s, 1)
ON CONFLICT (subject) DO UPDATE SET minute = EXCLUDED.minute,
  count = CASE WHEN shared_counter.minute = EXCLUDED.minute THEN shared_counter.count + 1 ELSE 1 END
RETURNING count
"""


class MinuteCounters:
    """Counters that begin at nothing with every minute."""

    def __init__(self) -> None:
        self._swept_at = self._minute()

    def count(self, subject: str) -> int:
        """Count one more, and return how many there are in this minute."""
        minute = self._minute()
        with connections["default"].cursor() as cursor:
            cursor.execute(COUNT, [subject, minute])
            (total,) = cursor.fetchone()
            if minute >= self._swept_at + SWEEP_MINUTES:
                self._swept_at = minute
                cursor.execute(SWEEP, [minute - DAY_MINUTES, minute])
        return int(total)

    def counted(self, subject: str) -> int:
        """How many there are in this minute."""
        with connections["default"].cursor() as cursor:
            cursor.execute(
                "SELECT count FROM shared_counter WHERE subject = %s AND minute = %s",
                [subject, self._minute()],
            )
            found = cursor.fetchone()
        return 0 if found is None else int(found[0])

    def seconds_left(self) -> int:
        """How long this minute lasts yet, at least a second."""
        return SECONDS - int(time.time()) % SECONDS

    @staticmethod
    def _minute() -> int:
        return int(time.time()) // SECONDS
