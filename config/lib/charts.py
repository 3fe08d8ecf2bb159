"""Charts as numbers of an SVG that needs no script and no style: where each bar and each line stands.

`<c-chart :chart="…" />` draws one, with a legend and the same numbers as a table; static/dist/chart.js adds what is
told when a column is pointed at, on pages that load it. Colours are classes (`series-1` … `series-8`, `series-0` for
the rest and `series-9` for the time before), so that each look has its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

WIDTH: Final = 960
HEIGHT: Final = 220
GAP: Final = 0.2
"""What of a column's place is left empty."""
COLOURS: Final = 8
REST: Final = 0
"""The colour of what has none of its own."""
BEFORE: Final = 9
"""The colour of the line that says how it was in the time before."""
STEPS: Final = (1, 2, 5, 10)


@dataclass(frozen=True)
class Series:
    """One value per time, in the same order; `colour` is 1 to 8, REST, or BEFORE. `href`: where its name leads."""

    name: str
    values: Sequence[int]
    colour: int = 1
    href: str = ""


@dataclass(frozen=True)
class Mark:
    """A rectangle, in the SVG's units."""

    x: str
    y: str
    width: str
    height: str
    colour: int


@dataclass(frozen=True)
class Column:
    """A piece of time: what is drawn for it, its values as text, whole first, and where it leads."""

    at: datetime
    x: str
    width: str
    marks: list[Mark]
    whole: int
    told: str
    values: list[str]
    href: str = ""


@dataclass(frozen=True)
class Line:
    """A line through all columns, as the `points` of a polyline."""

    points: str
    colour: int


@dataclass(frozen=True)
class Chart:
    """What the component reads. `ticks` go from the top down."""

    label: str
    series: list[Series]
    columns: list[Column]
    lines: list[Line]
    ticks: list[str]
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def has_days(self) -> bool:
        """Whether each column is a UTC day or longer, which is written as a date in whatever zone it is read."""
        return all(not (column.at.hour or column.at.minute) for column in self.columns)

    @property
    def shown_columns(self) -> list[Column]:
        """The columns that hold anything, for the table."""
        return [column for column in self.columns if column.whole]


@dataclass(frozen=True)
class _Scale:
    top: int
    count: int

    @property
    def place(self) -> float:
        return WIDTH / max(self.count, 1)

    def height(self, value: int) -> float:
        return value / self.top * HEIGHT


def stacked_bars(
    *,
    label: str,
    times: Sequence[datetime],
    series: Sequence[Series],
    write: Callable[[int], str],
    beside: Series | None = None,
    links: Sequence[str] = (),
) -> Chart:
    """A bar per time, of the series' values one upon the other; `write` makes text of a value.

    `beside` is drawn as a line over the bars and is no part of a whole; `links` say where each column leads.
    """
    wholes = [sum(values) for values in zip(*(one.values for one in series), strict=True)] or [0] * len(times)
    others = [beside] if beside else []
    highest = max((*wholes, *(value for one in others for value in one.values)), default=0)
    scale = _Scale(top_of(highest), len(times))
    columns = [
        _column(number, at, wholes[number], scale, series, write, is_bar=True)
        for number, at in enumerate(times)
    ]
    if others:
        columns = [_with(column, write(others[0].values[number])) for number, column in enumerate(columns)]
    if links:
        columns = [replace(column, href=href) for column, href in zip(columns, links, strict=True)]
    drawn = [Line(_points(one, scale), one.colour) for one in others]
    return Chart(label, [*series, *others], columns, drawn, _ticks(scale, write))


def lines(
    *, label: str, times: Sequence[datetime], series: Sequence[Series], write: Callable[[int], str]
) -> Chart:
    """A line per series; a column's whole is the sum of what the lines show there."""
    highest = max((value for one in series for value in one.values), default=0)
    scale = _Scale(top_of(highest), len(times))
    columns = [
        _column(number, at, sum(one.values[number] for one in series), scale, series, write, is_bar=False)
        for number, at in enumerate(times)
    ]
    drawn = [Line(_points(one, scale), one.colour) for one in series]
    return Chart(label, list(series), columns, drawn, _ticks(scale, write))


def top_of(highest: int) -> int:
    """The first even number of the kind 1, 2, 5, 10, 20, … that holds the highest value; at least 2."""
    size = 1
    while True:
        for step in STEPS:
            if step * size >= max(highest, 2) and step * size % 2 == 0:
                return step * size
        size *= 10


def _column(
    number: int,
    at: datetime,
    whole: int,
    scale: _Scale,
    series: Sequence[Series],
    write: Callable[[int], str],
    *,
    is_bar: bool,
) -> Column:
    left = number * scale.place
    marks = _stack([(one.values[number], one.colour) for one in series], left, scale) if is_bar else []
    texts = [write(one.values[number]) for one in series]
    return Column(at, f"{left:.2f}", f"{scale.place:.2f}", marks, whole, write(whole), texts)


def _with(column: Column, told: str) -> Column:
    """The column with one more value to tell."""
    return replace(column, values=[*column.values, told])


def _stack(values: Sequence[tuple[int, int]], left: float, scale: _Scale) -> list[Mark]:
    x, width = f"{left + scale.place * GAP / 2:.2f}", f"{scale.place * (1 - GAP):.2f}"
    marks, bottom = [], float(HEIGHT)
    for value, colour in values:
        if value > 0:
            height = scale.height(value)
            bottom -= height
            marks.append(Mark(x, f"{bottom:.2f}", width, f"{height:.2f}", colour))
    return marks


def _points(series: Series, scale: _Scale) -> str:
    middles = ((number + 0.5) * scale.place for number in range(scale.count))
    heights = (HEIGHT - scale.height(value) for value in series.values)
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in zip(middles, heights, strict=True))


def _ticks(scale: _Scale, write: Callable[[int], str]) -> list[str]:
    return [write(scale.top), write(scale.top // 2), write(0)]
