"""The base of every page of an organization: the address alone says whose, and the table says whether."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, ClassVar, cast

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest

from accounts.dashboard.navigation import GROUPS, Reader
from accounts.models import Membership, Organization, User
from accounts.permissions import NotPermitted, NotYours, Permission, Standing, may, require
from accounts.revisions import Actor
from accounts.standing import memberships_of, standing_of
from config.lib.api import client_address
from config.lib.dashboard import DashboardView
from config.lib.registry import Slot
from config.lib.scoping import enter_tenant

workspace_in_header: Slot[[HttpRequest, Membership], Any] = Slot("workspace_in_header")
"""Called on pages of the account; answers the workspace that the header and the navigation name."""

workspace_named: Slot[[Membership, str], Any] = Slot("workspace_named")
"""Answers the workspace with this slug if the member may see it, else None."""
standing_in_workspace: Slot[[Any, User], Standing] = Slot("standing_in_workspace")
"""Called on pages of the account for members who do not administer it; answers what they are in the workspace."""


@contextmanager
def answered_as_pages() -> Iterator[None]:
    """Turn the permission table's two refusals into Django's."""
    try:
        yield
    except NotPermitted as refusal:
        raise PermissionDenied(str(refusal)) from refusal
    except NotYours as refusal:
        raise Http404 from refusal


class OrganizationView(DashboardView):
    """A page of the organization whose slug is in the address."""

    permission: ClassVar[Permission | None] = None
    """What the table is asked; None: every member may come, and sees what is his."""

    user: User
    memberships: list[Membership]
    membership: Membership
    organization: Organization
    standing: Standing

    def enter(self) -> None:
        """Resolve the organization, scope the request to it and ask the table."""
        self.user = cast(User, self.request.user)
        self.memberships = memberships_of(self.user)
        self.membership = self._named_membership(self.kwargs["organization"])
        self.organization = self.membership.organization
        enter_tenant(self.organization.pk)
        self.standing = self.resolve_standing()
        if self.permission is not None:
            self.require(self.permission)

    def resolve_standing(self) -> Standing:
        """What this person is here."""
        return standing_of(self.membership)

    def require(self, permission: Permission) -> None:
        """Pass, or end the request as the table says. What is one's own is for the query to find."""
        with answered_as_pages():
            require(self.standing, permission, is_own=True)

    def may(self, permission: Permission) -> bool:
        """Whether the table lets this person do it, for buttons and choices."""
        return may(self.standing, permission)

    @property
    def actor(self) -> Actor:
        """Who changes something here."""
        return Actor(door="dashboard", user=self.user, address=client_address(self.request))

    def header_workspace(self) -> Any:
        """The workspace that the frame names."""
        return next(iter(workspace_in_header(self.request, self.membership)), None)

    def header_standing(self, workspace: Any) -> Standing:
        """What this person is in the workspace that the frame names."""
        if self.membership.role == Membership.ADMIN or workspace is None:
            return standing_of(self.membership)
        return next(iter(standing_in_workspace(workspace, self.user)), self.standing)

    @cached_property
    def place(self) -> Any:
        """The workspace that the frame names, found once."""
        return self.header_workspace()

    @cached_property
    def reader(self) -> Reader:
        """For whom links of the frame and of the palette are made."""
        here, whole = self.header_standing(self.place), standing_of(self.membership)
        return Reader(
            organization=self.organization.slug,
            workspace=self.place.slug if self.place else "",
            may_here=lambda permission: may(here, permission, is_own=True),
            may_in_organization=lambda permission: may(whole, permission, is_own=True),
            section=self.section,
        )

    def context(self) -> dict[str, Any]:
        whole = standing_of(self.membership)
        return super().context() | {
            "organization": self.organization,
            "membership": self.membership,
            "memberships": self.memberships,
            "workspace": self.place,
            "navigation": self.reader.links(GROUPS),
            "may_create_workspace": may(whole, Permission.WORKSPACE_CREATE),
            "may_see_audit_log": may(whole, Permission.ACCOUNT_MANAGE),
            "may_manage_account": may(whole, Permission.ACCOUNT_MANAGE),
            "may_administer": self.user.is_superuser
            or any(row.role == Membership.ADMIN for row in self.memberships),
        }

    def _named_membership(self, slug: str) -> Membership:
        for membership in self.memberships:
            if membership.organization.slug.lower() == slug.lower():
                return membership
        raise Http404
