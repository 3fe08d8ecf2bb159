"""/private-endpoints and what can be done to each."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.schema import IDEMPOTENCY_KEY, errors
from accounts.api.views import ManagementView, once
from accounts.permissions import Permission
from config.lib.api_errors import ApiError, envelope, not_found
from config.lib.api_fields import query_flag
from routing import private_endpoints as private
from routing.api.private_endpoint_shapes import (
    DELETED,
    ENDPOINT,
    KEPT_DRAFT,
    MANAGED,
    SUMMARIES,
    EndpointChange,
    EndpointCreation,
    EndpointShape,
    ManagedShape,
    SummaryShape,
    described,
    shown,
)
from routing.credential_formats import UnusableCredential
from routing.models import PrivateEndpoint
from routing.models.private_endpoint import PrivateEndpointQuerySet
from routing.private_pricing import Rates
from routing.private_upstreams import UnknownProvider, UnusableUpstream
from routing.private_validation import Validation, validate
from workspaces.api.places import live_workspaces
from workspaces.models import Workspace
from workspaces.models.workspace import UUID_TEXT

UNACCEPTABLE: dict[type[Exception], int] = {
    UnusableUpstream: 400,
    UnusableCredential: 400,
    private.UnusableEndpoint: 400,
    private.NotNow: 409,
}
ID = OpenApiParameter(
    "id", {"type": "string", "format": "uuid"}, OpenApiParameter.PATH, description="The endpoint's id."
)
DRAFT_ONLY = OpenApiParameter("draft_only", bool, description="Refuse (409) once the endpoint was activated.")
NOT_ACTIVATED = {
    status: OpenApiResponse(
        KEPT_DRAFT, "Refused; with `activate`, the draft that was kept, and what was found."
    )
    for status in (409, 422)
}
TAG = "Private endpoints"
NOT_VALID = "The endpoint was created as a draft, but did not pass validation."


class PrivateEndpointView(ManagementView):
    """What all views of private endpoints share."""

    permission = Permission.ACCOUNT_MANAGE
    refusals = UNACCEPTABLE

    def managed(self, endpoint: PrivateEndpoint, *, status: int = 200) -> Response:
        """An endpoint after a step of its life."""
        (row,) = described(self.organization_id, [endpoint])
        return Response({"data": ManagedShape(row).data}, status=status)

    def workspace(self, reference: str) -> Workspace:
        """The workspace whose credential is used. Raises ApiError (404), as the contract has it here."""
        found = live_workspaces(self.organization_id).addressed(reference).first()
        if found is None:
            raise not_found()
        return found


class PrivateEndpointsView(PrivateEndpointView):
    """The organization's own upstreams."""

    @extend_schema(
        operation_id="listPrivateEndpoints", tags=[TAG], responses={200: SUMMARIES, **errors(401, 403)}
    )
    def get(self, request: Request) -> Response:
        rows = described(self.organization_id, _live(self.organization_id).order_by("-created_at", "-pk"))
        return Response({"data": SummaryShape(rows, many=True).data})

    @extend_schema(
        operation_id="createPrivateEndpoint",
        tags=[TAG],
        parameters=[IDEMPOTENCY_KEY],
        request=EndpointCreation,
        responses={201: MANAGED, **errors(400, 401, 403, 404), **NOT_ACTIVATED},
    )
    @once
    def post(self, request: Request) -> Response:
        body = EndpointCreation(data=request.data)
        body.is_valid(raise_exception=True)
        secret, asked = body.settings()
        activation, pricing = asked.pop("activate", None), asked.pop("pricing", None)
        workspace = self.workspace(activation["workspace_id"]) if activation else None
        rates = None if pricing is None else Rates.of(pricing)
        try:
            endpoint = private.create(
                organization=self.organization, by=self.actor, secret=secret or "", rates=rates, **asked
            )
        except (private.UnknownModel, UnknownProvider) as error:
            raise ApiError(404, str(error)) from None
        return self.activated(endpoint, workspace) if workspace else self.managed(endpoint, status=201)

    def activated(self, endpoint: PrivateEndpoint, workspace: Workspace) -> Response:
        """Validate and activate the new draft; where that fails it is kept, hence no exception leaves here."""
        validation = validate(endpoint=endpoint, workspace=workspace, by=self.actor)
        if not validation.passed:
            return self.kept(ApiError(422, NOT_VALID), endpoint, validation)
        try:
            return self.managed(private.activate(endpoint=endpoint, by=self.actor), status=201)
        except private.NotNow as error:
            return self.kept(ApiError(409, str(error)), endpoint, validation)

    def kept(self, error: ApiError, endpoint: PrivateEndpoint, validation: Validation) -> Response:
        """The refusal, with the draft that is there now."""
        (row,) = described(self.organization_id, [endpoint])
        data = {"endpoint": ManagedShape(row).data, "validation": shown(validation)}
        return Response({**envelope(error), "data": data}, status=error.status)


class AddressedView(PrivateEndpointView):
    """A view under `/private-endpoints/{id}`: the id of a live endpoint of the key's organization."""

    refusals = {**UNACCEPTABLE, private.EndpointGone: 404}
    endpoint: PrivateEndpoint

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        wanted, live = kwargs["id"], _live(self.organization_id)
        found = live.filter(public_id=wanted).first() if UUID_TEXT.fullmatch(wanted) else None
        if found is None:
            raise not_found()
        self.endpoint = found

    def whole(self, endpoint: PrivateEndpoint) -> Response:
        """An endpoint in full."""
        (row,) = described(self.organization_id, [endpoint])
        return Response({"data": EndpointShape(row).data})


class OnePrivateEndpointView(AddressedView):
    """One endpoint."""

    @extend_schema(
        operation_id="getPrivateEndpoint",
        tags=[TAG],
        parameters=[ID],
        responses={200: ENDPOINT, **errors(401, 403, 404)},
    )
    def get(self, request: Request, **address: str) -> Response:
        return self.whole(self.endpoint)

    @extend_schema(
        operation_id="updatePrivateEndpoint",
        tags=[TAG],
        parameters=[ID],
        request=EndpointChange,
        responses={200: ENDPOINT, **errors(400, 401, 403, 404, 409)},
    )
    def patch(self, request: Request, **address: str) -> Response:
        body = EndpointChange(data=request.data)
        body.is_valid(raise_exception=True)
        secret, asked = body.settings()
        return self.whole(private.change(endpoint=self.endpoint, by=self.actor, secret=secret, **asked))

    @extend_schema(
        operation_id="deletePrivateEndpoint",
        tags=[TAG],
        parameters=[ID, DRAFT_ONLY],
        responses={200: DELETED, **errors(400, 401, 403, 404, 409)},
    )
    def delete(self, request: Request, **address: str) -> Response:
        is_draft_only = query_flag(request, "draft_only")
        private.delete(endpoint=self.endpoint, by=self.actor, is_draft_only=is_draft_only)
        return Response({"data": {"id": str(self.endpoint.public_id)}})


def _live(organization_id: int) -> PrivateEndpointQuerySet:
    live: PrivateEndpointQuerySet = PrivateEndpoint.objects.for_organization(organization_id).live()
    return live
