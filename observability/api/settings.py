"""GET and PATCH /workspaces/{id}/observability: what a workspace tells its destinations and keeps of its requests."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.schema import answer, errors
from accounts.permissions import Permission
from accounts.privacy import IoLoggingForbidden
from config.lib.api_fields import Flag, Moment, Rate, StrictSerializer, Text, Whole
from observability import settings
from observability.models.destination import LONGEST_RETENTION_DAYS
from observability.settings import UnknownKey, WorkspaceObservability
from workspaces.api.places import WorkspaceView
from workspaces.api.workspaces import ID
from workspaces.locking import WorkspaceGone

MOST_KEYS = 1_000
NAMES = {
    "is_observability_broadcast_enabled": "is_broadcast_enabled",
    "is_observability_io_logging_enabled": "is_io_logging_enabled",
    "io_logging_retention_days": "retention_days",
}
"""Fields that have another name than what they set; the contract's are the workspace's own."""


class ObservabilityShape(serializers.Serializer[WorkspaceObservability]):
    """A workspace's switches, and how its I/O logging works. Keys null: all of them; an empty list: none."""

    workspace_id = serializers.UUIDField(source="workspace.public_id")
    is_observability_broadcast_enabled = serializers.BooleanField(source="workspace.is_broadcast_enabled")
    is_observability_io_logging_enabled = serializers.BooleanField(source="workspace.is_io_logging_enabled")
    io_logging_sampling_rate = serializers.FloatField(source="workspace.io_logging_sampling_rate")
    io_logging_api_key_hashes = serializers.ListField(
        source="key_hashes", child=serializers.CharField(), allow_null=True
    )
    io_logging_retention_days = serializers.IntegerField(source="retention_days")
    updated_at = Moment(allow_null=True)


class ObservabilityChange(StrictSerializer):
    """What can be set; what is left out stays as it is."""

    is_observability_broadcast_enabled = Flag(required=False)
    is_observability_io_logging_enabled = Flag(required=False)
    io_logging_sampling_rate = Rate(min_value=0.0001, max_value=1, required=False)
    io_logging_api_key_hashes = serializers.ListField(
        child=Text(), allow_null=True, required=False, max_length=MOST_KEYS
    )
    io_logging_retention_days = Whole(min_value=1, max_value=LONGEST_RETENTION_DAYS, required=False)


OBSERVABILITY = answer("ObservabilityAnswer", data=ObservabilityShape())


class ObservabilityView(WorkspaceView):
    """A workspace's observability."""

    permission = Permission.WORKSPACE_CONFIGURE
    refusals = {IoLoggingForbidden: 400, WorkspaceGone: 404}

    @extend_schema(
        operation_id="getWorkspaceObservability",
        tags=["Observability"],
        parameters=[ID],
        responses={200: OBSERVABILITY, **errors(401, 403, 404)},
    )
    def get(self, request: Request, **address: str) -> Response:
        return Response({"data": ObservabilityShape(settings.settings_of(self.workspace)).data})

    @extend_schema(
        operation_id="updateWorkspaceObservability",
        tags=["Observability"],
        parameters=[ID],
        request=ObservabilityChange,
        responses={200: OBSERVABILITY, **errors(400, 401, 403, 404)},
    )
    def patch(self, request: Request, **address: str) -> Response:
        body = ObservabilityChange(data=request.data)
        body.is_valid(raise_exception=True)
        changed = settings.change(
            workspace=self.workspace, by=self.actor, **self._columns(body.validated_data)
        )
        return Response({"data": ObservabilityShape(changed).data})

    def _columns(self, asked: dict[str, Any]) -> dict[str, Any]:
        columns = {NAMES.get(name, name): value for name, value in asked.items()}
        if "io_logging_api_key_hashes" in columns:
            hashes = columns.pop("io_logging_api_key_hashes")
            try:
                columns["io_logging_api_key_ids"] = settings.key_ids(self.workspace, hashes)
            except UnknownKey as error:
                raise serializers.ValidationError({"io_logging_api_key_hashes": str(error)}) from None
        return columns
