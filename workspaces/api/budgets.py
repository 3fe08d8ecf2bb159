"""/workspaces/{id}/budgets."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.schema import DeletedAnswer, answer, errors
from accounts.permissions import Permission
from config.lib.api_errors import ApiError, not_found
from config.lib.api_fields import Flag, Moment, StrictSerializer, Usd
from workspaces.api.places import WorkspaceView
from workspaces.api.workspaces import ID
from workspaces.budgets import NAMES, NotDecreasing, budgets_of, delete_budget, set_budget
from workspaces.locking import WorkspaceGone
from workspaces.models import Workspace, WorkspaceBudget

INTERVAL = OpenApiParameter(
    "interval", str, OpenApiParameter.PATH, enum=[*WorkspaceBudget.INTERVALS], description="When it resets."
)


class ResetInterval(serializers.ChoiceField):
    """The interval as answers show it: null for a lifetime."""

    def to_representation(self, value: str) -> str | None:  # type: ignore[override]  # null is a choice
        return None if value == "t" else NAMES[value]


class BudgetShape(serializers.Serializer[Any]):  # one, or with many=True several
    """A limit on what a workspace spends per interval."""

    id = serializers.UUIDField(source="public_id")
    workspace_id = serializers.UUIDField(source="workspace.public_id")
    limit_usd = Usd(source="limit_nano")
    reset_interval = ResetInterval(["daily", "weekly", "monthly"], source="interval", allow_null=True)
    created_at = Moment()
    updated_at = Moment()


BUDGET = answer("BudgetAnswer", data=BudgetShape(), include_byok_in_budgets=serializers.BooleanField())
BUDGETS = answer(
    "BudgetList", data=BudgetShape(many=True), include_byok_in_budgets=serializers.BooleanField()
)


class BudgetChange(StrictSerializer):
    """The limit; and, for all budgets of the workspace, whether BYOK spend counts."""

    limit_usd = Usd()
    include_byok_in_budgets = Flag(required=False)

    def validate_limit_usd(self, value: int) -> int:
        if value == 0:
            raise serializers.ValidationError("must be greater than 0.")
        return value


class BudgetsView(WorkspaceView):
    """All budgets of a workspace."""

    @extend_schema(
        operation_id="listWorkspaceBudgets",
        tags=["Workspaces"],
        parameters=[ID],
        responses={200: BUDGETS, **errors(401, 403, 404)},
    )
    def get(self, request: Request, **address: str) -> Response:
        return Response(_with_flag(BudgetShape(budgets_of(self.workspace), many=True).data, self.workspace))


class BudgetView(WorkspaceView):
    """The budget of one interval."""

    permissions = {"PUT": Permission.WORKSPACE_MANAGE, "DELETE": Permission.WORKSPACE_MANAGE}
    refusals = {NotDecreasing: 400, WorkspaceGone: 404}
    interval: str

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if kwargs["interval"] not in WorkspaceBudget.INTERVALS:
            raise ApiError(400, f"interval: must be one of {', '.join(WorkspaceBudget.INTERVALS)}.")
        self.interval = WorkspaceBudget.INTERVALS[kwargs["interval"]]

    @extend_schema(
        operation_id="getWorkspaceBudget",
        tags=["Workspaces"],
        parameters=[ID, INTERVAL],
        responses={200: BUDGET, **errors(400, 401, 403, 404)},
    )
    def get(self, request: Request, **address: str) -> Response:
        found = WorkspaceBudget.objects.for_workspace(self.workspace).filter(interval=self.interval).first()
        if found is None:
            raise not_found()
        return Response(_with_flag(BudgetShape(found).data, self.workspace))

    @extend_schema(
        operation_id="upsertWorkspaceBudget",
        tags=["Workspaces"],
        parameters=[ID, INTERVAL],
        request=BudgetChange,
        responses={200: BUDGET, **errors(400, 401, 403, 404)},
    )
    def put(self, request: Request, **address: str) -> Response:
        body = BudgetChange(data=request.data)
        body.is_valid(raise_exception=True)
        budget = set_budget(
            workspace=self.workspace,
            interval=self.interval,
            limit_nano=body.validated_data["limit_usd"],
            is_byok_included=body.validated_data.get("include_byok_in_budgets"),
            by=self.actor,
        )
        return Response(_with_flag(BudgetShape(budget).data, budget.workspace))

    @extend_schema(
        operation_id="deleteWorkspaceBudget",
        tags=["Workspaces"],
        parameters=[ID, INTERVAL],
        responses={200: DeletedAnswer, **errors(400, 401, 403, 404)},
    )
    def delete(self, request: Request, **address: str) -> Response:
        delete_budget(workspace=self.workspace, interval=self.interval, by=self.actor)
        return Response({"deleted": True})


def _with_flag(data: object, workspace: Workspace) -> dict[str, Any]:
    return {"data": data, "include_byok_in_budgets": workspace.is_byok_in_budgets}
