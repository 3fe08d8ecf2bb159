"""A workspace's defaults for plugins: whether they run, how, and whether requests may say otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.revisions import Action, Actor, Change, Scope, record, snapshot
from config.lib.declared import NotValid
from config.lib.environment import environment
from routing.models import PluginSetting
from routing.plugin_services import operator_of
from routing.plugins import PLUGINS
from routing.plugins.operator import Missing
from workspaces.locking import lock_workspace
from workspaces.models import Workspace

CHANGEABLE = frozenset({"is_enabled", "is_override_prevented", "config"})


def change(*, workspace: Workspace, plugin: str, by: Actor, **changes: Any) -> PluginSetting:
    """Change a plugin's default; what is left out stays as it is. Raises NotValid, WorkspaceGone.

    What is on must be able to run here: each request of the workspace would be refused otherwise.
    """
    unknown = changes.keys() - CHANGEABLE
    if unknown:
        raise TypeError(f"a plugin's default has no changeable {', '.join(sorted(unknown))}")
    if "config" in changes:
        changes["config"] = PLUGINS[plugin].read_config(changes["config"])
    with transaction.atomic():
        locked = lock_workspace(workspace)
        setting = PluginSetting.objects.for_workspace(locked).filter(plugin=plugin).first()
        before = snapshot(setting) if setting else None
        if setting is None:
            organization = locked.organization_id
            setting = PluginSetting(organization_id=organization, workspace=locked, plugin=plugin)
        for name, value in changes.items():
            setattr(setting, name, value)
        if setting.is_enabled and (missing := missing_of(setting)) is not None:
            raise NotValid(missing.at("config") if missing.field else "enabled", missing.reason)
        setting.updated_at = timezone.now()
        setting.save()
        _record("update" if before else "create", setting, before, by)
    return setting


def reset(*, workspace: Workspace, plugin: str, by: Actor) -> None:
    """Forget what the workspace says about a plugin; nothing said is no error. Raises WorkspaceGone."""
    with transaction.atomic():
        locked = lock_workspace(workspace)
        _delete(PluginSetting.objects.for_workspace(locked).filter(plugin=plugin), by)


def delete_with_workspace(workspace: Workspace, by: Actor) -> None:
    """Remove all defaults of a workspace that is being deleted; fills `workspace_deleting`."""
    _delete(PluginSetting.objects.for_workspace(workspace).order_by("pk"), by)


def settings_of(workspace: Workspace) -> list[PluginSetting]:
    """What the workspace says about each plugin there is, in the plugins' order; unsaved where it says nothing."""
    said = {row.plugin: row for row in PluginSetting.objects.for_workspace(workspace)}
    return [said.get(slug) or _silence(workspace, slug) for slug in PLUGINS]


def setting_of(workspace: Workspace, plugin: str) -> PluginSetting:
    """What the workspace says about a plugin; unsaved where it says nothing."""
    found = PluginSetting.objects.for_workspace(workspace).filter(plugin=plugin).first()
    return found or _silence(workspace, plugin)


def missing_of(setting: PluginSetting) -> Missing | None:
    """What keeps the plugin from running here as it is configured; None where nothing is known to."""
    return PLUGINS[setting.plugin].missing(setting.config, operator_of(environment()))


def _silence(workspace: Workspace, plugin: str) -> PluginSetting:
    setting = PluginSetting(organization_id=workspace.organization_id, workspace=workspace, plugin=plugin)
    setting.updated_at = None  # type: ignore[assignment]  # nobody said anything yet
    return setting


def _delete(settings: Iterable[PluginSetting], by: Actor) -> None:
    for setting in list(settings):
        _record("delete", setting, snapshot(setting), by)
        setting.delete()


def _record(action: Action, setting: PluginSetting, before: dict[str, Any] | None, by: Actor) -> None:
    record(
        Change(
            action=action,
            row=setting,
            before=before,
            after=None if action == "delete" else snapshot(setting),
            touches=(Scope("workspace", setting.workspace_id),),
            organization_id=setting.organization_id,
            workspace_id=setting.workspace_id,
        ),
        by=by,
    )
