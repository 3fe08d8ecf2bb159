"""The base of every page of a workspace, and which one a person was in last."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.dashboard.pages import OrganizationView
from accounts.models import Membership
from accounts.permissions import Standing
from workspaces.members import standing_of_member, workspaces_of
from workspaces.models import Workspace

PLACE = "place"
"""The session's key for the last workspace. It only chooses where a link leads; the address decides."""


class WorkspaceView(OrganizationView):
    """A page of the workspace whose slug is in the address."""

    workspace: Workspace

    def resolve_standing(self) -> Standing:
        """Find the workspace, and what this person is in it."""
        live = Workspace.objects.for_organization(self.organization).live()
        found = live.filter(slug=self.kwargs["workspace"].lower()).first()
        if found is None:
            raise Http404
        found.organization = self.organization  # read already
        self.workspace = found
        return standing_of_member(found, self.membership)

    def address(self, name: str, **more: str) -> str:
        """The address of another page of this workspace."""
        places = {"organization": self.organization.slug, "workspace": self.workspace.slug}
        return reverse(f"dashboard:{name}", kwargs=places | more)

    def go_to(self, name: str, **more: str) -> HttpResponse:
        """Go to another page of this workspace."""
        return redirect(self.address(name, **more))

    def enter(self) -> None:
        super().enter()
        remember(self.request, self.workspace)

    def header_workspace(self) -> Workspace:
        return self.workspace

    def header_standing(self, workspace: Any) -> Standing:
        """The one that is known already."""
        return self.standing


def remember(request: HttpRequest, workspace: Workspace) -> None:
    """Keep in the session where this person was."""
    place = [workspace.organization_id, workspace.slug]
    if request.session.get(PLACE) != place:
        request.session[PLACE] = place


def remembered_workspace(request: HttpRequest, membership: Membership) -> Workspace | None:
    """The last workspace in this organization if it may still be seen, else the Default one or any other.

    Fills `workspace_in_header`.
    """
    organization_id, slug = request.session.get(PLACE, (None, ""))
    mine = workspaces_of(membership)
    if organization_id == membership.organization_id:
        last = mine.filter(slug=slug).first()
        if last is not None:
            return last
    return mine.order_by("-is_default", "name", "pk").first()


def named_workspace(membership: Membership, slug: str) -> Workspace | None:
    """The workspace of this address, if the member may see it. Fills `workspace_named`."""
    if "\x00" in slug:  # cookies can hold it, PostgreSQL cannot
        return None
    found: Workspace | None = workspaces_of(membership).filter(slug=slug.lower()).first()
    return found


def remembered_membership(request: HttpRequest, memberships: list[Membership]) -> Membership | None:
    """The membership in the organization that the person was in last, else in his default one, else the first."""
    if not memberships:
        return None
    by_organization = {row.organization_id: row for row in memberships}
    wanted: list[Any] = [
        request.session.get(PLACE, (None, ""))[0],
        memberships[0].user.default_organization_id,
    ]
    return next((by_organization[pk] for pk in wanted if pk in by_organization), memberships[0])
