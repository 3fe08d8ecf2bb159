"""/guardrails and /guardrails/{id}."""

from __future__ import annotations

import re
import uuid
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.schema import IDEMPOTENCY_KEY, PAGE, DeletedAnswer, errors
from accounts.api.views import ManagementView, once
from accounts.permissions import Permission
from config.lib.api_errors import ApiError, not_found
from config.lib.api_fields import query_page
from routing import guardrail_settings
from routing.api.guardrail_shapes import (
    GUARDRAIL,
    GUARDRAILS,
    GuardrailChange,
    GuardrailCreation,
    GuardrailShape,
)
from routing.guardrail_checks import InvalidGuardrail, InvalidRegexPattern
from routing.guardrail_rows import GuardrailGone, find, page_of
from routing.models import Guardrail
from workspaces.api.places import referenced_workspace
from workspaces.models.workspace import UUID_TEXT

ID = OpenApiParameter("id", {"type": "string", "format": "uuid"}, OpenApiParameter.PATH)
WORKSPACE = OpenApiParameter(
    "workspace_id", str, description="Whose guardrails, by id or slug; else the Default workspace's."
)


class GuardrailView(ManagementView):
    """A view that changes guardrails: what the domain refuses keeps the contract's name for it."""

    permission = Permission.WORKSPACE_CONFIGURE
    refusals = {InvalidGuardrail: 400, GuardrailGone: 404}

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, InvalidRegexPattern):
            exc = ApiError(400, str(exc), metadata={"error_type": "invalid_regex_pattern"})
        return super().handle_exception(exc)


class GuardrailsView(GuardrailView):
    """The guardrails of a workspace."""

    @extend_schema(
        operation_id="listGuardrails",
        tags=["Guardrails"],
        parameters=[WORKSPACE, *PAGE],
        responses={200: GUARDRAILS, **errors(400, 401, 403)},
    )
    def get(self, request: Request) -> Response:
        workspace = referenced_workspace(self.organization_id, request.query_params.get("workspace_id"))
        rows, total = page_of(workspace, query_page(request))
        return Response({"data": GuardrailShape(rows, many=True).data, "total_count": total})

    @extend_schema(
        operation_id="createGuardrail",
        tags=["Guardrails"],
        parameters=[IDEMPOTENCY_KEY],
        request=GuardrailCreation,
        responses={201: GUARDRAIL, **errors(400, 401, 403, 409, 422)},
    )
    @once
    def post(self, request: Request) -> Response:
        body = GuardrailCreation(data=request.data)
        body.is_valid(raise_exception=True)
        settings: dict[str, Any] = body.validated_data
        workspace = referenced_workspace(self.organization_id, settings.pop("workspace_id", None))
        guardrail = guardrail_settings.create(workspace=workspace, by=self.actor, **settings)
        return Response({"data": GuardrailShape(guardrail).data}, status=201)


class AddressedGuardrailView(GuardrailView):
    """A view of one guardrail, by its id; a workspace's default one is there before it is written."""

    guardrail: Guardrail

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        is_id = re.fullmatch(UUID_TEXT, kwargs["id"])
        guardrail = find(self.organization_id, uuid.UUID(kwargs["id"])) if is_id else None
        if guardrail is None:
            raise not_found()
        self.guardrail = guardrail


class OneGuardrailView(AddressedGuardrailView):
    """One guardrail."""

    @extend_schema(
        operation_id="getGuardrail",
        tags=["Guardrails"],
        parameters=[ID],
        responses={200: GUARDRAIL, **errors(401, 403, 404)},
    )
    def get(self, request: Request, **address: str) -> Response:
        return Response({"data": GuardrailShape(self.guardrail).data})

    @extend_schema(
        operation_id="updateGuardrail",
        tags=["Guardrails"],
        parameters=[ID],
        request=GuardrailChange,
        responses={200: GUARDRAIL, **errors(400, 401, 403, 404)},
    )
    def patch(self, request: Request, **address: str) -> Response:
        body = GuardrailChange(data=request.data)
        body.is_valid(raise_exception=True)
        changed = guardrail_settings.change(guardrail=self.guardrail, by=self.actor, **body.validated_data)
        return Response({"data": GuardrailShape(changed).data})

    @extend_schema(
        operation_id="deleteGuardrail",
        tags=["Guardrails"],
        parameters=[ID],
        responses={200: DeletedAnswer, **errors(401, 403, 404)},
    )
    def delete(self, request: Request, **address: str) -> Response:
        guardrail_settings.delete(guardrail=self.guardrail, by=self.actor)
        return Response({"deleted": True})
