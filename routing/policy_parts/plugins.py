"""What a workspace says about plugins."""

from __future__ import annotations

from collections.abc import Mapping

from routing.models import PluginSetting
from routing.plugins import PLUGINS
from routing.policy import PluginDefault
from workspaces.models import Workspace


def plugins_of(workspace: Workspace, *, using: str) -> Mapping[str, PluginDefault]:
    """The workspace's defaults by the plugin's slug, in the plugins' order."""
    rows = {row.plugin: row for row in PluginSetting.objects.using(using).for_workspace(workspace)}
    return {
        slug: PluginDefault(row.is_enabled, row.is_override_prevented, row.config)
        for slug in PLUGINS
        if (row := rows.get(slug))
    }
