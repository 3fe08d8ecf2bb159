"""The workspaces that people can be invited into, and the seats that an accepted invitation gives."""

from __future__ import annotations

from accounts.invitations import Place
from accounts.models import Invitation, Membership, Organization
from accounts.revisions import Actor
from workspaces import members
from workspaces.models import Workspace


def on_offer(organization: Organization) -> list[Place]:
    """The live workspaces by name; fills `workspaces_on_offer`."""
    live = Workspace.objects.for_organization(organization).live().order_by("name", "pk")
    columns = live.values_list("public_id", "slug", "name", "is_default")
    return [Place(str(public_id), slug, name, is_default) for public_id, slug, name, is_default in columns]


def take_seats(invitation: Invitation, membership: Membership, by: Actor) -> None:
    """Put the new member where he was invited to, as far as it is still there; fills `invitation_accepted`."""
    live = Workspace.objects.for_organization(invitation.organization_id).live().filter(is_default=False)
    for workspace in live.filter(public_id__in=invitation.workspaces).order_by("pk"):
        members.add(workspace=workspace, membership=membership, by=by)
