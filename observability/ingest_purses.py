"""The last step of an ingest transaction: move money from leased to spent.

The purses of every subject are locked in the order of their ids, after the shared lock that keeps a purse
from being made while its history is on the move (spec: money §1). Whoever makes a purse takes that lock
alone, before it locks any purse.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

import psycopg

from observability.array_literals import booleans, moments, numbers
from observability.ingest_batch import Batch, spent_by_subject
from workspaces.windows import window_start

Cursor: TypeAlias = psycopg.Cursor[tuple[Any, ...]]
Consumed: TypeAlias = dict[tuple[int, int], int]
"""(purse, window start in microseconds) -> what settled requests take out of the process's lease."""

SHARE_HISTORY_SQL = """
SELECT pg_advisory_xact_lock_shared(7241, (organization & 2147483647)::integer)
  FROM unnest(%s::bigint[]) organization
"""
LOCK_PURSES_SQL = """
SELECT id, subject, interval, (extract(epoch FROM window_start) * 1000000)::bigint FROM purse
 WHERE id IN (SELECT id FROM purse WHERE subject = ANY(%(subjects)s::bigint[])
              UNION SELECT unnest(%(purses)s::bigint[])
              UNION SELECT purse_id FROM lease WHERE process_id = %(process)s AND %(with_leased)s)
 ORDER BY id FOR NO KEY UPDATE
"""
CONSUME_SQL = """
UPDATE lease SET consumed_nano = consumed_nano + one.nano
  FROM unnest(%s::bigint[], %s::timestamptz[], %s::bigint[]) one (purse_id, window_start, nano)
 WHERE lease.process_id = %s AND lease.purse_id = one.purse_id AND lease.window_start = one.window_start
"""
KNOWN_LEASES_SQL = """
SELECT purse_id, (extract(epoch FROM window_start) * 1000000)::bigint FROM lease WHERE process_id = %s
"""
# A request may be charged to a purse on which its process had no money, and owes it until its next call.
ADD_LEASES_SQL = """
INSERT INTO lease (process_id, purse_id, window_start, granted_nano, consumed_nano, is_loose)
SELECT gateway_process.id, one.purse_id, one.window_start, 0, one.nano, false
  FROM unnest(%s::bigint[], %s::timestamptz[], %s::bigint[]) one (purse_id, window_start, nano),
       gateway_process
 WHERE gateway_process.id = %s
ON CONFLICT DO NOTHING RETURNING purse_id, (extract(epoch FROM window_start) * 1000000)::bigint
"""
SETTLE_SQL = """
UPDATE purse SET
  window_start = now.window_start,
  spent_nano = CASE WHEN now.rolls THEN 0 ELSE purse.spent_nano END + now.spent_nano,
  byok_nano = CASE WHEN now.rolls THEN 0 ELSE purse.byok_nano END + now.byok_nano,
  leased_nano = CASE WHEN now.rolls THEN 0 ELSE purse.leased_nano END - now.consumed_nano,
  holders = CASE WHEN now.rolls THEN 0 ELSE purse.holders END + now.new_holders,
  is_tight = purse.is_tight AND NOT now.rolls,
  loose = CASE WHEN now.rolls THEN 0 ELSE purse.loose END
 FROM unnest(%s::bigint[], %s::timestamptz[], %s::bool[], %s::bigint[], %s::bigint[], %s::bigint[], %s::int[])
      now (id, window_start, rolls, spent_nano, byok_nano, consumed_nano, new_holders)
WHERE purse.id = now.id
"""
DROP_SPENT_LEASES_SQL = """
DELETE FROM lease USING purse
 WHERE lease.process_id = %s AND purse.id = lease.purse_id AND purse.id = ANY(%s::bigint[])
   AND lease.window_start < purse.window_start AND lease.granted_nano = lease.consumed_nano
"""


class Purse(NamedTuple):
    """A locked purse."""

    id: int
    subject: int
    interval: str
    window_start: int


class Addition(NamedTuple):
    """What a batch adds to a purse, in the window that is current once it is booked."""

    window_start: int
    rolls: bool
    spent_nano: int
    byok_nano: int


def settle(cursor: Cursor, process_id: UUID, batch: Batch, *, with_leased: bool) -> None:
    """Count the batch in every purse of its subjects and take it out of the process's leases."""
    cursor.execute(SHARE_HISTORY_SQL, [numbers(batch.organization_ids)])
    consumed, spent = dict(sorted(batch.consumed.items())), spent_by_subject(batch)
    held = {purse for purse, _ in consumed}
    names = {
        "subjects": numbers(spent),
        "purses": numbers(held),
        "process": process_id,
        "with_leased": with_leased,
    }
    purses = [Purse(*row) for row in cursor.execute(LOCK_PURSES_SQL, names).fetchall()]
    additions = {
        purse.id: _addition(purse, spent.get(purse.subject, {}))
        for purse in purses
        if purse.subject in spent or purse.id in held
    }
    if additions:
        _book(cursor, process_id, additions, consumed)


def _addition(purse: Purse, days: dict[int, list[int]]) -> Addition:
    current, spent, byok = purse.window_start, 0, 0
    for day, (day_spent, day_byok) in days.items():
        start = window_start(purse.interval, day)
        if start > current:  # the first of a newer window rolls the purse; older ones live in the rollups
            current, spent, byok = start, 0, 0
        if start == current:
            spent, byok = spent + day_spent, byok + day_byok
    return Addition(current, current > purse.window_start, spent, byok)


def _book(cursor: Cursor, process_id: UUID, additions: dict[int, Addition], consumed: Consumed) -> None:
    cursor.execute(CONSUME_SQL, [*_arrays(consumed), process_id])
    added: set[int] = set()
    if cursor.rowcount < len(consumed):
        added = _add_leases(cursor, process_id, additions, consumed)
    cursor.execute(
        SETTLE_SQL,
        [
            numbers(additions),
            moments(addition.window_start for addition in additions.values()),
            booleans(addition.rolls for addition in additions.values()),
            numbers(addition.spent_nano for addition in additions.values()),
            numbers(addition.byok_nano for addition in additions.values()),
            numbers(consumed.get((purse, it.window_start), 0) for purse, it in additions.items()),
            numbers(int(purse in added) for purse in additions),
        ],
    )
    passed = [
        purse for purse, window in consumed if purse in additions and window < additions[purse].window_start
    ]
    if passed:
        cursor.execute(DROP_SPENT_LEASES_SQL, [process_id, numbers(passed)])


def _add_leases(
    cursor: Cursor, process_id: UUID, additions: dict[int, Addition], consumed: Consumed
) -> set[int]:
    """Add the leases that are missing in current windows, and forget what no lease stands for."""
    known = set(cursor.execute(KNOWN_LEASES_SQL, [process_id]).fetchall())
    missing = {
        (purse, window): nano
        for (purse, window), nano in consumed.items()
        if (purse, window) not in known and purse in additions
    }
    current = {
        key: nano for key, nano in missing.items() if nano and additions[key[0]].window_start == key[1]
    }
    added: set[tuple[int, int]] = set()
    if current:
        added = set(cursor.execute(ADD_LEASES_SQL, [*_arrays(current), process_id]).fetchall())
    for key in consumed.keys() - known - added:
        del consumed[key]
    return {purse for purse, _ in added}


def _arrays(consumed: Consumed) -> list[str]:
    purses, windows = (purse for purse, _ in consumed), (window for _, window in consumed)
    return [numbers(purses), moments(windows), numbers(consumed.values())]
