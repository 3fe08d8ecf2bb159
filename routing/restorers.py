"""How this app's objects are brought back to a recorded state; fills `accounts.restoring.restorers` (SPEC §13.4)."""

from __future__ import annotations

from typing import Any

from accounts.restoring import CannotRestore, Recorded, restorers
from accounts.revisions import Actor
from config.lib.declared import NotValid
from routing import guardrail_restoring, plugin_settings, presets, routing_defaults
from routing.byok_restoring import restore_credential
from routing.models import PluginSetting, Preset, PresetVersion, RoutingDefaults
from routing.plugins import PLUGINS
from routing.private_restoring import restore_private_endpoint
from workspaces.locking import WorkspaceGone
from workspaces.models import Workspace


def fill() -> None:
    """Put this app's restorers in their places."""
    restorers.fill("byokcredential", restore_credential)
    restorers.fill("guardrail", guardrail_restoring.restore_guardrail)
    restorers.fill("keyassignment", guardrail_restoring.restore_key_assignment)
    restorers.fill("memberassignment", guardrail_restoring.restore_member_assignment)
    restorers.fill("preset", restore_preset)
    restorers.fill("pluginsetting", restore_plugin_setting)
    restorers.fill("privateendpoint", restore_private_endpoint)
    restorers.fill("routingdefaults", restore_routing_defaults)


def restore_preset(recorded: Recorded, by: Actor) -> None:
    """Name, description, status and designated version as they were; versions are still there. Raises CannotRestore."""
    rows = Preset.objects.for_organization(recorded.organization_id).select_related("workspace")
    preset = rows.filter(pk=recorded.object_id).first()
    if preset is None:
        raise CannotRestore("The preset is not there any more.")
    try:
        if recorded.state is not None:
            bring_back = presets.change if preset.deleted_at is None else presets.revive
            bring_back(preset=preset, by=by, **_preset_columns(preset, recorded.state))
        elif preset.deleted_at is None:
            presets.delete(preset=preset, by=by)
    except (presets.PresetGone, WorkspaceGone) as error:
        raise CannotRestore(str(error) or "The workspace was deleted.") from error


def restore_plugin_setting(recorded: Recorded, by: Actor) -> None:
    """A plugin's default as it was. Raises CannotRestore."""
    if recorded.state is None:
        rows = PluginSetting.objects.for_organization(recorded.organization_id).select_related("workspace")
        found = rows.filter(pk=recorded.object_id).first()
        if found is not None:
            plugin_settings.reset(workspace=found.workspace, plugin=found.plugin, by=by)
        return
    if recorded.state["plugin"] not in PLUGINS:
        raise CannotRestore("The plugin is not there any more.")
    columns = {name: recorded.state[name] for name in sorted(plugin_settings.CHANGEABLE)}
    workspace = _workspace(recorded)
    try:
        plugin_settings.change(workspace=workspace, plugin=recorded.state["plugin"], by=by, **columns)
    except NotValid as error:
        raise CannotRestore(str(error)) from error


def restore_routing_defaults(recorded: Recorded, by: Actor) -> None:
    """A workspace's routing defaults as they were; its own columns are its own to restore. Raises CannotRestore."""
    names = sorted(routing_defaults.CHANGEABLE - routing_defaults.OF_WORKSPACE)
    if recorded.state is not None:
        columns = {name: recorded.state[name] for name in names}
        routing_defaults.change(workspace=_workspace(recorded), by=by, **columns)
        return
    rows = RoutingDefaults.objects.for_organization(recorded.organization_id).select_related("workspace")
    found = rows.filter(pk=recorded.object_id).first()
    if found is not None:
        routing_defaults.reset(workspace=found.workspace, by=by)


def _preset_columns(preset: Preset, state: dict[str, Any]) -> dict[str, Any]:
    columns = {name: state[name] for name in ("name", "description", "status")}
    versions = PresetVersion.objects.for_organization(preset.organization_id).filter(preset=preset)
    columns["designated_version"] = versions.filter(pk=state["designated_version_id"]).first()
    return columns


def _workspace(recorded: Recorded) -> Workspace:
    workspaces = Workspace.objects.for_organization(recorded.organization_id).live()
    found: Workspace | None = workspaces.filter(pk=(recorded.state or {})["workspace_id"]).first()
    if found is None:
        raise CannotRestore("The workspace was deleted.")
    return found
