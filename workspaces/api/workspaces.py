"""/workspaces and /workspaces/{id}."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.rates import RatesChange, RatesShape
from accounts.api.schema import IDEMPOTENCY_KEY, PAGE, DeletedAnswer, answer, errors
from accounts.api.views import ManagementView, once
from accounts.permissions import Permission
from accounts.privacy import IoLoggingForbidden
from config.lib.api_fields import Choice, Flag, Moment, Rate, Text, Whole, query_flag, query_page
from workspaces import workspaces
from workspaces.api.places import WorkspaceView, live_workspaces
from workspaces.models import ApiKey
from workspaces.models.workspace import SLUG

PROVIDER_SORTS = ("price", "throughput", "latency", "exacto")
SERVER_TOOLS = (
    *("advisor", "apply_patch", "bash", "datetime", "fusion", "image_generation", "search_models"),
    *("experimental__search_models", "shell", "subagent", "tool_search", "web_fetch", "web_search"),
)
SERVER_TOOL_NAMES = tuple(
    f"{prefix}:{tool}" for prefix in ("openrouter", "headgate") for tool in SERVER_TOOLS
)
MOST_KEYS = 1_000
"""That I/O logging may be narrowed to."""
ID = OpenApiParameter("id", str, OpenApiParameter.PATH, description="The workspace's id or slug.")
CONFIRM = OpenApiParameter(
    "confirm_default_workspace_deletion",
    bool,
    description="Must be true to delete the Default workspace; ignored for others.",
)


class WorkspaceShape(RatesShape):
    """A workspace."""

    id = serializers.UUIDField(source="public_id")
    name = serializers.CharField()
    slug = serializers.CharField()
    description = serializers.CharField(allow_null=True)
    default_guardrail_id = serializers.UUIDField(help_text="Known before the guardrail is first written.")
    default_text_model = serializers.CharField(allow_null=True)
    default_image_model = serializers.CharField(allow_null=True)
    default_provider_sort = serializers.CharField(allow_null=True)
    disabled_server_tools = serializers.ListField(child=serializers.CharField(), allow_null=True)
    is_observability_io_logging_enabled = serializers.BooleanField(source="is_io_logging_enabled")
    is_observability_broadcast_enabled = serializers.BooleanField(source="is_broadcast_enabled")
    is_data_discount_logging_enabled = serializers.BooleanField()
    io_logging_sampling_rate = serializers.FloatField()
    io_logging_api_key_ids = serializers.ListField(child=serializers.IntegerField(), allow_null=True)
    include_byok_in_budgets = serializers.BooleanField(source="is_byok_in_budgets")
    created_at = Moment()
    updated_at = Moment(allow_null=True)
    created_by = serializers.CharField(source="created_by.public_id", default=None, allow_null=True)


WORKSPACE = answer("WorkspaceAnswer", data=WorkspaceShape())
WORKSPACES = answer("WorkspaceList", data=WorkspaceShape(many=True), total_count=serializers.IntegerField())


class WorkspaceChange(RatesChange):
    """What can be set on a workspace; what is left out stays as it is."""

    name = Text(min_length=1, max_length=100, required=False)
    slug = Text(min_length=1, max_length=50, validators=[SLUG], required=False)
    description = Text(max_length=500, allow_null=True, allow_blank=True, required=False)
    default_text_model = Text(max_length=200, allow_null=True, required=False)
    default_image_model = Text(max_length=200, allow_null=True, required=False)
    default_provider_sort = Choice(PROVIDER_SORTS, allow_null=True, required=False)
    disabled_server_tools = serializers.ListField(
        child=Choice(SERVER_TOOL_NAMES), allow_null=True, required=False, max_length=100
    )
    is_observability_io_logging_enabled = Flag(source="is_io_logging_enabled", required=False)
    is_observability_broadcast_enabled = Flag(source="is_broadcast_enabled", required=False)
    is_data_discount_logging_enabled = Flag(required=False)
    io_logging_sampling_rate = Rate(min_value=0.0001, max_value=1, required=False)
    io_logging_api_key_ids = serializers.ListField(
        child=Whole(), allow_null=True, required=False, max_length=MOST_KEYS
    )

    def validate_disabled_server_tools(self, value: list[str] | None) -> list[str] | None:
        return value or None

    def validate_io_logging_api_key_ids(self, value: list[int] | None) -> list[int] | None:
        """Only the organization's own active keys; the message does not tell foreign from unknown."""
        own = ApiKey.objects.for_organization(self.context["organization_id"]).active()
        known = set(own.filter(pk__in=value or []).values_list("pk", flat=True))
        strange = sorted(set(value or []) - known)
        if strange:
            raise serializers.ValidationError(f"no such key: {', '.join(map(str, strange))}.")
        return value


