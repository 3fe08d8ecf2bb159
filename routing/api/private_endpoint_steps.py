"""/private-endpoints/{id}/validate, /activate, /disable, /enable and /pricing."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.schema import IDEMPOTENCY_KEY, errors
from accounts.api.views import once
from routing import private_endpoints as private
from routing.api.private_endpoint_shapes import (
    ENDPOINT,
    MANAGED,
    VALIDATION,
    PricingChange,
    ValidationRequest,
    shown,
)
from routing.api.private_endpoints import ID, TAG, AddressedView
from routing.private_pricing import Rates
from routing.private_validation import validate


class ValidatePrivateEndpointView(AddressedView):
    """A live call."""

    @extend_schema(
        operation_id="validatePrivateEndpoint",
        tags=[TAG],
        parameters=[ID, IDEMPOTENCY_KEY],
        request=ValidationRequest,
        responses={200: VALIDATION, **errors(400, 401, 403, 404, 409, 422)},
    )
    @once
    def post(self, request: Request, **address: str) -> Response:
        body = ValidationRequest(data=request.data)
        body.is_valid(raise_exception=True)
        workspace = self.workspace(body.validated_data["workspace_id"])
        found = validate(endpoint=self.endpoint, workspace=workspace, by=self.actor)
        return Response({"data": shown(found)})


class ActivatePrivateEndpointView(AddressedView):
    """From a validated draft to an endpoint that is routed to."""

    @extend_schema(
        operation_id="activatePrivateEndpoint",
        tags=[TAG],
        parameters=[ID, IDEMPOTENCY_KEY],
        request=None,
        responses={200: MANAGED, **errors(400, 401, 403, 404, 409, 422)},
    )
    @once
    def post(self, request: Request, **address: str) -> Response:
        return self.managed(private.activate(endpoint=self.endpoint, by=self.actor))


class DisablePrivateEndpointView(AddressedView):
    """Out of the routing, without being deleted."""

    @extend_schema(
        operation_id="disablePrivateEndpoint",
        tags=[TAG],
        parameters=[ID, IDEMPOTENCY_KEY],
        request=None,
        responses={200: MANAGED, **errors(400, 401, 403, 404, 409, 422)},
    )
    @once
    def post(self, request: Request, **address: str) -> Response:
        return self.managed(private.disable(endpoint=self.endpoint, by=self.actor))


class EnablePrivateEndpointView(AddressedView):
    """Back into the routing."""

    @extend_schema(
        operation_id="enablePrivateEndpoint",
        tags=[TAG],
        parameters=[ID, IDEMPOTENCY_KEY],
        request=None,
        responses={200: MANAGED, **errors(400, 401, 403, 404, 409, 422)},
    )
    @once
    def post(self, request: Request, **address: str) -> Response:
        return self.managed(private.enable(endpoint=self.endpoint, by=self.actor))


class PrivateEndpointPricingView(AddressedView):
    """What the endpoint charges."""

    @extend_schema(
        operation_id="updatePrivateEndpointPricing",
        tags=[TAG],
        parameters=[ID],
        request=PricingChange,
        responses={200: ENDPOINT, **errors(400, 401, 403, 404)},
    )
    def put(self, request: Request, **address: str) -> Response:
        body = PricingChange(data=request.data)
        body.is_valid(raise_exception=True)
        rates = Rates.of(body.validated_data["pricing"])
        return self.whole(private.set_pricing(endpoint=self.endpoint, rates=rates, by=self.actor))
