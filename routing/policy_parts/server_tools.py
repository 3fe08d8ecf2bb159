"""Which server tools a workspace does not want to be used."""

from __future__ import annotations

from routing.tools import tool_named
from workspaces.models import Workspace


def disabled_tools_of(workspace: Workspace) -> frozenset[str]:
    """Their slugs, however the workspace spells them; what is no tool here means nothing."""
    named = [tool_named(name) for name in workspace.disabled_server_tools or () if isinstance(name, str)]
    return frozenset([tool.slug for tool in named if tool is not None])
