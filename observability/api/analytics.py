"""GET /analytics/meta, POST /analytics/query, and the same query as a CSV file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.schema import IDEMPOTENCY_KEY, answer, errors
from accounts.api.views import ManagementView, once
from accounts.permissions import Permission
from config.lib.api_errors import ApiError
from config.lib.exports import csv_answer, harmless
from config.lib.money import plain_usd, usd_from_nano
from observability.analytics import InvalidQuery, Row, TooSlow, run, stream
from observability.analytics.fields import DIMENSIONS, GRANULARITIES, METRICS, OF_SETS, OPERATORS, Format
from observability.analytics.question import MOST_EXPORTED, MOST_ROWS
from observability.api.analytics_shapes import DEFAULT_ROWS, Asked, QueryBody

TOO_SLOW = "The query took too long. Narrow the time range, name fewer dimensions or add filters."


class NamedShape(serializers.Serializer[Any]):
    """Something that can be named."""

    name = serializers.CharField()
    display_label = serializers.CharField(source="label")


class MetricShape(NamedShape):
    """A metric, and how its values are shown."""

    is_rate = serializers.BooleanField()
    display_format = serializers.ChoiceField([form.value for form in Format], source="format")


class OperatorShape(serializers.Serializer[Any]):
    """An operator of filters."""

    name = serializers.ChoiceField(list(OPERATORS))
    value_type = serializers.ChoiceField(["scalar", "array"])


class MetadataShape(serializers.Serializer[Any]):
    """About the answer."""

    query_time_ms = serializers.FloatField()
    row_count = serializers.IntegerField()
    truncated = serializers.BooleanField(help_text="Whether there are more rows than the limit.")


class AnalyticsMetaView(ManagementView):
    """What a query can name."""

    permission = Permission.LOGS_SEE

    @extend_schema(
        operation_id="getAnalyticsMeta",
        tags=["Analytics"],
        responses={
            200: answer(
                "AnalyticsMetaAnswer",
                data=answer(
                    "AnalyticsMeta",
                    metrics=MetricShape(many=True),
                    dimensions=NamedShape(many=True),
                    operators=OperatorShape(many=True),
                    granularities=NamedShape(many=True),
                ),
            ),
            **errors(401, 403),
        },
    )
    def get(self, request: Request) -> Response:
        operators = [
            {"name": name, "value_type": "array" if name in OF_SETS else "scalar"} for name in OPERATORS
        ]
        told = {
            "metrics": MetricShape(METRICS, many=True).data,
            "dimensions": NamedShape(DIMENSIONS, many=True).data,
            "operators": operators,
            "granularities": NamedShape(GRANULARITIES, many=True).data,
        }
        return Response({"data": told})


class AnalyticsPage(ManagementView):
    """What both forms of a query share."""

    permission = Permission.LOGS_SEE
    refusals = {InvalidQuery: 400}


class AnalyticsQueryView(AnalyticsPage):
    """Answer a query."""

    @extend_schema(
        operation_id="queryAnalytics",
        tags=["Analytics"],
        parameters=[IDEMPOTENCY_KEY],
        request=QueryBody,
        responses={
            200: answer(
                "AnalyticsAnswer",
                data=answer(
                    "AnalyticsResult",
                    data=serializers.ListField(child=serializers.DictField()),
                    metadata=MetadataShape(),
                    warnings=serializers.ListField(child=serializers.CharField(), required=False),
                ),
            ),
            **errors(400, 401, 403, 408, 409, 422),
        },
    )
    @once
    def post(self, request: Request) -> Response:
        asked = Asked(request.data, self.organization_id, most_rows=MOST_ROWS, default_rows=DEFAULT_ROWS)
        try:
            found = run(self.organization_id, asked.question)
        except TooSlow:
            raise ApiError(408, TOO_SLOW) from None
        rows = [columns_of(asked, row) for row in found.rows]
        metadata = {
            "query_time_ms": found.milliseconds,
            "row_count": len(rows),
            "truncated": found.is_truncated,
        }
        told: dict[str, Any] = {"data": rows, "metadata": metadata}
        return Response({"data": told | ({"warnings": asked.warnings} if asked.warnings else {})})


class AnalyticsFileView(AnalyticsPage):
    """The same query as a CSV file of up to a million rows."""

    @extend_schema(
        operation_id="exportAnalytics",
        tags=["Analytics"],
        request=QueryBody,
        responses={
            (200, "text/csv"): OpenApiResponse(str, "The dimensions, the time bucket and the metrics."),
            **errors(400, 401, 403),
        },
    )
    def post(self, request: Request) -> HttpResponseBase:
        asked = Asked(request.data, self.organization_id, most_rows=MOST_EXPORTED, default_rows=MOST_EXPORTED)
        found = stream(self.organization_id, asked.question)
        asked.names.look_up()

        def rows() -> Iterator[Sequence[str]]:
            for row in found:
                yield [_cell(value) for value in columns_of(asked, row).values()]

        return csv_answer(name=f"{self.organization.slug}-analytics.csv", header=header_of(asked), rows=rows)


def header_of(asked: Asked) -> list[str]:
    """The names of an answer's columns."""
    question = asked.question
    names = [name for one in question.dimensions for name in asked.names.columns_of(one, None)]
    date = [f"date__{question.granularity.name}"] if question.granularity else []
    return [*date, *names, *asked.tags, *(metric.name for metric in question.metrics)]


def columns_of(asked: Asked, row: Row) -> dict[str, Any]:
    """A row of the answer: its time bucket, dimensions by name, metrics; money in dollars."""
    question = asked.question
    columns: dict[str, Any] = {}
    if question.granularity is not None and row.at is not None:
        columns[f"date__{question.granularity.name}"] = f"{row.at:%Y-%m-%dT%H:%M:%S}.000Z"
    for dimension, key in zip(question.dimensions, row.keys, strict=True):
        columns |= asked.names.columns_of(dimension, key)
    columns |= dict(zip(asked.tags, row.tags, strict=True))
    for metric, value in zip(question.metrics, row.values, strict=True):
        columns[metric.name] = Decimal(plain_usd(usd_from_nano(value))) if metric.is_money else value
    return columns


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return harmless(value) if isinstance(value, str) else str(value)
