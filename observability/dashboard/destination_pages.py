"""What the pages of destinations share: whose they are, who may change them, and where they lead."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect

from accounts.permissions import Permission
from observability.dashboard.marks import mark_of
from observability.destinations import DESTINATIONS
from observability.models import Destination
from observability.models.destination import DestinationQuerySet
from workspaces.dashboard.pages import WorkspaceView


class DestinationsPage(WorkspaceView):
    """What the pages share."""

    permission = Permission.WORKSPACE_CONFIGURE
    section = "observability"

    def destinations(self) -> DestinationQuerySet:
        """The workspace's live ones, of kinds that there are."""
        rows: DestinationQuerySet = Destination.objects.for_workspace(self.workspace).live()
        return rows.filter(type__in=DESTINATIONS)

    @property
    def may_reach_everywhere(self) -> bool:
        """Whether this person may change what other workspaces have, too."""
        return self.may(Permission.ACCOUNT_MANAGE)

    def to_list(self) -> HttpResponse:
        """Go back to the list."""
        return redirect(
            "dashboard:destinations", organization=self.organization.slug, workspace=self.workspace.slug
        )

    def to_destination(self, destination: Destination) -> HttpResponse:
        """Go to the page of one."""
        return redirect(
            "dashboard:destination",
            organization=self.organization.slug,
            workspace=self.workspace.slug,
            destination=destination.public_id,
        )


class DestinationPage(DestinationsPage):
    """A page about one destination."""

    destination: Destination

    def enter(self) -> None:
        super().enter()
        found = (
            self.destinations()
            .filter(public_id=self.kwargs["destination"])
            .select_related("source__workspace")
        )
        destination = found.first()
        if destination is None:
            raise Http404
        self.destination = destination

    def require_reach(self) -> None:
        """Whoever changes what is in other workspaces, too, administers the organization."""
        if self.destination.is_everywhere or self.destination.source_id is not None:
            self.require(Permission.ACCOUNT_MANAGE)

    def about(self) -> dict[str, Any]:
        """What all of these pages name."""
        is_shared = self.destination.is_everywhere or self.destination.source_id is not None
        return {
            "destination": self.destination,
            "kind": DESTINATIONS[self.destination.type],
            "mark": mark_of(self.destination.type),
            "may_change": self.may_reach_everywhere or not is_shared,
            "may_see_source": self.may_reach_everywhere,
        }
