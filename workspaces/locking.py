"""Holding a workspace still while settings that belong together are written."""

from __future__ import annotations

from workspaces.models import Workspace


class WorkspaceGone(Exception):
    """The workspace was deleted meanwhile."""


def lock_workspace(workspace: Workspace) -> Workspace:
    """The workspace with its row locked: what asks for it is written one at a time. Raises WorkspaceGone."""
    rows = Workspace.objects.for_organization(workspace.organization_id).live()
    locked: Workspace | None = (
        rows.select_for_update(of=("self",), no_key=True).filter(pk=workspace.pk).first()
    )
    if locked is None:
        raise WorkspaceGone
    return locked
