"""/observability/destinations and /observability/destinations/{id}."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.schema import IDEMPOTENCY_KEY, PAGE, DeletedAnswer, errors
from accounts.api.views import ManagementView, once
from accounts.permissions import Permission
from config.lib.api_errors import not_found
from config.lib.api_fields import query_page
from config.lib.declared import NotValid
from observability import destination_settings
from observability.api.destination_shapes import (
    DESTINATION,
    LIST,
    DestinationChange,
    DestinationCreation,
    described,
)
from observability.destination_rows import DestinationGone, TooManyDestinations
from observability.destinations import DESTINATIONS
from observability.models import Destination
from observability.models.destination import DestinationQuerySet
from workspaces.api.places import referenced_workspace
from workspaces.locking import WorkspaceGone
from workspaces.models.workspace import UUID_TEXT

UNACCEPTABLE: dict[type[Exception], int] = {
    NotValid: 400,
    destination_settings.UnknownKeys: 400,
    destination_settings.PrivacyLocked: 403,
    destination_settings.IsCopy: 409,
    TooManyDestinations: 409,
    DestinationGone: 404,
}
ID = OpenApiParameter(
    "id", {"type": "string", "format": "uuid"}, OpenApiParameter.PATH, description="The destination's id."
)
WORKSPACE = OpenApiParameter(
    "workspace_id", str, description="An id or slug; else the Default workspace's are listed."
)


class DestinationsView(ManagementView):
    """The destinations of a workspace."""

    permission = Permission.WORKSPACE_CONFIGURE
    hidden_from_inference_keys = frozenset({"GET"})
    refusals = {**UNACCEPTABLE, destination_settings.UnknownType: 400, WorkspaceGone: 400}

    @extend_schema(
        operation_id="listObservabilityDestinations",
        tags=["Observability"],
        parameters=[WORKSPACE, *PAGE],
        responses={200: LIST, **errors(400, 401)},
    )
    def get(self, request: Request) -> Response:
        workspace = referenced_workspace(self.organization_id, request.query_params.get("workspace_id"))
        rows = known(self.organization_id).filter(workspace=workspace)
        page = rows.order_by("pk")[query_page(request)]
        return Response({"data": described(page), "total_count": rows.count()})

    @extend_schema(
        operation_id="createObservabilityDestination",
        tags=["Observability"],
        parameters=[IDEMPOTENCY_KEY],
        request=DestinationCreation,
        responses={201: DESTINATION, **errors(400, 401, 403, 409, 422)},
    )
    @once
    def post(self, request: Request) -> Response:
        body = DestinationCreation(data=request.data)
        body.is_valid(raise_exception=True)
        asked: dict[str, Any] = body.validated_data
        workspace = referenced_workspace(self.organization_id, asked.pop("workspace_id", None))
        made = destination_settings.create(
            workspace=workspace, kind=asked.pop("type"), by=self.actor, **asked
        )
        return Response({"data": described([made])[0]}, status=201)


class AddressedDestinationView(ManagementView):
    """A view under `/observability/destinations/{id}`."""

    permission = Permission.WORKSPACE_CONFIGURE
    refusals = UNACCEPTABLE
    destination: Destination

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        wanted = kwargs["id"]
        rows = known(self.organization_id)
        found = rows.filter(public_id=wanted).first() if UUID_TEXT.fullmatch(wanted) else None
        if found is None:
            raise not_found()
        self.destination = found


class OneDestinationView(AddressedDestinationView):
    """One destination."""

    hidden_from_inference_keys = frozenset({"GET", "DELETE"})

    @extend_schema(
        operation_id="getObservabilityDestination",
        tags=["Observability"],
        parameters=[ID],
        responses={200: DESTINATION, **errors(401, 404)},
    )
    def get(self, request: Request, **address: str) -> Response:
        return Response({"data": described([self.destination])[0]})

    @extend_schema(
        operation_id="updateObservabilityDestination",
        tags=["Observability"],
        parameters=[ID],
        request=DestinationChange,
        responses={200: DESTINATION, **errors(400, 401, 403, 404, 409)},
    )
    def patch(self, request: Request, **address: str) -> Response:
        body = DestinationChange(data=request.data)
        body.is_valid(raise_exception=True)
        changed = destination_settings.change(
            destination=self.destination, by=self.actor, **body.validated_data
        )
        return Response({"data": described([changed])[0]})

    @extend_schema(
        operation_id="deleteObservabilityDestination",
        tags=["Observability"],
        parameters=[ID],
        responses={200: DeletedAnswer, **errors(401, 404, 409)},
    )
    def delete(self, request: Request, **address: str) -> Response:
        destination_settings.delete(destination=self.destination, by=self.actor)
        return Response({"deleted": True})


def known(organization_id: int) -> DestinationQuerySet:
    """The organization's destinations, of the types that there are."""
    rows: DestinationQuerySet = Destination.objects.for_organization(organization_id).live()
    return rows.filter(type__in=DESTINATIONS).select_related("workspace", "source")
