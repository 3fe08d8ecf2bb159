"""What an analytics query looks like in JSON, and the question that it becomes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone
from rest_framework import serializers

from config.lib.api_fields import Anything, Choice, Flag, Moment, StrictSerializer, Text, Whole
from observability.analytics import Condition, InvalidQuery, Order, Question
from observability.analytics.fields import LONGEST_OF_GENERATIONS, OF_SETS, OPERATORS, Dimension
from observability.analytics.names import NOBODY, Names
from observability.analytics.question import (
    MOST_DIMENSIONS,
    MOST_EXPORTED,
    MOST_FILTERS,
    MOST_METRICS,
    MOST_ROWS,
    MOST_VALUES,
    check_operator,
    dimension_named,
    granularity_named,
    metric_named,
)
from observability.analytics.tagging import PAIR, TagCondition, Tagging
from observability.models import Classifier
from observability.taxonomy import MOST_LABELS

LATELY = timedelta(days=7)
DEFAULT_ROWS = 1000
LONGEST_NAME = 1024
MOST_CLASSIFIER_FILTERS = 10


class TimeRange(StrictSerializer):
    """From the start to before the end."""

    start = Moment()
    end = Moment()


class Filter(StrictSerializer):
    """A condition on a dimension; objects are named by id, keys by number or hash."""

    field = Text(max_length=LONGEST_NAME)
    operator = Choice(list(OPERATORS))
    value = Anything(help_text="A text or number; a list of them for in and not_in.")
    include_unset = Flag(
        required=False, help_text="With in and not_in: also where the dimension has no value."
    )

    def validate_value(self, value: Any) -> Any:
        values = value if isinstance(value, list) else [value]
        if len(values) > MOST_VALUES:
            raise serializers.ValidationError(f"must be at most {MOST_VALUES} values.")
        if not all(_is_plain(one) for one in values):
            raise serializers.ValidationError("must be a text or a number, or a list of them.")
        return value


class OrderBy(StrictSerializer):
    """What the rows are ordered by."""

    field = Text(max_length=LONGEST_NAME)
    direction = Choice(["asc", "desc"])


class ClassifierDimensions(StrictSerializer):
    """Group by the tags of a classifier."""

    classifier_id = serializers.UUIDField()
    dimension_names = serializers.ListField(child=Text(max_length=64), max_length=2, required=False)
    include_nulls = Flag(required=False)


class ClassifierFilter(StrictSerializer):
    """A condition on a tag."""

    field = Text(max_length=64)
    operator = Choice(["eq", "neq", "in", "not_in"])
    value = Anything()


class ClassifierFilters(StrictSerializer):
    """Conditions on the tags of a classifier."""

    classifier_id = serializers.UUIDField()
    filters = serializers.ListField(
        child=ClassifierFilter(), min_length=1, max_length=MOST_CLASSIFIER_FILTERS
    )


class QueryBody(StrictSerializer):
    """A query of analytics; GET /analytics/meta lists what can be named."""

    metrics = serializers.ListField(
        child=Text(max_length=LONGEST_NAME), min_length=1, max_length=MOST_METRICS
    )
    dimensions = serializers.ListField(
        child=Text(max_length=LONGEST_NAME), max_length=MOST_DIMENSIONS, required=False
    )
    granularity = Text(max_length=LONGEST_NAME, required=False)
    time_range = TimeRange(required=False, help_text="The last seven days when it is missing.")
    filters = serializers.ListField(child=Filter(), max_length=MOST_FILTERS, required=False)
    order_by = OrderBy(required=False)
    limit = Whole(
        min_value=1,
        required=False,
        help_text=f"At most {MOST_ROWS:,} rows, {MOST_EXPORTED:,} of a file. 1,000 when it is missing; all of a file.",
    )
    group_limit = Whole(min_value=1, max_value=MOST_ROWS, required=False)
    classifier_dimensions = ClassifierDimensions(required=False)
    classifier_filters = ClassifierFilters(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        classifiers = [
            attrs[name]["classifier_id"]
            for name in ("classifier_dimensions", "classifier_filters")
            if name in attrs
        ]
        if len(set(classifiers)) > 1:
            raise serializers.ValidationError(
                {"classifier_filters": "must name the classifier of classifier_dimensions."}
            )
        return attrs


class Asked:
    """A query, understood. Raises ValidationError, InvalidQuery."""

    def __init__(self, data: Any, organization_id: int, *, most_rows: int, default_rows: int) -> None:
        body = QueryBody(data=data)
        body.is_valid(raise_exception=True)
        said: dict[str, Any] = body.validated_data
        if said.get("limit", 1) > most_rows:
            raise InvalidQuery(f"limit: must be at most {most_rows:,}.")
        self.names = Names(organization_id)
        self.warnings: list[str] = []
        tagging = self._tagging(organization_id, said)
        self.tags = tagging.columns if tagging else ()
        start, end = _range(said.get("time_range"))
        if tagging and end - start > LONGEST_OF_GENERATIONS:
            raise InvalidQuery("time_range: with a classifier a query may span at most 31 days.")
        order = said.get("order_by")
        granularity, dimensions = said.get("granularity"), said.get("dimensions", [])
        is_series = granularity is not None and bool(dimensions) and "group_limit" not in said
        self.question = Question(
            start=start,
            end=end,
            metrics=tuple(metric_named(name) for name in dict.fromkeys(said["metrics"])),
            dimensions=tuple(dimension_named(name) for name in dimensions),
            granularity=None if granularity is None else granularity_named(granularity),
            conditions=tuple(self._condition(one) for one in said.get("filters", [])),
            order=Order(order["field"], order["direction"] == "desc") if order else None,
            # So that no part of the time is missing.
            limit=said.get("limit", most_rows if is_series else default_rows),
            group_limit=said.get("group_limit"),
            tagging=tagging,
        )

    def _tagging(self, organization_id: int, said: dict[str, Any]) -> Tagging | None:
        grouped, narrowed = said.get("classifier_dimensions"), said.get("classifier_filters")
        named = grouped or narrowed
        if named is None:
            return None
        classifiers = Classifier.objects.for_organization(organization_id)
        number = classifiers.filter(public_id=named["classifier_id"]).values_list("pk", flat=True).first()
        if number is None:
            self.warnings.append(
                f"Could not resolve classifier {named['classifier_id']}; it has tagged nothing."
            )
        return Tagging(
            number or 0,
            _columns(grouped),
            bool(grouped and not narrowed and grouped.get("include_nulls", False)),
            tuple(_tag_condition(one) for one in narrowed["filters"]) if narrowed else (),
        )

    def _condition(self, said: dict[str, Any]) -> Condition:
        dimension, operator, value = (
            dimension_named(said["field"], where="filters.field"),
            said["operator"],
            said["value"],
        )
        check_operator(dimension, operator, value)
        values = value if isinstance(value, list) else [value]
        found = tuple(self._value(dimension, one) for one in values)
        return Condition(dimension, operator, found, said.get("include_unset", False))

    def _value(self, dimension: Dimension, value: Any) -> str | int:
        if not dimension.is_number:
            return str(value)
        number = self.names.number_of(dimension, value)
        if number == NOBODY:
            self.warnings.append(
                f"Could not resolve {dimension.name} {str(value)[:80]!r}; it matches nothing."
            )
        return number


def _columns(said: dict[str, Any] | None) -> tuple[str, ...]:
    """The columns that tags have."""
    if said is None:
        return ()
    return tuple(dict.fromkeys(said.get("dimension_names") or PAIR))


def _tag_condition(said: dict[str, Any]) -> TagCondition:
    """A condition on a tag. Raises InvalidQuery."""
    operator, value = said["operator"], said["value"]
    values = value if isinstance(value, list) else [value]
    if (operator in OF_SETS) is not isinstance(value, list):
        wanted = "a list" if operator in OF_SETS else "one value"
        raise InvalidQuery(f"classifier_filters.filters.value: {operator} takes {wanted}.")
    if len(values) > MOST_LABELS or not all(isinstance(one, str) for one in values):
        raise InvalidQuery(f"classifier_filters.filters.value: must be labels, {MOST_LABELS} at most.")
    return TagCondition(said["field"], operator, value)


def _range(said: dict[str, datetime] | None) -> tuple[datetime, datetime]:
    if said is None:
        now = timezone.now()
        return now - LATELY, now
    return said["start"], said["end"]


def _is_plain(value: Any) -> bool:
    return not isinstance(value, bool | dict | list | type(None) | UUID)
