"""/workspaces/{id}/plugins: what a workspace says about plugins when requests do not."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.schema import DeletedAnswer, answer, errors
from accounts.permissions import Permission
from config.lib.api_errors import not_found
from config.lib.api_fields import Anything, Flag, Moment, StrictSerializer
from config.lib.declared import NotValid, schema_of
from routing import plugin_settings
from routing.models import PluginSetting
from routing.plugins import PLUGINS
from routing.plugins.plugin import Plugin
from workspaces.api.places import WorkspaceView
from workspaces.api.workspaces import ID
from workspaces.locking import WorkspaceGone

PLUGIN = OpenApiParameter(
    "plugin", str, OpenApiParameter.PATH, enum=list(PLUGINS), description="The plugin's id."
)


def _schema(plugin: Plugin) -> dict[str, Any]:
    return {**schema_of(plugin.fields), "title": plugin.slug}


class PluginShape(serializers.Serializer[Any]):  # one, or with many=True several
    """A plugin's default in a workspace."""

    id = serializers.CharField(source="plugin")
    name = serializers.SerializerMethodField()
    description = serializers.SerializerMethodField()
    enabled = serializers.BooleanField(source="is_enabled")
    prevent_overrides = serializers.BooleanField(source="is_override_prevented")
    config = serializers.DictField()
    unavailable_because = serializers.SerializerMethodField(
        help_text="What keeps it from running here as it is configured; null where nothing is known to."
    )
    updated_at = Moment(allow_null=True, help_text="Null where the workspace says nothing.")

    def get_name(self, setting: PluginSetting) -> str:
        """What people call it."""
        return PLUGINS[setting.plugin].name

    def get_description(self, setting: PluginSetting) -> str:
        """What it does."""
        return PLUGINS[setting.plugin].about

    def get_unavailable_because(self, setting: PluginSetting) -> str | None:
        """As a sentence that begins with the field."""
        missing = plugin_settings.missing_of(setting)
        return f"{missing.at(setting.plugin)} {missing.reason}" if missing else None


PLUGIN_ANSWER = answer("PluginAnswer", data=PluginShape())
PLUGIN_LIST = answer("PluginList", data=PluginShape(many=True))


@extend_schema_field({"anyOf": [_schema(plugin) for plugin in PLUGINS.values()]})
class ConfigField(Anything):
    """A plugin's configuration; the plugin judges it."""


class PluginChange(StrictSerializer):
    """What can be set; what is left out stays as it is. `config` is replaced as a whole, null empties it."""

    enabled = Flag(source="is_enabled", required=False)
    prevent_overrides = Flag(source="is_override_prevented", required=False)
    config = ConfigField(allow_null=True, required=False)

    def validate_config(self, value: Any) -> Any:  # judged by the plugin
        return {} if value is None else value


class PluginsView(WorkspaceView):
    """All plugins."""

    permission = Permission.WORKSPACE_CONFIGURE

    @extend_schema(
        operation_id="listWorkspacePlugins",
        tags=["Plugins"],
        parameters=[ID],
        responses={200: PLUGIN_LIST, **errors(401, 403, 404)},
    )
    def get(self, request: Request, **address: str) -> Response:
        settings = plugin_settings.settings_of(self.workspace)
        return Response({"data": PluginShape(settings, many=True).data})


class PluginView(WorkspaceView):
    """One plugin."""

    permission = Permission.WORKSPACE_CONFIGURE
    refusals = {NotValid: 400, WorkspaceGone: 404}
    plugin: str

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if kwargs["plugin"] not in PLUGINS:
            raise not_found()
        self.plugin = kwargs["plugin"]

    @extend_schema(
        operation_id="getWorkspacePlugin",
        tags=["Plugins"],
        parameters=[ID, PLUGIN],
        responses={200: PLUGIN_ANSWER, **errors(401, 403, 404)},
    )
    def get(self, request: Request, **address: str) -> Response:
        setting = plugin_settings.setting_of(self.workspace, self.plugin)
        return Response({"data": PluginShape(setting).data})

    @extend_schema(
        operation_id="updateWorkspacePlugin",
        tags=["Plugins"],
        parameters=[ID, PLUGIN],
        request=PluginChange,
        responses={200: PLUGIN_ANSWER, **errors(400, 401, 403, 404)},
    )
    def patch(self, request: Request, **address: str) -> Response:
        body = PluginChange(data=request.data)
        body.is_valid(raise_exception=True)
        setting = plugin_settings.change(
            workspace=self.workspace, plugin=self.plugin, by=self.actor, **body.validated_data
        )
        return Response({"data": PluginShape(setting).data})

    @extend_schema(
        operation_id="resetWorkspacePlugin",
        tags=["Plugins"],
        parameters=[ID, PLUGIN],
        responses={200: DeletedAnswer, **errors(401, 403, 404)},
    )
    def delete(self, request: Request, **address: str) -> Response:
        plugin_settings.reset(workspace=self.workspace, plugin=self.plugin, by=self.actor)
        return Response({"deleted": True})
