"""Where the numbers come from: the smallest rollup that knows what is asked, and generations for the rest of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from observability.analytics.fields import DIMENSIONS, LONGEST_OF_GENERATIONS, VARIANT
from observability.analytics.question import InvalidQuery, Question
from observability.ingest_rollups import MINUTES_KEPT
from observability.ingest_usage import DAY_MEASURES, LABEL_MEASURES, MEASURES
from observability.usage_of_generations import MEASURES_OF_GENERATIONS

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
JUST_NOW: Final = timedelta(seconds=10)
"""Whoever asks up to a moment as short ago as this means up to now."""
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Source:
    """A table: how it says each dimension and measure, and the column of its time."""

    table: str
    unit: timedelta
    moment: str
    dimensions: Mapping[str, str]
    measures: Mapping[str, str]
    condition: str = ""

    def knows(self, dimensions: Iterable[str], measures: Iterable[str]) -> bool:
        """Whether everything that is asked can be said of its rows."""
        return self.dimensions.keys() >= set(dimensions) and self.measures.keys() >= set(measures)


@dataclass(frozen=True)
class Piece:
    """A part of the time that is asked for, and who knows about it."""

    source: Source
    start: datetime
    end: datetime


def _sums(names: Iterable[str]) -> dict[str, str]:
    return {name: f"sum({name})" for name in names}


def _label(kind: str, dimension: str) -> Source:
    return Source(
        *("usage_label_day", DAY, "day"),
        dimensions={
            "workspace": "workspace_id",
            dimension: "CASE WHEN is_rest THEN '(other)' ELSE label END",
        },
        measures=_sums(LABEL_MEASURES),
        condition=f" AND kind = '{kind}'",
    )


_MODEL: Final = {"model": "model", "provider": "provider", "variant": VARIANT, "workspace": "workspace_id"}
_KEY: Final = {"api_key_id": "api_key_id", "user": "member_id", "workspace": "workspace_id"}
GENERATIONS: Final = Source(
    *("generation", timedelta(microseconds=1), "admitted_at"),
    dimensions={dimension.name: dimension.of_generation for dimension in DIMENSIONS},
    measures=MEASURES_OF_GENERATIONS,
)
DAYS: Final = (
    Source("usage_model_day", DAY, "day", _MODEL, _sums(DAY_MEASURES)),
    Source("usage_key_day", DAY, "day", _KEY, _sums(DAY_MEASURES)),
    _label("app", "app"),
    _label("user", "external_user"),
    Source("usage_day", DAY, "day", _MODEL | _KEY, _sums(DAY_MEASURES)),
)
"""From small to large."""
HOURS: Final = Source("usage_hour", HOUR, "hour", _MODEL | _KEY, _sums(MEASURES))
MINUTES: Final = Source("usage_minute", MINUTE, "minute", _MODEL | _KEY, _sums(MEASURES))
SPEED_DAYS: Final = Source(
    *("usage_speed_day", DAY, "day"),
    dimensions={"model": "model", "provider": "provider", "variant": VARIANT},
    measures={},
)


def pieces_of(question: Question, measures: Iterable[str], *, now: datetime) -> list[Piece]:
    """Who is asked for which part of the time. Raises InvalidQuery when generations would be asked for too much."""
    known = [] if question.tagging else _levels(question, now)
    levels = [source for source in known if source.knows(_named(question), measures)]
    return _pieces(question, levels, now)


def speed_pieces_of(question: Question, *, now: datetime) -> list[Piece]:
    """The same for histograms."""
    is_known = question.tagging is None and _is_by_day(question)
    levels = [SPEED_DAYS] if is_known and SPEED_DAYS.knows(_named(question), ()) else []
    return _pieces(question, levels, now)


def _levels(question: Question, now: datetime) -> list[Source]:
    if question.granularity is not None and question.granularity.name == "minute":
        return [MINUTES] if question.start >= now - MINUTES_KEPT + HOUR else []
    return [*DAYS, HOURS] if _is_by_day(question) else [HOURS]


def _is_by_day(question: Question) -> bool:
    return question.granularity is None or question.granularity.name not in ("minute", "hour")


def _named(question: Question) -> set[str]:
    """The dimensions that a source must know."""
    filtered = {condition.dimension.name for condition in question.conditions}
    return filtered | {dimension.name for dimension in question.dimensions}


def _pieces(question: Question, levels: list[Source], now: datetime) -> list[Piece]:
    """One source of days, the first, then hours: what has the same unit knows no more than the first of them."""
    coarse = [
        source for place, source in enumerate(levels) if source.unit not in {s.unit for s in levels[:place]}
    ]
    if not coarse and question.end - question.start > LONGEST_OF_GENERATIONS:
        days = LONGEST_OF_GENERATIONS.days
        raise InvalidQuery(
            f"time_range: with these dimensions and metrics a query may span at most {days} days."
        )
    # Nothing has happened after now, so that the rest of today may just as well be read with it.
    is_open = question.end >= now - JUST_NOW
    end = max(question.end, _ceiling(now, DAY)) if is_open else question.end
    return _split(question.start, end, coarse)


def _split(start: datetime, end: datetime, levels: list[Source]) -> list[Piece]:
    if start >= end:
        return []
    if not levels:
        return [Piece(GENERATIONS, start, end)]
    source, *finer = levels
    first, last = _ceiling(start, source.unit), _floor(end, source.unit)
    if first >= last:
        return _split(start, end, finer)
    return [*_split(start, first, finer), Piece(source, first, last), *_split(last, end, finer)]


def _floor(moment: datetime, unit: timedelta) -> datetime:
    return moment - (moment - EPOCH) % unit


def _ceiling(moment: datetime, unit: timedelta) -> datetime:
    return moment + (EPOCH - moment) % unit
