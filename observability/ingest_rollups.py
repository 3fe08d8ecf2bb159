"""Adds what a batch sums up to the rollups, within ingest's transaction.

The sums travel once, by minute; PostgreSQL folds them to hours and days. Every statement locks the rows of a table in
the order of their keys and the tables in the same order, so that two ingesters never wait for each other in a circle.
Only names from this module go into the statements.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import psycopg

from observability.array_literals import moments, numbers, texts
from observability.ingest_usage import DAY_MEASURES, LABEL_MEASURES, MEASURES, UsageSums

MOST_LABELS: Final = 1000
"""So many applications, and so many end users, an organization's day tells apart."""
DAY_SQL: Final = "(minute AT TIME ZONE 'UTC')::date"


class Rollup(NamedTuple):
    """A table that ingest adds to: its key, and what is added up."""

    table: str
    keys: tuple[str, ...]
    measures: tuple[str, ...] = DAY_MEASURES


WHO = ("organization_id", "workspace_id", "api_key_id", "member_id")
HOURS: Final = Rollup("usage_hour", (*WHO, "model", "provider", "hour"), MEASURES)
MINUTES: Final = Rollup("usage_minute", (*WHO, "model", "provider", "minute"), MEASURES)
DAYS: Final = Rollup(
    "usage_day",
    ("organization_id", "day", *WHO[1:], "model", "provider", "endpoint_id"),
)
MODEL_DAYS: Final = Rollup(
    "usage_model_day", ("organization_id", "day", "workspace_id", "model", "provider", "endpoint_id")
)
KEY_DAYS: Final = Rollup("usage_key_day", ("organization_id", "day", *WHO[1:]))
LABEL_DAYS: Final = Rollup(
    "usage_label_day",
    ("organization_id", "day", "kind", "is_rest", "label", "workspace_id"),
    LABEL_MEASURES,
)
SPEED_DAYS: Final = Rollup(
    "usage_speed_day", ("organization_id", "day", "model", "provider", "kind", "bucket"), ("requests",)
)
FOLDED: Final = (MINUTES, DAYS, MODEL_DAYS, KEY_DAYS)
"""What is made of the minutes, besides the hours."""


def added_to(rollup: Rollup, selected: str) -> str:
    """The statement that adds selected rows, with the columns of the key and the measures, to a rollup."""
    keys = ", ".join(rollup.keys)
    added = ", ".join(f"{measure} = known.{measure} + excluded.{measure}" for measure in rollup.measures)
    return f"""INSERT INTO {rollup.table} AS known ({keys}, {", ".join(rollup.measures)}) {selected}
        ON CONFLICT ({keys}) DO UPDATE SET {added}"""


def _folded(rollup: Rollup) -> str:
    moments_of = {"hour": "date_trunc('hour', minute, 'UTC')", "day": DAY_SQL}
    keys = ", ".join(moments_of.get(key, key) for key in rollup.keys)
    sums = ", ".join(f"sum({measure})::bigint" for measure in rollup.measures)
    places = ", ".join(str(number) for number in range(1, len(rollup.keys) + 1))
    selected = f"SELECT {keys}, {sums} FROM sent GROUP BY {places} ORDER BY {places}"  # noqa: S608
    return added_to(rollup, selected)


def _sent(columns: Mapping[str, str]) -> str:
    arrays = ", ".join(f"%s::{kind}[]" for kind in columns.values())
    return f"sent ({', '.join(columns)}) AS MATERIALIZED (SELECT * FROM unnest({arrays}))"  # noqa: S608


