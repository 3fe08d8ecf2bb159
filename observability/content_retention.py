"""Contents go when their workspace's retention has passed, and those that are not logged with their deliveries."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeAlias

import psycopg
from psycopg import sql

from observability.contents import first_id
from observability.models.destination import DEFAULT_RETENTION_DAYS
from observability.owner_connection import connect_as_owner
from observability.partitions import partition_name

UNDELIVERED_HOURS = 72
"""After that a delivery is given up, and what it would have told goes with it."""
ROWS_AT_ONCE = 2_000
TABLE = "generation_content"
APPLICATION = "headgate contents"
LOCK_TIMEOUT = "SET LOCAL lock_timeout = '2s'"

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]

UNDELIVERED_SQL = f"""
DELETE FROM generation_content WHERE generation_id = ANY (ARRAY(
  SELECT generation_id FROM generation_content
   WHERE generation_id < %(before)s AND NOT is_logged LIMIT {ROWS_AT_ONCE} FOR UPDATE SKIP LOCKED))
"""  # noqa: S608  # a number of ours
EXPIRED_SQL = f"""
DELETE FROM generation_content WHERE generation_id = ANY (ARRAY(
  SELECT content.generation_id FROM generation_content AS content
    LEFT JOIN observability_settings AS settings USING (workspace_id)
   WHERE content.generation_id < %(before)s AND content.is_logged
     AND coalesce(settings.retention_days, {DEFAULT_RETENTION_DAYS}) = %(days)s
   LIMIT {ROWS_AT_ONCE} FOR UPDATE OF content SKIP LOCKED))
"""  # noqa: S608  # numbers of ours


def forget_some(connection: Connection, now: datetime) -> int:
    """Delete a batch of contents that are to go; 0 when there are no more."""
    undelivered = {"before": first_id(now - timedelta(hours=UNDELIVERED_HOURS))}
    with connection.transaction(), connection.cursor() as cursor:
        if count := cursor.execute(UNDELIVERED_SQL, undelivered).rowcount:
            return count
        for days in retentions(cursor):
            expired = {"before": first_id(now - timedelta(days=days)), "days": days}
            if count := cursor.execute(EXPIRED_SQL, expired).rowcount:
                return count
    return 0


def forget_expired_contents(now: datetime) -> int:
    """Drop the days that nobody keeps, then delete batch by batch what is to go; how many rows that were."""
    total = 0
    with closing(connect_as_owner(APPLICATION)) as connection:
        drop_days(connection, now)
        while count := forget_some(connection, now):
            total += count
    return total


def forget_some_contents() -> int:
    """One bounded piece of the same, for whoever works by the clock; 0 when nothing is left."""
    with closing(connect_as_owner(APPLICATION)) as connection:
        now = datetime.now(UTC)
        return len(drop_days(connection, now)) or forget_some(connection, now)


def drop_days(connection: Connection, now: datetime) -> list[str]:
    """Drop the partitions of days that are older than any workspace keeps; their names."""
    with connection.cursor() as cursor:
        longest = max(retentions(cursor))
        last_day = (now - timedelta(days=longest + 1)).date()
        names = _days_before(cursor, last_day)
    for name in names:
        with connection.transaction(), connection.cursor() as cursor:
            cursor.execute(LOCK_TIMEOUT)
            cursor.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))
    return names


def retentions(cursor: psycopg.Cursor[tuple[Any, ...]]) -> list[int]:
    """For how many days workspaces keep what is logged, the default among them."""
    rows = cursor.execute("SELECT DISTINCT retention_days FROM observability_settings").fetchall()
    return sorted({DEFAULT_RETENTION_DAYS, *(days for (days,) in rows)})


def _days_before(cursor: psycopg.Cursor[tuple[Any, ...]], last_day: date) -> list[str]:
    """The partitions of that day and earlier ones; their names sort as their days do."""
    rows = cursor.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass AND "
        "inhrelid::regclass::text ~ %s ORDER BY 1",
        [TABLE, rf"^{TABLE}_\d{{8}}$"],
    ).fetchall()
    return [name for (name,) in rows if name <= partition_name(last_day, TABLE)]