class WorkspaceCreation(WorkspaceChange):
    """What a new workspace begins with."""

    name = Text(min_length=1, max_length=100)
    slug = Text(min_length=1, max_length=50, validators=[SLUG])


class WorkspacesView(ManagementView):
    """The workspaces of the key's organization."""

    permission = Permission.WORKSPACE_SEE
    permissions = {"POST": Permission.WORKSPACE_CREATE}
    refusals = {workspaces.SlugTaken: 400, IoLoggingForbidden: 400}

    @extend_schema(
        operation_id="listWorkspaces",
        tags=["Workspaces"],
        parameters=PAGE,
        responses={200: WORKSPACES, **errors(400, 401, 403)},
    )
    def get(self, request: Request) -> Response:
        rows = live_workspaces(self.organization_id).select_related("created_by").order_by("created_at", "pk")
        page = WorkspaceShape(rows[query_page(request)], many=True)
        return Response({"data": page.data, "total_count": rows.count()})

    @extend_schema(
        operation_id="createWorkspace",
        tags=["Workspaces"],
        parameters=[IDEMPOTENCY_KEY],
        request=WorkspaceCreation,
        responses={201: WORKSPACE, **errors(400, 401, 403, 409, 422)},
    )
    @once
    def post(self, request: Request) -> Response:
        body = WorkspaceCreation(data=request.data, context={"organization_id": self.organization_id})
        body.is_valid(raise_exception=True)
        workspace = workspaces.create(organization=self.organization, by=self.actor, **body.validated_data)
        workspace.refresh_from_db()
        return Response({"data": WorkspaceShape(workspace).data}, status=201)


class OneWorkspaceView(WorkspaceView):
    """One workspace."""

    permissions = {"PATCH": Permission.WORKSPACE_MANAGE, "DELETE": Permission.WORKSPACE_MANAGE}
    refusals = {
        workspaces.SlugTaken: 400,
        IoLoggingForbidden: 400,
        workspaces.WorkspaceHasActiveKeys: 400,
        workspaces.ConfirmationNeeded: 400,
    }

    @extend_schema(
        operation_id="getWorkspace",
        tags=["Workspaces"],
        parameters=[ID],
        responses={200: WORKSPACE, **errors(401, 403, 404)},
    )
    def get(self, request: Request, **address: str) -> Response:
        return Response({"data": WorkspaceShape(self.workspace).data})

    @extend_schema(
        operation_id="updateWorkspace",
        tags=["Workspaces"],
        parameters=[ID],
        request=WorkspaceChange,
        responses={200: WORKSPACE, **errors(400, 401, 403, 404)},
    )
    def patch(self, request: Request, **address: str) -> Response:
        body = WorkspaceChange(data=request.data, context={"organization_id": self.organization_id})
        body.is_valid(raise_exception=True)
        changed = workspaces.change(workspace=self.workspace, by=self.actor, **body.validated_data)
        return Response({"data": WorkspaceShape(changed).data})

    @extend_schema(
        operation_id="deleteWorkspace",
        tags=["Workspaces"],
        parameters=[ID, CONFIRM],
        responses={200: DeletedAnswer, **errors(400, 401, 403, 404)},
    )
    def delete(self, request: Request, **address: str) -> Response:
        is_confirmed = query_flag(request, "confirm_default_workspace_deletion")
        workspaces.delete(workspace=self.workspace, by=self.actor, is_default_confirmed=is_confirmed)
        return Response({"deleted": True})
