"""Makes days of the rollups anew from their generations."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import psycopg

from config.lib.ids import first_uuid7
from observability.ingest_rollups import (
    DAYS,
    KEY_DAYS,
    LABEL_DAYS,
    MODEL_DAYS,
    MOST_LABELS,
    SPEED_DAYS,
    Rollup,
    added_to,
)
from observability.ingest_usage import LABEL_MEASURES, LATENCY, THROUGHPUT
from observability.usage_of_generations import (
    COLUMNS_OF_GENERATIONS,
    MEASURES_OF_GENERATIONS,
    TOKENS_PER_SECOND,
    bucket_sql,
)

ONE_DAY: Final = timedelta(days=1)
TABLES: Final = ("usage_day", "usage_model_day", "usage_key_day", "usage_label_day", "usage_speed_day")

# The ids narrow it to a few partitions; a clock between the id and the admission may have moved.
THE_DAY: Final = """generation WHERE id >= %(lowest)s AND id < %(highest)s
 AND admitted_at >= %(start)s AND admitted_at < %(end)s"""
MISSING_SQL: Final = f"""
SELECT EXISTS (
  SELECT organization_id, count(*) FILTER (WHERE status <> 'refused') AS requests, sum(cost_nano) AS nano
    FROM {THE_DAY} GROUP BY 1
  EXCEPT SELECT organization_id, sum(requests), sum(cost_nano) FROM usage_hour
    WHERE hour >= %(start)s AND hour < %(end)s GROUP BY 1)
  OR EXISTS (
  SELECT organization_id FROM usage_hour WHERE hour >= %(start)s AND hour < %(end)s
  EXCEPT SELECT organization_id FROM {THE_DAY})"""  # noqa: S608  # names of this module


class CannotRebuild(ValueError):
    """A day's generations are not all there, so that its sums know more than they do."""


def _columns(rollup: Rollup) -> str:
    keys = (COLUMNS_OF_GENERATIONS.get(key, key) for key in rollup.keys)
    return ", ".join((*keys, *(MEASURES_OF_GENERATIONS[measure] for measure in rollup.measures)))


def _places(rollup: Rollup) -> str:
    return ", ".join(str(number) for number in range(1, len(rollup.keys) + 1))


def _from_days(rollup: Rollup) -> str:
    keys = ", ".join(rollup.keys)
    sums = ", ".join(f"sum({measure})" for measure in rollup.measures)
    selected = f"SELECT {keys}, {sums} FROM usage_day WHERE day = %(day)s GROUP BY {_places(rollup)}"  # noqa: S608
    return added_to(rollup, selected)


def _labels_of(kind: str, column: str) -> str:
    sums = ", ".join(f"{MEASURES_OF_GENERATIONS[measure]} AS {measure}" for measure in LABEL_MEASURES)
    label = COLUMNS_OF_GENERATIONS[column]
    return f"""SELECT organization_id, workspace_id, %(day)s::date AS day, '{kind}' AS kind, {label} AS label, {sums}
                 FROM {THE_DAY} GROUP BY organization_id, workspace_id, {label}"""  # noqa: S608


def _speeds_of(kind: str, value: str) -> str:
    return f"""SELECT organization_id, %(day)s::date AS day, model, provider, '{kind}' AS kind,
                      {bucket_sql(value)} AS bucket, count(*) AS requests
                 FROM {THE_DAY} AND status <> 'refused' AND {value} IS NOT NULL
                GROUP BY 1, 2, 3, 4, 5, 6"""  # noqa: S608


LABELS: Final = f"{_labels_of('app', 'app')} UNION ALL {_labels_of('user', 'external_user')}"
# Those that did most are told apart; what has no label is not counted among them.
BOUNDED_LABELS: Final = f"""
SELECT organization_id, day, kind, is_rest, CASE WHEN is_rest THEN '' ELSE label END, workspace_id,
       {", ".join(f"sum({measure})" for measure in LABEL_MEASURES)}
  FROM (SELECT *, label <> '' AND dense_rank() OVER (
               PARTITION BY organization_id, kind, label = '' ORDER BY weight DESC, label) > %(room)s AS is_rest
          FROM (SELECT *, sum(requests + refused) OVER (PARTITION BY organization_id, kind, label) AS weight
                  FROM ({LABELS}) told) weighed) ranked
 GROUP BY 1, 2, 3, 4, 5, 6"""  # noqa: S608  # names of this module
FILL_SQL: Final = (
    added_to(DAYS, f"SELECT {_columns(DAYS)} FROM {THE_DAY} GROUP BY {_places(DAYS)}"),  # noqa: S608
    _from_days(MODEL_DAYS),
    _from_days(KEY_DAYS),
    added_to(LABEL_DAYS, BOUNDED_LABELS),
    added_to(SPEED_DAYS, _speeds_of(LATENCY, "latency_ms")),
    added_to(SPEED_DAYS, _speeds_of(THROUGHPUT, TOKENS_PER_SECOND)),
)


def rebuild_day(connection: psycopg.Connection[tuple[Any, ...]], day: date) -> None:
    """Make a day's rollups anew; hours and minutes stay as they are. Raises CannotRebuild.

    Ingest waits meanwhile: what it has not committed by then it adds afterwards.
    """
    start, end = datetime.combine(day, time(), UTC), datetime.combine(day + ONE_DAY, time(), UTC)
    values = {
        "day": day,
        "start": start,
        "end": end,
        "lowest": _id_at(start - ONE_DAY),
        "highest": _id_at(end + ONE_DAY),
        "room": MOST_LABELS,
    }
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE usage_hour, {', '.join(TABLES)} IN SHARE ROW EXCLUSIVE MODE")
        if cursor.execute(MISSING_SQL, values).fetchone() != (False,):
            raise CannotRebuild(f"{day}: its generations are not all there.")
        for table in TABLES:
            cursor.execute(f"DELETE FROM {table} WHERE day = %s", [day])  # noqa: S608  # one of TABLES
        for statement in FILL_SQL:
            cursor.execute(statement, values)


def _id_at(moment: datetime) -> Any:  # a UUID
    return first_uuid7(int(moment.timestamp()) * 1000)
