"""What a page about activity shows: the largest groups, how it went over time, and how it was before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from observability.analytics import Condition, Order, Question, Row, run_all, stream
from observability.analytics.fields import (
    DIMENSIONS_BY_NAME,
    GRANULARITIES_BY_NAME,
    METRICS_BY_NAME,
    Dimension,
    Metric,
)
from observability.analytics.question import MOST_EXPORTED, MOST_ROWS
from observability.usage_spans import Span

MOST_GROUPS: Final = 50
MOST_COLOURS: Final = 8
MEASURES: Final = tuple(METRICS_BY_NAME[name] for name in ("total_usage", "request_count", "tokens_total"))
NOTHING: Final = (0,) * len(MEASURES)
GROUPS: Final = {
    name: DIMENSIONS_BY_NAME[name]
    for name in ("model", "api_key_id", "user", "workspace", "provider", "app", "external_user")
}


@dataclass(frozen=True)
class Shown:
    """What the reader has chosen. `narrowed` has a value by the name of a dimension: a number where it is numbered."""

    span: Span
    group: Dimension
    measure: Metric
    narrowed: Mapping[str, str | int] = field(default_factory=dict)
    is_compared: bool = False

    @property
    def place(self) -> int:
        """Where the measure stands among MEASURES."""
        return MEASURES.index(self.measure)


@dataclass(frozen=True)
class Group:
    """A value of the dimension, and its measures in the order of MEASURES; `before`: in the time before."""

    key: Any
    values: tuple[int, ...]
    before: tuple[int, ...] = ()


@dataclass(frozen=True)
class Bar:
    """A piece of time: the measure of each of the coloured groups, of all together, and of all in the time before."""

    begins_at: datetime
    parts: tuple[int, ...]
    whole: int
    before: int = 0


@dataclass(frozen=True)
class Activity:
    """The page's numbers; `groups` are the largest, `total` is everything, `before` empty where nobody compares."""

    groups: list[Group]
    total: tuple[int, ...]
    bars: list[Bar]
    before: tuple[int, ...] = ()


Sums = dict[datetime | None, tuple[int, ...]]


def activity_of(organization_id: int, shown: Shown) -> Activity:
    """Read small answers: sums over time, the largest groups, then those over time. Raises TooSlow, InvalidQuery."""
    base, order = _question(shown, shown.span), Order(shown.measure.name, True)
    earlier = _question(shown, shown.span.earlier())
    questions = [
        _timed(base, shown),
        replace(base, dimensions=(shown.group,), order=order, limit=MOST_GROUPS),
        *([_timed(earlier, shown)] if shown.is_compared else []),
    ]
    now, largest, *then = (result.rows for result in run_all(organization_id, questions))
    sums, before = _by_time(now), _by_time(then[0]) if then else {}
    groups = [Group(row.keys[0], row.values) for row in largest]
    total, total_before = _sum(sums), _sum(before) if then else ()
    if not any(total):
        return Activity([], total, [], total_before)
    groups, parts = _in_detail(organization_id, shown, groups, base, earlier)
    return Activity(groups, total, _bars(shown, groups, parts, sums, before), total_before)


def everything(organization_id: int, shown: Shown) -> Iterator[Row]:
    """All groups over time, for a file. Raises InvalidQuery at once."""
    granularity = GRANULARITIES_BY_NAME[shown.span.granularity]
    question = replace(_question(shown, shown.span), dimensions=(shown.group,), granularity=granularity)
    return stream(organization_id, replace(question, limit=MOST_EXPORTED))


def _question(shown: Shown, span: Span) -> Question:
    conditions = (
        Condition(DIMENSIONS_BY_NAME[name], "eq", (value,)) for name, value in shown.narrowed.items()
    )
    return Question(
        start=span.start, end=span.end, metrics=MEASURES, conditions=tuple(conditions), limit=MOST_ROWS
    )


def _timed(question: Question, shown: Shown) -> Question:
    return replace(question, granularity=GRANULARITIES_BY_NAME[shown.span.granularity])


def _by_time(rows: list[Row]) -> Sums:
    """The measures of each bar that has any."""
    return {row.at: row.values for row in rows}


def _sum(sums: Sums) -> tuple[int, ...]:
    return tuple(sum(values[place] for values in sums.values()) for place in range(len(MEASURES)))


def _in_detail(
    organization_id: int, shown: Shown, groups: list[Group], base: Question, earlier: Question
) -> tuple[list[Group], dict[Any, int]]:
    """The groups with what they were before, and the measure of each coloured one by time and group."""
    coloured = replace(_timed(_among(base, shown, groups[:MOST_COLOURS]), shown), metrics=(shown.measure,))
    questions = [coloured, *([_among(earlier, shown, groups)] if shown.is_compared else [])]
    parts, *then = (result.rows for result in run_all(organization_id, questions))
    if then:
        before = {row.keys[0]: row.values for row in then[0]}
        groups = [replace(group, before=before.get(group.key, NOTHING)) for group in groups]
    return groups, {(row.at, row.keys[0]): row.values[0] for row in parts}


def _among(question: Question, shown: Shown, groups: list[Group]) -> Question:
    """The question about these groups, one by one."""
    keys = tuple(group.key for group in groups)
    among = Condition(shown.group, "in", keys, with_unset=shown.group.unset in keys)
    return replace(question, dimensions=(shown.group,), conditions=(*question.conditions, among))


def _bars(shown: Shown, groups: list[Group], parts: dict[Any, int], sums: Sums, before: Sums) -> list[Bar]:
    """The bars of the span, each beside the one in its place in the time before."""
    coloured = [group.key for group in groups[:MOST_COLOURS]]
    return [
        Bar(
            at,
            tuple(parts.get((at, key), 0) for key in coloured),
            sums.get(at, NOTHING)[shown.place],
            before.get(then, NOTHING)[shown.place],
        )
        for at, then in zip(shown.span.beginnings, shown.span.earlier().beginnings, strict=False)
    ]
