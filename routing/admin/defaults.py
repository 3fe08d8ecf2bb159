"""What a workspace says when requests do not: about plugins, and about routing."""

from __future__ import annotations

from django import forms
from django.contrib import admin

from accounts.doors import through_admin
from config.lib.admin import ScopedModelAdmin
from config.lib.admin_declared import form_fields
from config.lib.admin_fields import choice
from config.lib.admin_lists import one_of
from config.lib.declared import NotValid
from routing import plugin_settings, routing_defaults
from routing.models import PluginSetting, RoutingDefaults
from routing.plugins import PLUGINS
from routing.routing_defaults import PREFERENCES, SWITCHES
from workspaces.locking import WorkspaceGone

PREFIX = "config_"
PREFERENCE_NAMES = tuple(field.name for field in PREFERENCES)


class PluginSettingForm(forms.ModelForm):
    """A plugin's switches; its configuration follows when it is known which plugin it is."""

    plugin = choice([(slug, plugin.name) for slug, plugin in PLUGINS.items()])

    class Meta:
        model = PluginSetting
        fields = ("workspace", "plugin", "is_enabled", "is_override_prevented")
        labels = {"is_enabled": "Enabled", "is_override_prevented": "Prevent overrides"}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.initial.update({f"{PREFIX}{name}": value for name, value in self.instance.config.items()})


@admin.register(PluginSetting)
class PluginSettingAdmin(ScopedModelAdmin):
    """One default per workspace and plugin; deleting it makes the workspace say nothing."""

    may = administrators_may = frozenset({"view", "add", "change", "delete"})
    refusals = {NotValid: None, WorkspaceGone: "workspace"}
    form = PluginSettingForm
    list_display = (
        "plugin",
        "workspace",
        "is_enabled",
        "is_override_prevented",
        "unavailable_because",
        "organization",
        "updated_at",
    )
    list_select_related = ("workspace", "organization")
    list_filter = ("organization", "workspace", one_of("plugin", tuple(PLUGINS)), "is_enabled")
    autocomplete_fields = ("workspace",)

    def get_form(self, request, obj=None, change=False, **kwargs):
        """With the fields that the plugin declares."""
        if obj is not None and obj.plugin in PLUGINS:
            fields = form_fields(PLUGINS[obj.plugin].fields, PREFIX)
            kwargs["form"] = type("DeclaredForm", (PluginSettingForm,), {"plugin": None, **fields})
        return super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request, obj=None):
        if obj is None:
            return ("workspace", "plugin", "is_enabled", "is_override_prevented")
        declared = PLUGINS[obj.plugin].fields if obj.plugin in PLUGINS else ()
        configured = [f"{PREFIX}{field.name}" for field in declared]
        switches = ("is_enabled", "is_override_prevented")
        return ("workspace", "plugin", *switches, *configured, "unavailable_because", "updated_at")

    def get_readonly_fields(self, request, obj=None):
        return () if obj is None else ("workspace", "plugin", "unavailable_because", "updated_at")

    @admin.display(description="Cannot run here because")
    def unavailable_because(self, row):
        """What its requests are refused for."""
        missing = plugin_settings.missing_of(row) if row.plugin in PLUGINS else None
        return f"{missing.at(row.plugin)} {missing.reason}" if missing else None

    def create_row(self, request, values):
        return plugin_settings.change(**values, by=through_admin(request))

    def change_row(self, request, row, changes):
        said = {
            name.removeprefix(PREFIX): value for name, value in changes.items() if name.startswith(PREFIX)
        }
        columns = {name: value for name, value in changes.items() if not name.startswith(PREFIX)}
        return plugin_settings.change(
            workspace=row.workspace,
            plugin=row.plugin,
            config=row.config | said,
            **columns,
            by=through_admin(request),
        )

    def remove_row(self, request, row):
        plugin_settings.reset(workspace=row.workspace, plugin=row.plugin, by=through_admin(request))


class _RoutingForm(forms.ModelForm):
    class Meta:
        model = RoutingDefaults
        fields = ("workspace", *PREFERENCE_NAMES, *sorted(SWITCHES))
        labels = {"is_auto_exacto_enabled": "Auto exacto", "is_stickiness_enabled": "Sticky sessions"}


RoutingForm = type("RoutingForm", (_RoutingForm,), form_fields(PREFERENCES))
"""With the preferences as they are declared."""


@admin.register(RoutingDefaults)
class RoutingDefaultsAdmin(ScopedModelAdmin):
    """A workspace's preferences; its sort, models and strictness are on the workspace's own page."""

    may = administrators_may = frozenset({"view", "add", "change", "delete"})
    refusals = {NotValid: None, WorkspaceGone: "workspace"}
    form = RoutingForm
    list_display = ("workspace", "organization", "zdr", "data_collection", "is_auto_exacto_enabled")
    list_select_related = ("workspace", "organization")
    list_filter = ("organization", "workspace")
    autocomplete_fields = ("workspace",)

    def get_fields(self, request, obj=None):
        fields = ("workspace", *PREFERENCE_NAMES, *sorted(SWITCHES))
        return fields if obj is None else (*fields, "updated_at")

    def get_readonly_fields(self, request, obj=None):
        return () if obj is None else ("workspace", "updated_at")

    def create_row(self, request, values):
        return self._change(request, values.pop("workspace"), values)

    def change_row(self, request, row, changes):
        return self._change(request, row.workspace, changes)

    def remove_row(self, request, row):
        routing_defaults.reset(workspace=row.workspace, by=through_admin(request))

    def _change(self, request, workspace, values):
        provider = {name: value for name, value in values.items() if name in PREFERENCE_NAMES}
        switches = {name: value for name, value in values.items() if name in SWITCHES}
        columns = routing_defaults.read_provider(provider) | switches
        return routing_defaults.change(workspace=workspace, **columns, by=through_admin(request))
