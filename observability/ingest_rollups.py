"""Adds what a batch sums up to the rollups, within ingest's transaction.

The sums travel once, by minute; PostgreSQL folds them to hours and days. Every statement locks the rows of a table in
the order of their keys and the tables in the same order, so that two ingesters never wait for each other in a circle.
Only names from this module go into the statements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, NamedTuple, TypeAlias

import psycopg

from observability.array_literals import booleans, moments, numbers, texts
from observability.ingest_usage import DAY_MEASURES, LABEL_MEASURES, MEASURES, UsageSums

Cursor: TypeAlias = psycopg.Cursor[tuple[Any, ...]]
Label: TypeAlias = tuple[int, int, str, str]
"""Organization, day, kind and label."""

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
MINUTES_KEPT: Final = timedelta(hours=48)
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
    | {"label": "text", "is_rest": "boolean"}
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

LABEL_SQL: Final = f"WITH {_sent(_LABEL_COLUMNS)} {_folded(LABEL_DAYS)}"
KNOWN_LABELS_SQL: Final = """
SELECT number FROM unnest(%s::bigint[], %s::timestamptz[], %s::text[], %s::text[])
                   WITH ORDINALITY told (organization_id, minute, kind, label, number)
 WHERE EXISTS (
       SELECT FROM usage_label_day known
        WHERE known.organization_id = told.organization_id AND known.day = (minute AT TIME ZONE 'UTC')::date
          AND known.kind = told.kind AND NOT known.is_rest AND known.label = told.label)
"""
LABELS_TAKEN_SQL: Final = """
SELECT number, (
       SELECT count(DISTINCT label) FROM usage_label_day known
        WHERE known.organization_id = place.organization_id AND known.day = (minute AT TIME ZONE 'UTC')::date
          AND known.kind = place.kind AND NOT known.is_rest AND label <> '')
  FROM unnest(%s::bigint[], %s::timestamptz[], %s::text[])
       WITH ORDINALITY place (organization_id, minute, kind, number)
"""


def add_usage(cursor: Cursor, usage: UsageSums) -> None:
    """Add the sums to every rollup."""
    if not usage.minutes:
        return
    cursor.execute(USAGE_SQL, _arrays(usage.minutes, {4: texts, 5: texts, 7: moments}))
    labels = _with_rest(usage.labels, _surplus(cursor, usage.labels))
    cursor.execute(LABEL_SQL, _arrays(labels, {2: moments, 3: texts, 4: texts, 5: booleans}))
    if usage.speeds:
        buckets = {key: (requests,) for key, requests in usage.speeds.items()}
        cursor.execute(SPEED_SQL, _arrays(buckets, {1: moments, 2: texts, 3: texts, 4: texts}))


def _arrays(rows: Mapping[tuple[Any, ...], Sequence[int]], written: Mapping[int, Any]) -> list[str]:
    """The columns of keys and measures as array literals; `written`: how those are that hold no numbers."""
    keys = list(zip(*rows, strict=True))
    measures: Iterable[tuple[int, ...]] = zip(*rows.values(), strict=True)
    columns = [written.get(place, numbers)(column) for place, column in enumerate(keys)]
    return [*columns, *(numbers(column) for column in measures)]


def _surplus(cursor: Cursor, labels: Mapping[tuple[Any, ...], Sequence[int]]) -> set[Label]:
    """Labels that there is no room for any more; two ingesters at once may let a few too many in."""
    told = list({(organization, day, kind, label) for organization, _, day, kind, label in labels if label})
    known = _numbers_of(cursor, KNOWN_LABELS_SQL, told)
    new: dict[tuple[int, int, str], list[Label]] = {}
    for number, label in enumerate(told, 1):
        if number not in known:
            new.setdefault(label[:3], []).append(label)
    places = list(new)
    taken = _numbers_of(cursor, LABELS_TAKEN_SQL, places)
    return {
        label
        for number, place in enumerate(places, 1)
        for label in sorted(new[place])[max(0, MOST_LABELS - taken[number]) :]
    }


def _numbers_of(cursor: Cursor, statement: str, places: Sequence[tuple[Any, ...]]) -> dict[int, int]:
    """What a statement says of places, by their number from 1 on; nothing of those that it leaves out."""
    if not places:
        return {}
    written: tuple[Callable[..., str], ...] = (numbers, moments, texts, texts)
    columns = [write(column) for write, column in zip(written, zip(*places, strict=True), strict=False)]
    return {row[0]: row[-1] for row in cursor.execute(statement, columns).fetchall()}


def _with_rest(
    labels: Mapping[tuple[Any, ...], Sequence[int]], surplus: set[Label]
) -> dict[tuple[Any, ...], Sequence[int]]:
    """The sums with one more part of their key: whether they are the rest, which has no label."""
    bounded: dict[tuple[Any, ...], Sequence[int]] = {}
    for (organization, workspace, day, kind, label), sums in labels.items():
        is_rest = (organization, day, kind, label) in surplus
        key = (organization, workspace, day, kind, "" if is_rest else label, is_rest)
        known = bounded.get(key)
        bounded[key] = sums if known is None else [a + b for a, b in zip(known, sums, strict=True)]
    return bounded
