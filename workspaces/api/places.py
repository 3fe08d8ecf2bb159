"""Finding the workspace that an address or a body names."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request

from accounts.api.views import ManagementView
from accounts.permissions import Permission
from config.lib.api_errors import ApiError, not_found
from workspaces.models import Workspace
from workspaces.models.workspace import WorkspaceQuerySet


class WorkspaceView(ManagementView):
    """A view under `/workspaces/{id}`: the id or slug of a live workspace of the key's organization."""

    permission = Permission.WORKSPACE_SEE
    workspace: Workspace

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        workspace = live_workspaces(self.organization_id).addressed(kwargs["id"]).first()
        if workspace is None:
            raise not_found()
        self.workspace = workspace


def live_workspaces(organization_id: int) -> WorkspaceQuerySet:
    """The organization's workspaces."""
    workspaces: WorkspaceQuerySet = Workspace.objects.for_organization(organization_id).live()
    return workspaces


def referenced_workspace(organization_id: int, reference: str | None, *, missing: int = 400) -> Workspace:
    """The workspace that `workspace_id` names, the Default one when it names none. Raises ApiError.

    `missing` is the status for a foreign or unknown one: 400 in a body, 404 in a query string.
    """
    workspaces = live_workspaces(organization_id)
    if reference is None:
        default = workspaces.filter(is_default=True).first()
        if default is None:
            raise ApiError(400, "workspace_id: must be given, as there is no default workspace.")
        return default
    workspace = workspaces.addressed(reference).first()
    if workspace is None:
        raise not_found() if missing == 404 else ApiError(400, "workspace_id: there is no such workspace.")
    return workspace
