"""What a page about activity shows: the largest groups, how it went over time, and how it was before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from observability.analytics import Condition, Order, Question, Row, run, stream
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
    """Read small answers: sums over time, the largest groups, and those over time. Raises TooSlow, InvalidQuery."""
    base, span = _question(shown, shown.span), shown.span
    now, earlier = _over_time(organization_id, base, span), span.earlier()
    then = _over_time(organization_id, _question(shown, earlier), earlier) if shown.is_compared else {}
    total, before = _sum(now), _sum(then) if shown.is_compared else ()
    if not any(total) and not any(before):
        return Activity([], total, [], before)
    order = Order(shown.measure.name, True)
    question = replace(base, dimensions=(shown.group,), order=order, limit=MOST_GROUPS)
    groups = [Group(row.keys[0], row.values) for row in run(organization_id, question).rows]
    if shown.is_compared:
        groups = _compared(organization_id, shown, groups)
    coloured = [group.key for group in groups[:MOST_COLOURS]]
    parts = _parts(organization_id, shown, base, coloured)
    thens = [then.get(at, ()) for at in earlier.beginnings] if shown.is_compared else []
    bars = [
        Bar(
            at,
            tuple(parts.get((at, key), 0) for key in coloured),
            _value(now.get(at, ()), shown.place),
            _value(thens[number], shown.place) if number < len(thens) else 0,
        )
        for number, at in enumerate(span.beginnings)
    ]
    return Activity(groups, total, bars, before)


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


def _over_time(organization_id: int, question: Question, span: Span) -> Sums:
    """The measures of each bar that has any."""
    timed = replace(question, granularity=GRANULARITIES_BY_NAME[span.granularity])
    return {row.at: row.values for row in run(organization_id, timed).rows}


def _sum(sums: Sums) -> tuple[int, ...]:
    return tuple(sum(values[place] for values in sums.values()) for place in range(len(MEASURES)))


def _value(values: tuple[int, ...], place: int) -> int:
    return values[place] if values else 0


def _compared(organization_id: int, shown: Shown, groups: list[Group]) -> list[Group]:
    """The groups with what they were in the time before."""
    base = _question(shown, shown.span.earlier())
    question = replace(base, dimensions=(shown.group,), conditions=(*base.conditions, _among(shown, groups)))
    found = {row.keys[0]: row.values for row in run(organization_id, question).rows}
    return [replace(group, before=found.get(group.key, (0,) * len(MEASURES))) for group in groups]


def _among(shown: Shown, groups: list[Group]) -> Condition:
    keys = tuple(group.key for group in groups)
    return Condition(shown.group, "in", keys, with_unset=shown.group.unset in keys)


def _parts(organization_id: int, shown: Shown, base: Question, coloured: list[Any]) -> dict[Any, int]:
    """The measure of each coloured group, by time and group."""
    among = Condition(shown.group, "in", tuple(coloured), with_unset=shown.group.unset in coloured)
    question = replace(
        base,
        granularity=GRANULARITIES_BY_NAME[shown.span.granularity],
        metrics=(shown.measure,),
        dimensions=(shown.group,),
        conditions=(*base.conditions, among),
    )
    return {(row.at, row.keys[0]): row.values[0] for row in run(organization_id, question).rows}
