"""What can be done with a destination beside changing it: trying it out, and detaching a copy."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.schema import IDEMPOTENCY_KEY, errors
from accounts.api.views import ManagementView, once
from accounts.permissions import Permission
from config.lib.api_errors import ApiError
from config.lib.declared import NotValid
from observability import destination_probes, destination_settings
from observability.api.destination_shapes import DESTINATION, TRIED, ChangesToTry, ConfigToTry, described
from observability.api.destinations import ID, UNACCEPTABLE, AddressedDestinationView
from observability.destinations import DESTINATIONS
from observability.destinations.destination import Probed


class TryConfigView(ManagementView):
    """A connection that is tried before anything is kept."""

    permission = Permission.WORKSPACE_CONFIGURE
    refusals = {NotValid: 400, destination_probes.TooManyTrials: 429}

    @extend_schema(
        operation_id="testObservabilityConfig",
        tags=["Observability"],
        parameters=[IDEMPOTENCY_KEY],
        request=ConfigToTry,
        responses={200: TRIED, **errors(400, 401, 403, 409, 422)},
    )
    @once
    def post(self, request: Request) -> Response:
        body = ConfigToTry(data=request.data)
        body.is_valid(raise_exception=True)
        kind = DESTINATIONS.get(body.validated_data["type"])
        if kind is None:
            raise ApiError(400, f"type: must be one of {', '.join(sorted(DESTINATIONS))}.")
        return tried(
            destination_probes.probe_config(
                kind=kind, config=body.validated_data["config"], organization_id=self.organization_id
            )
        )


class TryDestinationView(AddressedDestinationView):
    """A connection that is tried as it is kept, or with changes."""

    refusals = {**UNACCEPTABLE, destination_probes.TooManyTrials: 429}

    @extend_schema(
        operation_id="testObservabilityDestination",
        tags=["Observability"],
        parameters=[ID, IDEMPOTENCY_KEY],
        request=ChangesToTry,
        responses={200: TRIED, **errors(400, 401, 403, 404, 409, 422)},
    )
    @once
    def post(self, request: Request, **address: str) -> Response:
        body = ChangesToTry(data=request.data)
        body.is_valid(raise_exception=True)
        config = body.validated_data.get("config")
        return tried(destination_probes.probe(destination=self.destination, config=config))


class SendTestTraceView(AddressedDestinationView):
    """A trace that says that it is a test."""

    refusals = {**UNACCEPTABLE, destination_probes.TooManyTrials: 429}

    @extend_schema(
        operation_id="sendObservabilityTestTrace",
        tags=["Observability"],
        parameters=[ID, IDEMPOTENCY_KEY],
        request=None,
        responses={200: TRIED, **errors(400, 401, 403, 404, 409, 422)},
    )
    @once
    def post(self, request: Request, **address: str) -> Response:
        _, outcome = destination_probes.send_test_trace(destination=self.destination)
        is_delivered = not (outcome.retry or outcome.poisoned or outcome.split)
        return tried(Probed(is_delivered, outcome.error))


class DetachView(AddressedDestinationView):
    """A copy that is to follow its source no longer."""

    refusals = {**UNACCEPTABLE, destination_settings.NoCopy: 409}

    @extend_schema(
        operation_id="detachObservabilityDestination",
        tags=["Observability"],
        parameters=[ID, IDEMPOTENCY_KEY],
        request=None,
        responses={200: DESTINATION, **errors(401, 403, 404, 409, 422)},
    )
    @once
    def post(self, request: Request, **address: str) -> Response:
        detached = destination_settings.detach(destination=self.destination, by=self.actor)
        return Response({"data": described([detached])[0]})


def tried(probed: Probed) -> Response:
    """The answer to a trial, whether it went well or not."""
    return Response({"data": {"success": probed.is_ok, "message": probed.message or None}})
