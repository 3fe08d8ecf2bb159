"""Dropping generations that are older than anybody wants, without the books losing track of them (DESIGN §5).

What their day came to is added to the sealed totals in the very transaction that drops them, so that whoever
reconciles sees each generation once: live, or in the totals. A partition holds the ids of one day; the days of
admission, and the hours, may be those beside it, so totals are kept by what the rows say.
"""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from observability.partitions import PARTITION_LOCK, existing_days, midnight, partition_name

Connection = psycopg.Connection[tuple[Any, ...]]

LATE_AT_ONCE = 20_000
"""Rows of the default partition in one transaction."""
DROP_TRIES = 5
DROP_PAUSE_SECONDS = 0.5

USAGE: LiteralString = """
INSERT INTO sealed_usage AS known (organization_id, workspace_id, api_key_id, member_id, model, provider, hour,
  requests, refused, prompt_tokens, completion_tokens, cost_nano, byok_nano)
SELECT organization_id, workspace_id, coalesce(api_key_id, 0), coalesce(member_id, 0), model, provider,
       date_trunc('hour', admitted_at, 'UTC'),
       count(*) FILTER (WHERE status <> 'refused'),
       coalesce(sum(refused_count) FILTER (WHERE status = 'refused'), 0),
       sum(prompt_tokens), sum(completion_tokens), sum(cost_nano), sum(byok_nano)
  FROM {gone} gone GROUP BY 1, 2, 3, 4, 5, 6, 7
ON CONFLICT (organization_id, workspace_id, api_key_id, member_id, model, provider, hour) DO UPDATE SET
  requests = known.requests + excluded.requests, refused = known.refused + excluded.refused,
  prompt_tokens = known.prompt_tokens + excluded.prompt_tokens,
  completion_tokens = known.completion_tokens + excluded.completion_tokens,
  cost_nano = known.cost_nano + excluded.cost_nano, byok_nano = known.byok_nano + excluded.byok_nano
"""
SPEND: LiteralString = """
INSERT INTO sealed_spend AS known (organization_id, subject, day, cost_nano, byok_nano)
SELECT organization_id, subject, (admitted_at AT TIME ZONE 'UTC')::date, sum(cost_nano), sum(byok_nano)
  FROM {gone} gone CROSS JOIN LATERAL (SELECT DISTINCT unnest(subjects) AS subject) counted
 WHERE cost_nano <> 0 OR byok_nano <> 0 GROUP BY 1, 2, 3
ON CONFLICT (organization_id, subject, day) DO UPDATE SET
  cost_nano = known.cost_nano + excluded.cost_nano, byok_nano = known.byok_nano + excluded.byok_nano
"""
BATCH: LiteralString = """
INSERT INTO sealed_batch AS known (organization_id, process_id, batch, cost_nano)
SELECT organization_id, process_id, batch, sum(cost_nano) FROM {gone} gone WHERE cost_nano <> 0 GROUP BY 1, 2, 3
ON CONFLICT (organization_id, process_id, batch) DO UPDATE SET cost_nano = known.cost_nano + excluded.cost_nano
"""
DAY: LiteralString = """
INSERT INTO sealed_day AS known (day, generations, cost_nano)
SELECT {day}, count(*), coalesce(sum(cost_nano), 0) FROM {gone} gone
ON CONFLICT (day) DO UPDATE SET generations = known.generations + excluded.generations,
  cost_nano = known.cost_nano + excluded.cost_nano, sealed_at = excluded.sealed_at
"""
STATEMENTS = (USAGE, SPEND, BATCH, DAY)

LATEST_OF_LATE = """
SELECT id FROM (SELECT id FROM generation_default WHERE id < %s ORDER BY id LIMIT %s) oldest ORDER BY id DESC LIMIT 1
"""


def drop_oldest(connection: Connection, *, before: date) -> int:
    """Seal and drop the oldest day before a date, or a piece of what came late; how many went: 0 when none is left.

    Raises LockNotAvailable when long queries leave no moment for it; then nothing has happened.
    """
    days = [day for day in existing_days(connection) if day < before]
    if days:
        _drop_day(connection, days[0])
        return 1
    return _drop_late(connection, before)


def has_older(connection: Connection, *, before: date) -> bool:
    """Whether there is anything to drop."""
    if any(day < before for day in existing_days(connection)):
        return True
    late = connection.execute(LATEST_OF_LATE, [str(midnight(before)), 1]).fetchone()
    return late is not None


def oldest_wanted(days: int) -> date:
    """The first day to keep, when so many whole days before today are wanted."""
    return datetime.now(UTC).date() - timedelta(days=days)


def _drop_day(connection: Connection, day: date) -> None:
    """Readers go on while the sums are made; whoever still writes to so old a day waits for them."""
    partition = sql.Identifier(partition_name(day))
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [PARTITION_LOCK])
        cursor.execute("SET LOCAL lock_timeout = '2s'")
        cursor.execute(sql.SQL("LOCK TABLE ONLY {} IN SHARE MODE").format(partition))
        _seal(cursor, partition, day)
        _drop(connection, cursor, partition)


def _drop(connection: Connection, cursor: psycopg.Cursor[tuple[Any, ...]], partition: sql.Identifier) -> None:
    """The parent is locked for a moment, and for none of it while the sums were made."""
    for left in reversed(range(DROP_TRIES)):
        try:
            with connection.transaction():
                cursor.execute(sql.SQL("DROP TABLE {}").format(partition))
        except psycopg.errors.LockNotAvailable:
            if not left:
                raise
            time.sleep(DROP_PAUSE_SECONDS)
        else:
            return


def _drop_late(connection: Connection, before: date) -> int:
    """The default partition holds what came after its day had gone, or before it was there."""
    bound = str(midnight(before))
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [PARTITION_LOCK])
        cursor.execute("SET LOCAL lock_timeout = '2s'")
        cursor.execute("LOCK TABLE ONLY generation_default IN SHARE ROW EXCLUSIVE MODE")
        latest = cursor.execute(LATEST_OF_LATE, [bound, LATE_AT_ONCE]).fetchone()
        if latest is None:
            return 0
        chosen = sql.SQL("(SELECT * FROM generation_default WHERE id <= {})").format(
            sql.Literal(str(latest[0]))
        )
        _seal(cursor, chosen, before - timedelta(days=1))
        return cursor.execute("DELETE FROM generation_default WHERE id <= %s", [latest[0]]).rowcount


def _seal(cursor: psycopg.Cursor[tuple[Any, ...]], gone: sql.Composable, day: date) -> None:
    for statement in STATEMENTS:
        cursor.execute(sql.SQL(statement).format(gone=gone, day=sql.Literal(day)))