_BIGINTS = dict.fromkeys(WHO, "bigint")
_USAGE_COLUMNS = (
    _BIGINTS
    | {"model": "text", "provider": "text", "endpoint_id": "bigint", "minute": "timestamptz"}
    | dict.fromkeys(DAY_MEASURES, "bigint")
)
_LABEL_COLUMNS = (
    {"organization_id": "bigint", "workspace_id": "bigint", "minute": "timestamptz", "kind": "text"}
    | {"label": "text"}
    | dict.fromkeys(LABEL_MEASURES, "bigint")
)
_SPEED_COLUMNS = {
    "organization_id": "bigint",
    "minute": "timestamptz",
    "model": "text",
    "provider": "text",
    "kind": "text",
    "bucket": "smallint",
    "requests": "bigint",
}
USAGE_SQL: Final = (
    f"WITH {_sent(_USAGE_COLUMNS)}, "
    + ", ".join(f"new_{rollup.table} AS ({_folded(rollup)})" for rollup in FOLDED)
    + " "
    + _folded(HOURS)
)
SPEED_SQL: Final = f"WITH {_sent(_SPEED_COLUMNS)} {_folded(SPEED_DAYS)}"

# A label is told apart if it is known already or there is room for it; of new ones those that did most come first.
LABELS_WITHIN_BOUNDS: Final = """
told AS (
  SELECT organization_id, day, kind, label, sum(requests + refused) AS weight
    FROM sent WHERE label <> '' GROUP BY 1, 2, 3, 4),
new AS (
  SELECT told.*, row_number() OVER (PARTITION BY organization_id, day, kind ORDER BY weight DESC, label) AS place
    FROM told WHERE NOT EXISTS (
         SELECT FROM usage_label_day known
          WHERE known.organization_id = told.organization_id AND known.day = told.day AND known.kind = told.kind
            AND NOT known.is_rest AND known.label = told.label)),
room AS (
  SELECT place.*, {room} - (
         SELECT count(*) FROM usage_label_day known
          WHERE known.organization_id = place.organization_id AND known.day = place.day
            AND known.kind = place.kind AND NOT known.is_rest) AS labels
    FROM (SELECT DISTINCT organization_id, day, kind FROM new) place),
rest AS (
  SELECT organization_id, day, kind, label, true AS is_rest
    FROM new JOIN room USING (organization_id, day, kind) WHERE new.place > room.labels),
bounded AS (
  SELECT sent.*, coalesce(is_rest, false) AS is_rest,
         CASE WHEN is_rest THEN '' ELSE label END AS bounded_label
    FROM sent LEFT JOIN rest USING (organization_id, day, kind, label))"""


def label_sql(sent: str, *, room: str) -> str:
    """The statement that adds labels; `sent` defines a relation of that name, `room` is the parameter of the bound."""
    keys = "organization_id, day, kind, is_rest, bounded_label, workspace_id"
    sums = ", ".join(f"sum({measure})::bigint" for measure in LABEL_MEASURES)
    selected = f"SELECT {keys}, {sums} FROM bounded GROUP BY {keys} ORDER BY {keys}"  # noqa: S608
    return f"WITH {sent}, {LABELS_WITHIN_BOUNDS.format(room=room)} {added_to(LABEL_DAYS, selected)}"


LABEL_SQL: Final = label_sql(
    f"raw_{_sent(_LABEL_COLUMNS)}, sent AS (SELECT *, {DAY_SQL} AS day FROM raw_sent)",  # noqa: S608
    room="%s",
)


def add_usage(cursor: psycopg.Cursor[tuple[Any, ...]], usage: UsageSums) -> None:
    """Add the sums to every rollup."""
    if not usage.minutes:
        return
    cursor.execute(USAGE_SQL, _arrays(usage.minutes, {4: texts, 5: texts, 7: moments}))
    cursor.execute(LABEL_SQL, [*_arrays(usage.labels, {2: moments, 3: texts, 4: texts}), MOST_LABELS])
    if usage.speeds:
        buckets = {key: (requests,) for key, requests in usage.speeds.items()}
        cursor.execute(SPEED_SQL, _arrays(buckets, {1: moments, 2: texts, 3: texts, 4: texts}))


def _arrays(rows: Mapping[tuple[Any, ...], Sequence[int]], written: Mapping[int, Any]) -> list[str]:
    """The columns of keys and measures as array literals; `written`: how those are that hold no numbers."""
    keys = list(zip(*rows, strict=True))
    measures: Iterable[tuple[int, ...]] = zip(*rows.values(), strict=True)
    columns = [written.get(place, numbers)(column) for place, column in enumerate(keys)]
    return [*columns, *(numbers(column) for column in measures)]
