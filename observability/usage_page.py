"""What a page about activity shows: the range, the largest groups, and how it went over time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from observability.analytics import Condition, Order, Question, Row, run, stream
from observability.analytics.fields import (
    DIMENSIONS_BY_NAME,
    GRANULARITIES_BY_NAME,
    METRICS_BY_NAME,
    Dimension,
    Granularity,
    Metric,
)
from observability.analytics.question import MOST_EXPORTED, MOST_ROWS

MOST_GROUPS: Final = 50
MOST_COLOURS: Final = 8
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
STEPS: Final = {"minute": MINUTE, "hour": HOUR, "day": DAY}
MEASURES: Final = tuple(METRICS_BY_NAME[name] for name in ("total_usage", "request_count", "tokens_total"))


@dataclass(frozen=True)
class Range:
    """How far a page looks back, and how wide its bars are."""

    name: str
    label: str
    granularity: str
    bars: int

    def begins_at(self, now: datetime) -> datetime:
        """The beginning of the first bar."""
        if self.granularity == "month":
            months = now.year * 12 + now.month - self.bars
            return datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)
        step = STEPS[self.granularity]
        return now - (now - datetime(1970, 1, 1, tzinfo=UTC)) % step - (self.bars - 1) * step


RANGES: Final = {
    "hour": Range("hour", "Last hour", "minute", 60),
    "day": Range("day", "Last 24 hours", "hour", 24),
    "7d": Range("7d", "Last 7 days", "day", 7),
    "30d": Range("30d", "Last 30 days", "day", 30),
    "90d": Range("90d", "Last 90 days", "day", 90),
    "12m": Range("12m", "Last 12 months", "month", 12),
}
GROUPS: Final = {
    name: DIMENSIONS_BY_NAME[name]
    for name in ("model", "provider", "api_key_id", "user", "workspace", "app", "external_user")
}


@dataclass(frozen=True)
class Shown:
    """What the reader has chosen; a workspace by its number, None for all."""

    span: Range
    group: Dimension
    measure: Metric
    workspace_id: int | None = None


@dataclass(frozen=True)
class Group:
    """A value of the dimension, and its measures in the order of MEASURES."""

    key: Any
    values: tuple[int, ...]


@dataclass(frozen=True)
class Bar:
    """A piece of time: the measure of each of the coloured groups, and of all together."""

    begins_at: datetime
    parts: tuple[int, ...]
    whole: int


@dataclass(frozen=True)
class Activity:
    """The page's numbers; `groups` are the largest, `total` is everything."""

    groups: list[Group]
    total: tuple[int, ...]
    bars: list[Bar]
    is_truncated: bool


def activity_of(organization_id: int, shown: Shown, *, now: datetime) -> Activity:
    """Read three small answers: the totals, the largest groups, and those over time. Raises TooSlow."""
    base = _question(shown, now)
    [total] = run(organization_id, base).rows
    if not any(total.values):
        return Activity([], total.values, [], False)
    order = Order(shown.measure.name, True)
    largest = run(organization_id, replace(base, dimensions=(shown.group,), order=order, limit=MOST_GROUPS))
    groups = [Group(row.keys[0], row.values) for row in largest.rows]
    coloured = [group.key for group in groups[:MOST_COLOURS]]
    bars = _bars(organization_id, shown, base, coloured, now)
    return Activity(groups, total.values, bars, largest.is_truncated)


def everything(organization_id: int, shown: Shown, *, now: datetime) -> Iterator[Row]:
    """All groups over time, for a file."""
    question = _question(shown, now)
    granularity = GRANULARITIES_BY_NAME[shown.span.granularity]
    return stream(
        organization_id,
        replace(question, dimensions=(shown.group,), granularity=granularity, limit=MOST_EXPORTED),
    )


def _question(shown: Shown, now: datetime) -> Question:
    in_workspace = Condition(DIMENSIONS_BY_NAME["workspace"], "eq", (shown.workspace_id or 0,))
    return Question(
        start=shown.span.begins_at(now),
        end=now,
        metrics=MEASURES,
        conditions=() if shown.workspace_id is None else (in_workspace,),
        limit=MOST_ROWS,
    )


def _bars(
    organization_id: int, shown: Shown, base: Question, coloured: list[Any], now: datetime
) -> list[Bar]:
    granularity = GRANULARITIES_BY_NAME[shown.span.granularity]
    timed = replace(base, granularity=granularity, metrics=(shown.measure,))
    wholes = {row.at: row.values[0] for row in run(organization_id, timed).rows}
    among = Condition(shown.group, "in", tuple(coloured), with_unset=shown.group.unset in coloured)
    by_group = replace(timed, dimensions=(shown.group,), conditions=(*timed.conditions, among))
    parts = {(row.at, row.keys[0]): row.values[0] for row in run(organization_id, by_group).rows}
    return [
        Bar(at, tuple(parts.get((at, key), 0) for key in coloured), wholes.get(at, 0))
        for at in _beginnings(base.start, now, granularity)
    ]


def _beginnings(start: datetime, end: datetime, granularity: Granularity) -> list[datetime]:
    found, at = [], start
    while at < end:
        found.append(at)
        if granularity.name == "month":
            at = at.replace(year=at.year + at.month // 12, month=at.month % 12 + 1)
        else:
            at += STEPS[granularity.name]
    return found
