"""/workspaces/{id}/routing: how a workspace's requests are routed when they do not say."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.schema import answer, errors
from accounts.permissions import Permission
from config.lib.api_fields import Anything, Flag, Moment, StrictSerializer, Text
from config.lib.declared import NotValid, schema_of
from routing import routing_defaults
from routing.models import RoutingDefaults
from routing.routing_defaults import PROVIDER, read_provider
from workspaces.api.places import WorkspaceView
from workspaces.api.workspaces import ID
from workspaces.locking import WorkspaceGone


class RoutingShape(serializers.Serializer[RoutingDefaults]):
    """A workspace's routing; null where it says nothing."""

    workspace_id = serializers.UUIDField(source="workspace.public_id")
    provider = serializers.SerializerMethodField()
    default_text_model = serializers.CharField(source="workspace.default_text_model", allow_null=True)
    default_image_model = serializers.CharField(source="workspace.default_image_model", allow_null=True)
    is_auto_exacto_enabled = serializers.BooleanField()
    is_stickiness_enabled = serializers.BooleanField()
    is_strict = serializers.BooleanField(source="workspace.is_strict")
    updated_at = Moment(allow_null=True)

    @extend_schema_field(schema_of(PROVIDER, is_nullable=True))
    def get_provider(self, defaults: RoutingDefaults) -> dict[str, Any]:
        """As a request's `provider` object says it."""
        own = {field.name: getattr(defaults, field.name, None) for field in PROVIDER}
        return own | {"sort": defaults.workspace.default_provider_sort}


ROUTING = answer("RoutingAnswer", data=RoutingShape())


@extend_schema_field(schema_of(PROVIDER, is_nullable=True))
class ProviderField(Anything):
    """A `provider` object; null clears a preference, and the whole object all of them."""


class RoutingChange(StrictSerializer):
    """What can be set; what is left out stays as it is."""

    provider = ProviderField(allow_null=True, required=False)
    default_text_model = Text(max_length=200, allow_null=True, required=False)
    default_image_model = Text(max_length=200, allow_null=True, required=False)
    is_auto_exacto_enabled = Flag(required=False)
    is_stickiness_enabled = Flag(required=False)
    is_strict = Flag(required=False)

    def columns(self) -> dict[str, Any]:
        """The columns that change. Raises NotValid."""
        asked = dict(self.validated_data)
        provider = read_provider(asked.pop("provider")) if "provider" in asked else {}
        return asked | provider


class RoutingView(WorkspaceView):
    """A workspace's routing."""

    permission = Permission.WORKSPACE_CONFIGURE
    refusals = {NotValid: 400, WorkspaceGone: 404}

    @extend_schema(
        operation_id="getWorkspaceRouting",
        tags=["Routing"],
        parameters=[ID],
        responses={200: ROUTING, **errors(401, 403, 404)},
    )
    def get(self, request: Request, **address: str) -> Response:
        return Response({"data": RoutingShape(routing_defaults.defaults_of(self.workspace)).data})

    @extend_schema(
        operation_id="updateWorkspaceRouting",
        tags=["Routing"],
        parameters=[ID],
        request=RoutingChange,
        responses={200: ROUTING, **errors(400, 401, 403, 404)},
    )
    def patch(self, request: Request, **address: str) -> Response:
        body = RoutingChange(data=request.data)
        body.is_valid(raise_exception=True)
        defaults = routing_defaults.change(workspace=self.workspace, by=self.actor, **body.columns())
        return Response({"data": RoutingShape(defaults).data})
