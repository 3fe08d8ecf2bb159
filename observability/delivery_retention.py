"""Ends deliveries that waited too long, and forgets what is older still.

A delivery that could not be made within the retention becomes a dead letter; a day later its partition may go. Counts
stay right, because nothing disappears that is pending.
"""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final

import psycopg
from psycopg import sql

from config.lib.environment import environment

log = logging.getLogger(__name__)

GRACE: Final = timedelta(days=1)
"""For looking at dead letters before they go."""
RECEIPTS_KEPT: Final = timedelta(days=30)
CHUNK: Final = 5_000
TOO_OLD: Final = "It could not be delivered in time"
DELETED: Final = "The destination was deleted"
DAILY = re.compile(r"delivery_(\d{8})")

Connection = psycopg.Connection[tuple[Any, ...]]

# Locked in the order in which the drain claims; skipped are those that are being claimed just now.
END_SQL = """
WITH old AS (
  SELECT destination_id, generation_id FROM delivery
   WHERE status = 'pending' AND {condition}
   ORDER BY destination_id, next_at, generation_id LIMIT %(chunk)s FOR NO KEY UPDATE SKIP LOCKED),
ended AS (
  UPDATE delivery SET status = 'dead', settled_at = now(), last_error = coalesce(last_error, %(reason)s)
    FROM old WHERE delivery.destination_id = old.destination_id AND delivery.generation_id = old.generation_id
  RETURNING delivery.destination_id),
counted AS (SELECT destination_id, count(*) AS dead FROM ended GROUP BY 1),
locked AS (
  SELECT destination_id FROM delivery_state WHERE destination_id IN (SELECT destination_id FROM counted)
   ORDER BY destination_id FOR NO KEY UPDATE),
added AS (
  UPDATE delivery_state SET dead = delivery_state.dead + counted.dead FROM counted JOIN locked USING (destination_id)
   WHERE delivery_state.destination_id = counted.destination_id)
SELECT coalesce(sum(dead), 0)::bigint FROM counted
"""
OLD = sql.SQL("accepted_at < %(before)s")
ORPHANED = sql.SQL("destination_id IN (SELECT id FROM destination WHERE deleted_at IS NOT NULL)")
FORGET_SQL = """
DELETE FROM delivery WHERE tableoid = 'delivery_default'::regclass AND status <> 'pending' AND settled_at < %s
"""


def retire(connection: Connection) -> None:
    """Do all of it. Idempotent; safe beside everything else."""
    now = datetime.now(UTC)
    before = now - timedelta(hours=environment().delivery_retention_hours)
    end_all(connection, OLD, TOO_OLD, before=before)
    end_all(connection, ORPHANED, DELETED, before=before)
    connection.execute("DELETE FROM delivery_receipt WHERE created_at < %s", [now - RECEIPTS_KEPT])
    connection.execute(FORGET_SQL, [before - GRACE])
    for name in old_partitions(connection, before - GRACE):
        _drop(connection, name)


def end_all(connection: Connection, condition: sql.SQL, reason: str, *, before: datetime) -> int:
    """Make dead letters of the pending deliveries of a condition; returns how many."""
    statement = sql.SQL(END_SQL).format(condition=condition)
    total = 0
    while True:
        with connection.transaction():
            row = connection.execute(
                statement, {"chunk": CHUNK, "reason": reason, "before": before}
            ).fetchone()
        ended = row[0] if row else 0
        total += ended
        if ended < CHUNK:
            return total


def old_partitions(connection: Connection, before: datetime) -> list[str]:
    """The daily partitions that ended before a moment."""
    names = connection.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'delivery'::regclass"
    )
    return sorted(name for (name,) in names if (end := _end_of(name)) is not None and end <= before)


def _end_of(name: str) -> datetime | None:
    found = DAILY.fullmatch(name)
    if found is None:
        return None
    day = datetime.strptime(found[1], "%Y%m%d").date()  # noqa: DTZ007  # a date
    return datetime.combine(day + timedelta(days=1), time(), UTC)


def _drop(connection: Connection, name: str) -> None:
    """Drop a partition, unless something in it waits: a request of long ago may have been sent again."""
    try:
        with connection.transaction():
            connection.execute("SET LOCAL lock_timeout = '2s'")
            table = sql.Identifier(name)
            connection.execute(sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(table))
            waiting = sql.SQL("SELECT EXISTS (SELECT FROM {} WHERE status = 'pending')").format(table)
            row = connection.execute(waiting).fetchone()
            if row == (False,):
                connection.execute(sql.SQL("DROP TABLE {}").format(table))
    except psycopg.errors.LockNotAvailable:
        log.info("%s is busy and will be dropped later", name)
