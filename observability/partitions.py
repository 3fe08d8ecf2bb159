"""The daily partitions of what belongs to generations; bounds are the UUIDv7 ids of midnight (DESIGN §6)."""

from __future__ import annotations

import itertools
import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from config.lib.ids import first_uuid7

DAYS_AHEAD = 7
PARTITION_LOCK = 7242
APP_ROLE = "headgate_app"
PARTITIONED = ("generation", "generation_content", "delivery")
"""Tables that are partitioned by the id of a generation."""
NAME = re.compile(r"generation_(\d{4})(\d{2})(\d{2})")
PARTITIONS = """
SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
 WHERE inhparent = 'generation'::regclass ORDER BY relname
"""

# Nobody reads a partition but through its parent, whose policies hide other tenants' rows.
CREATE_SQL = """
CREATE TABLE {partition} PARTITION OF {table} FOR VALUES FROM ({start}) TO ({end});
ALTER TABLE {partition} ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON {partition} FROM {role};
"""


def ensure_partitions(
    connection: psycopg.Connection[tuple[Any, ...]], *, today: date, days_ahead: int = DAYS_AHEAD
) -> list[str]:
    """Make the partitions of today and the next days that are missing; returns their names.

    A day that cannot be made (the default partition holds a row of it, from a clock that ran ahead) keeps no other
    from being made. Raises the last error, LockNotAvailable rather than hold up everybody behind a long query.
    """
    made: list[str] = []
    failure: psycopg.Error | None = None
    days = [today + timedelta(days=number) for number in range(days_ahead + 1)]
    for table, day in itertools.product(PARTITIONED, days):
        try:
            if _is_made(connection, table, day):
                made.append(partition_name(day, table))
        except psycopg.errors.CheckViolation as error:
            failure = error
    if failure is not None:
        raise failure
    return made


def existing_days(connection: psycopg.Connection[tuple[Any, ...]]) -> list[date]:
    """The days that have a partition of generations, oldest first."""
    names = [NAME.fullmatch(name) for (name,) in connection.execute(PARTITIONS).fetchall()]
    return [date(*map(int, name.groups())) for name in names if name]


def partition_name(day: date, table: str = "generation") -> str:
    """The name of a day's partition."""
    return f"{table}_{day:%Y%m%d}"


def _is_made(connection: psycopg.Connection[tuple[Any, ...]], table: str, day: date) -> bool:
    name = partition_name(day, table)
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [PARTITION_LOCK])
        if cursor.execute("SELECT to_regclass(%s)", [name]).fetchone() != (None,):
            return False
        cursor.execute("SET LOCAL lock_timeout = '2s'")
        statement = sql.SQL(CREATE_SQL).format(
            table=sql.Identifier(table),
            partition=sql.Identifier(name),
            start=sql.Literal(str(midnight(day))),
            end=sql.Literal(str(midnight(day + timedelta(days=1)))),
            role=sql.Identifier(APP_ROLE),
        )
        cursor.execute(statement)
    return True


def midnight(day: date) -> UUID:
    """The smallest id of a day: its partition's lower bound."""
    start = datetime.combine(day, time(), UTC)
    return first_uuid7(int(start.timestamp()) * 1000)
