"""Holding a workspace still while settings that belong together are written."""

from __future__ import annotations

from django.db import connections

from workspaces.models import Workspace

HOLD_SQL = "SELECT FROM workspace WHERE id = %s AND organization_id = %s FOR SHARE"


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


def hold_workspace(workspace: Workspace) -> None:
    """Keep those out who lock the workspace, until the transaction ends: whoever puts a key into it, or gives one to
    somebody, and who sets a budget for all keys in it, must not miss each other.

    Before keys and members are locked, as those who lock the workspace do. One that is deleted is held too.
    """
    with connections["default"].cursor() as cursor:  # the ORM has no FOR SHARE
        cursor.execute(HOLD_SQL, [workspace.pk, workspace.organization_id])
