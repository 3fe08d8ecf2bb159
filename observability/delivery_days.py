"""How many traces a destination took each day, and how many tries came to nothing: from receipts of batches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from django.db import connection

from observability.models import Destination

DAYS: Final = 14
MOST_RECEIPTS: Final = 50_000
"""So many are added up for a page; of a very busy destination they reach less far back."""

DAYS_SQL = """
SELECT (created_at AT TIME ZONE 'UTC')::date, sum(delivered)::bigint,
       sum(traces - delivered)::bigint
  FROM (SELECT created_at, traces, delivered FROM delivery_receipt
         WHERE destination_id = %s ORDER BY id DESC LIMIT %s) newest
 WHERE created_at >= %s GROUP BY 1
"""


@dataclass(frozen=True)
class Day:
    """One day, of UTC. `failed`: tries that came to nothing, of which most are made again."""

    date: date
    delivered: int = 0
    failed: int = 0

    @property
    def begins_at(self) -> datetime:
        """Its first moment."""
        return datetime(self.date.year, self.date.month, self.date.day, tzinfo=UTC)


def days_of(destination: Destination, *, now: datetime) -> list[Day]:
    """The last days up to today, the oldest first, empty ones too; one query."""
    today = now.astimezone(UTC).date()
    dates = [today - timedelta(days=age) for age in reversed(range(DAYS))]
    with connection.cursor() as cursor:
        cursor.execute(DAYS_SQL, [destination.pk, MOST_RECEIPTS, Day(dates[0]).begins_at])
        found = {row[0]: Day(*row) for row in cursor.fetchall()}
    return [found.get(each, Day(each)) for each in dates]
