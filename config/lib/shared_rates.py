"""Adding to the shared counters of a minute for several subjects at once, over a raw connection: for gateways.

The table is the one of config.lib.shared; no Django here. What a crash of the database forgets is a minute's counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg

# In one order, so that two processes who add to the same subjects do not wait for each other.
ADD = """
INSERT INTO shared_counter AS known (subject, minute, count)
SELECT * FROM unnest(%s::text[], %s::bigint[], %s::bigint[]) new (subject, minute, count) ORDER BY subject
ON CONFLICT (subject) DO UPDATE SET
  count = CASE WHEN known.minute = EXCLUDED.minute THEN known.count + EXCLUDED.count
               WHEN known.minute < EXCLUDED.minute THEN EXCLUDED.count ELSE known.count END,
  minute = greatest(known.minute, EXCLUDED.minute)
RETURNING subject, minute, count
"""


async def add(
    connection: psycopg.AsyncConnection[tuple[Any, ...]], counts: Sequence[tuple[str, int, int]]
) -> dict[tuple[str, int], int]:
    """Add to the counts of subjects in their minutes; the totals, by subject and minute."""
    subjects, minutes, numbers = zip(*counts, strict=True)
    cursor = await connection.execute(ADD, [list(subjects), list(minutes), list(numbers)])
    return {(subject, minute): count for subject, minute, count in await cursor.fetchall()}
