"""The last step of an ingest transaction: move money from leased to spent.

The purses of every subject are locked in the order of their ids, after the shared lock that keeps a purse
from being made while its history is on the move (spec: money §1). Whoever makes a purse takes that lock
alone, before it locks any purse.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

import psycopg

from config.lib.money import window_start
from observability.ingest_batch import Batch, moment

Cursor: TypeAlias = psycopg.Cursor[tuple[Any, ...]]

SHARE_HISTORY_SQL = """
SELECT pg_advisory_xact_lock_shared(7241, (organization & 2147483647)::integer)
  FROM unnest(%s::bigint[]) organization
"""
LOCK_PURSES_SQL = """
SELECT id, subject, interval, window_start FROM purse
 WHERE id IN (SELECT id FROM purse WHERE subject = ANY(%(subjects)s::bigint[])
              UNION SELECT unnest(%(purses)s::bigint[])
              UNION SELECT purse_id FROM lease WHERE process_id = %(process)s AND %(with_leased)s)
 ORDER BY id FOR NO KEY UPDATE
"""
SETTLE_SQL = """
WITH counted AS (
  UPDATE lease SET consumed_nano = consumed_nano + one.nano
    FROM unnest(%s::bigint[], %s::timestamptz[], %s::bigint[]) one (purse_id, window_start, nano)
   WHERE lease.process_id = %s AND lease.purse_id = one.purse_id AND lease.window_start = one.window_start
  RETURNING lease.purse_id, lease.window_start, one.nano)
UPDATE purse SET
  window_start = now.window_start,
  spent_nano = CASE WHEN now.rolls THEN 0 ELSE purse.spent_nano END + now.spent_nano,
  byok_nano = CASE WHEN now.rolls THEN 0 ELSE purse.byok_nano END + now.byok_nano,
  leased_nano = CASE WHEN now.rolls THEN 0 ELSE purse.leased_nano END - coalesce(counted.nano, 0),
  is_tight = purse.is_tight AND NOT now.rolls,
  loose = CASE WHEN now.rolls THEN 0 ELSE purse.loose END,
  holders = CASE WHEN now.rolls THEN 0 ELSE purse.holders END
 FROM unnest(%s::bigint[], %s::timestamptz[], %s::bool[], %s::bigint[], %s::bigint[])
      now (id, window_start, rolls, spent_nano, byok_nano)
 LEFT JOIN counted ON counted.purse_id = now.id AND counted.window_start = now.window_start
WHERE purse.id = now.id
"""
DROP_SPENT_LEASES_SQL = """
DELETE FROM lease USING purse
 WHERE lease.process_id = %s AND purse.id = lease.purse_id AND purse.id = ANY(%s::bigint[])
   AND lease.window_start < purse.window_start AND lease.granted_nano = lease.consumed_nano
"""


class PurseChange(NamedTuple):
    """What a batch adds to a purse, in the window that is current once it is booked."""

    purse_id: int
    window_start: datetime
    rolls: bool
    spent_nano: int
    byok_nano: int


def settle(cursor: Cursor, process_id: UUID, batch: Batch, *, with_leased: bool) -> None:
    """Count the batch in every purse of its subjects and take it out of the process's leases."""
    cursor.execute(SHARE_HISTORY_SQL, [batch.organization_ids])
    held = {purse_id for purse_id, _ in batch.consumed}
    purses = cursor.execute(
        LOCK_PURSES_SQL,
        {
            "subjects": list(batch.spent),
            "purses": list(held),
            "process": process_id,
            "with_leased": with_leased,
        },
    ).fetchall()
    changes = [
        _change(purse_id, interval, window, batch.spent.get(subject, {}))
        for purse_id, subject, interval, window in purses
        if subject in batch.spent or purse_id in held
    ]
    if changes:
        _book(cursor, process_id, batch, changes)


def _change(purse_id: int, interval: str, window: datetime, days: dict[int, list[int]]) -> PurseChange:
    current, spent, byok = window, 0, 0
    for day, (day_spent, day_byok) in days.items():
        start = _window_of(interval, day)
        if start > current:  # the first of a newer window rolls the purse; older ones live in the rollups
            current, spent, byok = start, 0, 0
        if start == current:
            spent, byok = spent + day_spent, byok + day_byok
    return PurseChange(purse_id, current, current > window, spent, byok)


@lru_cache(maxsize=1024)
def _window_of(interval: str, day: int) -> datetime:
    return window_start(interval, moment(day))


def _book(cursor: Cursor, process_id: UUID, batch: Batch, changes: list[PurseChange]) -> None:
    consumed = sorted(batch.consumed.items())
    cursor.execute(
        SETTLE_SQL,
        [
            [purse_id for (purse_id, _), _ in consumed],
            [moment(window) for (_, window), _ in consumed],
            [nano for _, nano in consumed],
            process_id,
            *_columns(changes),
        ],
    )
    windows = {change.purse_id: change.window_start for change in changes}
    older = [purse for purse, window in batch.consumed if moment(window) < windows.get(purse, moment(window))]
    if older:
        cursor.execute(DROP_SPENT_LEASES_SQL, [process_id, older])


def _columns(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
