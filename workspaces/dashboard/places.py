"""Ways to a workspace: the root address, an organization's address, and the picker."""

from __future__ import annotations

from typing import cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.dashboard.pages import OrganizationView
from accounts.models import User
from accounts.permissions import Permission
from accounts.standing import memberships_of
from config.lib.dashboard import DashboardView
from workspaces.dashboard.pages import named_workspace, remembered_membership, remembered_workspace
from workspaces.dashboard.preferences import OPENS
from workspaces.members import workspaces_of

LISTED = 50


class RootView(DashboardView):
    """`/` leads to where the person was last."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Go there, or say that there is nowhere to go."""
        membership = remembered_membership(request, memberships_of(cast(User, request.user)))
        if membership is None:
            return self.page("workspaces/nowhere.html")
        return redirect("dashboard:organization", organization=membership.organization.slug)


class OrganizationRootView(OrganizationView):
    """`/o/{organization}/` leads to the preferred or the last workspace there, or to its list of workspaces."""

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        """Go there."""
        preferred = request.COOKIES.get(OPENS, "")
        workspace = named_workspace(self.membership, preferred) if preferred else None
        workspace = workspace or remembered_workspace(request, self.membership)
        if workspace is None:
            return redirect("dashboard:workspaces", organization=self.organization.slug)
        return redirect("dashboard:home", organization=self.organization.slug, workspace=workspace.slug)


class WorkspacesView(OrganizationView):
    """`/o/{organization}/workspaces`: the person's workspaces, as a page or as the picker's list."""

    section = "workspaces"

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        """Those whose name or slug contains `q`."""
        sought = self.asked("q")
        found = list(
            workspaces_of(self.membership)
            .named_like(sought)
            .order_by("-is_default", "name", "pk")[: LISTED + 1]
        )
        return self.page(
            "workspaces/workspaces.html",
            workspaces=found[:LISTED],
            has_more=len(found) > LISTED,
            sought=sought,
            may_create=self.may(Permission.WORKSPACE_CREATE),
        )
