"""Jobs that run by the clock: each app lists its own in `jobs.py`, config/jobs.py puts the lists together.

A job is a name, how often, and a function that does one bounded piece of the work, in a transaction of its own, and
says how much that was. It is called again until it says 0 or its time is up; what is left waits for the next run. So
every job may be repeated and interrupted, and holds no lock for long.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.db import connections, transaction

ROWS_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do every so often; `piece` does some of it and returns how much: 0 when nothing is left.

    `is_needed` false: the operator's settings ask for nothing.
    """

    name: str
    every: timedelta
    piece: Callable[[], int]
    seconds: float = 60.0
    is_needed: Callable[[], bool] = lambda: True


def deleting(table: str, where: str) -> Callable[[], int]:
    """A piece of a job: delete some of a table's rows that are no longer wanted, whoever's they are.

    Rows that somebody else has locked are left for the next time.
    """
    statement = (
        f"DELETE FROM {table} WHERE ctid = ANY (ARRAY("  # noqa: S608  # texts of ours
        f"SELECT ctid FROM {table} WHERE {where} LIMIT {ROWS_AT_ONCE} FOR UPDATE SKIP LOCKED))"
    )

    def delete_some() -> int:
        with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
            cursor.execute(statement)
            return int(cursor.rowcount)

    return delete_some
