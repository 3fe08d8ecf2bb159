"""How a workspace's requests are routed when they do not say."""

from __future__ import annotations

from routing.gateway.dialects.preferences import PREFERENCES, read_preferences
from routing.models import RoutingDefaults as Row
from routing.policy import NO_ROUTING_DEFAULTS, RoutingDefaults
from workspaces.models import Workspace


def routing_of(workspace: Workspace, *, using: str) -> RoutingDefaults:
    """The workspace's preferences, read as a request's `provider` object would be, and its switches."""
    row = Row.objects.using(using).for_workspace(workspace).first()
    said = {name: value for name in PREFERENCES if (value := getattr(row, name, None)) is not None}
    if workspace.default_provider_sort:
        said["sort"] = workspace.default_provider_sort
    if row is None and not said:
        return NO_ROUTING_DEFAULTS
    preferences = read_preferences({"provider": said} if said else {})
    if row is None:
        return RoutingDefaults(preferences)
    return RoutingDefaults(preferences, row.is_auto_exacto_enabled, row.is_stickiness_enabled)
