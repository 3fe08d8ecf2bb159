"""GET /activity, as JSON and as a CSV file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.schema import answer, errors
from accounts.api.views import ManagementView
from accounts.permissions import Permission
from config.lib.api_errors import ApiError, not_found
from config.lib.api_fields import Usd
from observability.activity import Asked, activity, activity_file, first_day
from observability.analytics.fields import DIMENSIONS_BY_NAME
from observability.analytics.names import NOBODY, Names
from workspaces.models import Workspace


class ActivityQuery(serializers.Serializer[Any]):
    """What the activity can be narrowed to."""

    date = serializers.DateField(
        required=False, input_formats=["%Y-%m-%d"], help_text="One UTC day of the last 30 that are over."
    )
    api_key_hash = serializers.CharField(required=False, help_text="Only what was asked with this key.")
    user_id = serializers.CharField(required=False, help_text="Only what this member asked, `user_…`.")
    workspace_id = serializers.CharField(required=False, help_text="Only in this workspace, by id or slug.")
    group_by = serializers.ChoiceField(
        ["workspace"], required=False, help_text="`workspace`: a row for each, with its `workspace_id`."
    )


class ActivityShape(serializers.Serializer[Any]):
    """A day of a model at an endpoint."""

    date = serializers.DateField(source="day")
    model = serializers.CharField()
    model_permaslug = serializers.CharField(source="model")
    endpoint_id = serializers.CharField(help_text="The endpoint's number; 0 where it is not known.")
    provider_name = serializers.CharField(source="provider")
    usage = Usd(source="cost_nano_in_all", help_text="Credits spent, in US dollars.")
    byok_usage_inference = Usd(
        source="byok_nano_in_all", help_text="Spent with own credentials, at list price."
    )
    requests = serializers.IntegerField(source="requests_in_all")
    prompt_tokens = serializers.IntegerField(source="prompt_tokens_in_all")
    completion_tokens = serializers.IntegerField(source="completion_tokens_in_all")
    reasoning_tokens = serializers.IntegerField(source="reasoning_tokens_in_all")
    cached_tokens = serializers.IntegerField(source="cached_tokens_in_all")
    workspace_id = serializers.UUIDField(required=False, help_text="With `group_by=workspace`.")


class ActivityPage(ManagementView):
    """What both forms share."""

    permission = Permission.LOGS_SEE

    def asked(self, request: Request) -> Asked:
        """What is wanted. Raises ApiError."""
        query = ActivityQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        said: dict[str, Any] = query.validated_data
        today = datetime.now(UTC).date()
        day = said.get("date")
        if day is not None and not first_day(today) <= day < today:
            since, last = first_day(today), today - timedelta(days=1)
            raise ApiError(400, f"date: must be one of the last 30 days that are over, {since} to {last}.")
        return Asked(
            day=day,
            api_key_id=self._number("api_key_id", said.get("api_key_hash")),
            member_id=self._number("user", said.get("user_id")),
            workspace_id=self._number("workspace", said.get("workspace_id")),
            is_by_workspace="group_by" in said,
        )

    def workspace_ids(self) -> dict[int, str]:
        """Public ids of the organization's workspaces by number."""
        workspaces = Workspace.objects.for_organization(self.organization_id).values_list("pk", "public_id")
        return {pk: str(public_id) for pk, public_id in workspaces}

    def _number(self, dimension: str, reference: str | None) -> int | None:
        if reference is None:
            return None
        number = Names(self.organization_id).number_of(DIMENSIONS_BY_NAME[dimension], reference)
        if number == NOBODY:
            raise not_found()
        return number


class ActivityView(ActivityPage):
    """Days by model and endpoint."""

    @extend_schema(
        operation_id="getUserActivity",
        tags=["Analytics"],
        parameters=[ActivityQuery],
        responses={
            200: answer("ActivityAnswer", data=ActivityShape(many=True)),
            **errors(400, 401, 403, 404),
        },
    )
    def get(self, request: Request) -> Response:
        asked = self.asked(request)
        rows = list(activity(self.organization_id, asked))
        if asked.is_by_workspace:
            names = self.workspace_ids()
            rows = [row | {"workspace_id": names.get(row["workspace_id"], "")} for row in rows]
        return Response({"data": ActivityShape(rows, many=True).data})


class ActivityFileView(ActivityPage):
    """The same as a CSV file."""

    @extend_schema(
        operation_id="exportActivity",
        tags=["Analytics"],
        parameters=[ActivityQuery],
        responses={
            (200, "text/csv"): OpenApiResponse(str, "date, model, model_permaslug, endpoint_id, …"),
            **errors(400, 401, 403, 404),
        },
    )
    def get(self, request: Request) -> HttpResponseBase:
        asked = self.asked(request)
        return activity_file(self.organization, asked, self.workspace_ids())
