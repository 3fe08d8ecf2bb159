"""A query of analytics as a value: everything in it is known to be allowed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from observability.analytics.fields import (
    DIMENSIONS_BY_NAME,
    GRANULARITIES_BY_NAME,
    LONGEST_RANGE,
    METRICS_BY_NAME,
    OF_ORDER,
    OF_SETS,
    OPERATORS,
    Dimension,
    Granularity,
    Metric,
)
from observability.analytics.tagging import Tagging

MOST_DIMENSIONS: Final = 2
MOST_FILTERS: Final = 20
MOST_METRICS: Final = 30
MOST_VALUES: Final = 1000
MOST_ROWS: Final = 10_000
MOST_EXPORTED: Final = 1_000_000
DATE: Final = "date"

Value = str | int
Kind = TypeVar("Kind")


class InvalidQuery(ValueError):
    """The query asks for something that there is not; the message names the field."""


class TooSlow(Exception):
    """The query took longer than it may."""


@dataclass(frozen=True)
class Condition:
    """A filter: values of a dimension, numbers where the dimension is numbered."""

    dimension: Dimension
    operator: str
    values: tuple[Value, ...]
    with_unset: bool = False


@dataclass(frozen=True)
class Order:
    """What rows are ordered by: the name of a metric or dimension, or `date`."""

    field: str
    is_descending: bool


@dataclass(frozen=True)
class Question:
    """A query. Raises InvalidQuery when its parts do not fit together."""

    start: datetime
    end: datetime
    metrics: tuple[Metric, ...]
    dimensions: tuple[Dimension, ...] = ()
    granularity: Granularity | None = None
    conditions: tuple[Condition, ...] = ()
    order: Order | None = None
    limit: int = 1000
    group_limit: int | None = None
    tagging: Tagging | None = None

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise InvalidQuery("time_range: the start must be before the end.")
        longest = self.granularity.longest if self.granularity else LONGEST_RANGE
        if self.end - self.start > longest:
            what = f"of the granularity {self.granularity.name} " if self.granularity else ""
            raise InvalidQuery(f"time_range: a query {what}may span at most {_told(longest)}.")
        names = {dimension.name for dimension in self.dimensions}
        if len(names) < len(self.dimensions):
            raise InvalidQuery("dimensions: each may be named once.")
        orderable = names | {metric.name for metric in self.metrics} | {"request_count"}
        orderable |= {DATE} if self.granularity else set()
        if self.order is not None and self.order.field not in orderable:
            raise InvalidQuery(
                "order_by.field: must be request_count, a requested metric or dimension, or date with a granularity."
            )


def metric_named(name: str) -> Metric:
    """A metric. Raises InvalidQuery."""
    return _known(METRICS_BY_NAME, name, "metrics")


def dimension_named(name: str, *, where: str = "dimensions") -> Dimension:
    """A dimension. Raises InvalidQuery."""
    return _known(DIMENSIONS_BY_NAME, name, where)


def granularity_named(name: str) -> Granularity:
    """A granularity. Raises InvalidQuery."""
    return _known(GRANULARITIES_BY_NAME, name, "granularity")


def check_operator(dimension: Dimension, operator: str, value: object) -> None:
    """Pass if the operator goes with the dimension and with one value or several. Raises InvalidQuery."""
    if operator not in OPERATORS:
        raise InvalidQuery(f"filters.operator: must be one of {', '.join(OPERATORS)}.")
    if (operator in OF_SETS) is not isinstance(value, list):
        wanted = "a list" if operator in OF_SETS else "one value"
        raise InvalidQuery(f"filters.value: {operator} takes {wanted}.")
    if operator in OF_ORDER and dimension.is_number:
        raise InvalidQuery(f"filters.operator: {dimension.name} has no order.")


def _known(known: Mapping[str, Kind], name: str, where: str) -> Kind:
    if name not in known:
        raise InvalidQuery(f"{where}: there is no {name[:60]!r}; GET /analytics/meta lists what there is.")
    return known[name]


def _told(longest: object) -> str:
    return str(longest).removesuffix(", 0:00:00").replace("3:00:00", "3 hours")
