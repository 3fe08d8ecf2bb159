"""Who is in which workspace, and what that makes of him."""

from __future__ import annotations

from django.db import transaction
from django.db.models import CharField, F, Q, Value

from accounts.models import Membership, User
from accounts.models.membership import MembershipQuerySet
from accounts.object_permissions import Grant, derive
from accounts.permissions import Standing
from accounts.revisions import Actor, Change, Scope, record, snapshot
from workspaces.models import ApiKey, Workspace, WorkspaceMember
from workspaces.models.workspace import WorkspaceQuerySet

ADMINISTER_WORKSPACE = "workspaces.administer_workspace"


class HasActiveKeys(Exception):
    """A member who owns active keys in a workspace cannot be removed from it."""

    def __init__(self, keys: list[ApiKey]) -> None:
        self.keys = keys
        super().__init__("The member owns active API keys here: " + ", ".join(key.name for key in keys) + ".")


class DefaultWorkspace(Exception):
    """Everybody is in the Default workspace; nobody is added to it or removed from it."""


class NotInOrganization(Exception):
    """Only members of the workspace's organization can be put into it."""


def is_member(membership: Membership, workspace: Workspace) -> bool:
    """Whether a live member of the organization is in the workspace; administrators and the Default are implicit."""
    if membership.organization_id != workspace.organization_id or membership.removed_at is not None:
        return False
    if workspace.is_default or membership.role == Membership.ADMIN:
        return True
    return WorkspaceMember.objects.for_workspace(workspace).filter(membership=membership).exists()


def standing_in(workspace: Workspace, user: User) -> Standing:
    """What a user is with respect to a workspace, for accounts.permissions."""
    memberships = Membership.objects.for_organization(workspace.organization_id).live()
    membership = memberships.filter(user=user).first()
    return Standing.STRANGER if membership is None else standing_of_member(workspace, membership)


def standing_of_member(workspace: Workspace, membership: Membership) -> Standing:
    """What a live member of the workspace's organization is with respect to the workspace."""
    if membership.role == Membership.ADMIN:
        return Standing.ORGANIZATION_ADMIN
    seat = WorkspaceMember.objects.for_workspace(workspace).filter(membership=membership).first()
    if seat is not None and seat.role == Membership.ADMIN:
        return Standing.WORKSPACE_ADMIN
    return Standing.WORKSPACE_MEMBER if seat or workspace.is_default else Standing.ORGANIZATION_MEMBER


def workspaces_of(membership: Membership) -> WorkspaceQuerySet:
    """The live workspaces that a member may see: all of them for an administrator."""
    workspaces: WorkspaceQuerySet = Workspace.objects.for_organization(membership.organization_id).live()
    if membership.role == Membership.ADMIN:
        return workspaces
    return workspaces.filter(Q(is_default=True) | Q(members__membership=membership)).distinct()


def members_of(workspace: Workspace) -> list[tuple[Membership, str]]:
    """The workspace's members with their role in it, administrators of the organization included only if listed."""
    memberships = Membership.objects.for_organization(workspace.organization_id).live().select_related("user")
    if workspace.is_default:
        return [(row, row.role) for row in memberships.order_by("created_at", "pk")]
    seats = WorkspaceMember.objects.for_workspace(workspace).select_related("membership__user")
    live = seats.filter(membership__removed_at=None, membership__user__is_active=True)
    return [
        (seat.membership, seat.role or seat.membership.role) for seat in live.order_by("created_at", "pk")
    ]


def seats_of(workspace: Workspace) -> MembershipQuerySet:
    """The same members to search and page through, each with `seat_role` (of a mapping, else None) and `seated_at`."""
    memberships: MembershipQuerySet = Membership.objects.for_organization(workspace.organization_id).live()
    rows = memberships.select_related("user")
    if workspace.is_default:
        return rows.annotate(seat_role=Value(None, CharField(null=True)), seated_at=F("created_at"))
    listed = rows.filter(workspaces__workspace=workspace)
    return listed.annotate(seat_role=F("workspaces__role"), seated_at=F("workspaces__created_at"))


def candidates_for(workspace: Workspace) -> MembershipQuerySet:
    """The members of the organization who could be added to the workspace: nobody to the Default one."""
    memberships: MembershipQuerySet = Membership.objects.for_organization(workspace.organization_id).live()
    if workspace.is_default:
        return memberships.none()
    return memberships.select_related("user").exclude(workspaces__workspace=workspace)


def add(*, workspace: Workspace, membership: Membership, by: Actor) -> WorkspaceMember:
    """Put a member into a workspace; adding somebody twice changes nothing.

    Raises DefaultWorkspace, NotInOrganization.
    """
    if membership.organization_id != workspace.organization_id or membership.removed_at is not None:
        raise NotInOrganization("Only members of the workspace's organization can be added to it.")
    if workspace.is_default:
        raise DefaultWorkspace("Every member is in the Default workspace already.")
    with transaction.atomic():
        seat, is_new = WorkspaceMember.objects.for_workspace(workspace).get_or_create(
            membership=membership,
            workspace=workspace,
            defaults={"organization_id": workspace.organization_id},
        )
        if is_new:
            _record(seat, "create", by)
            derive([membership.user_id])
    return seat


def remove(*, workspace: Workspace, membership: Membership, by: Actor) -> None:
    """Take a member out of a workspace. Raises HasActiveKeys, DefaultWorkspace."""
    if workspace.is_default:
        raise DefaultWorkspace("Nobody can be removed from the Default workspace.")
    with transaction.atomic():
        seat = (
            WorkspaceMember.objects.for_workspace(workspace)
            .select_for_update()
            .filter(membership=membership)
            .first()
        )
        keys = list(ApiKey.objects.for_workspace(workspace).active().filter(owner=membership).order_by("pk"))
        if keys:
            raise HasActiveKeys(keys)
        if seat is not None:
            _record(seat, "delete", by)
            seat.delete()
            derive([membership.user_id])


def leave_all(membership: Membership, by: Actor) -> None:
    """End all seats of somebody who leaves the organization, so that a return brings none back."""
    for seat in WorkspaceMember.objects.for_organization(membership.organization_id).filter(
        membership=membership
    ):
        _record(seat, "delete", by)
        seat.delete()


def grants_due(user_ids: frozenset[int] | None) -> set[Grant]:
    """The object permissions that follow from seats with the role of an administrator; fills the slot."""
    seats = WorkspaceMember.objects.filter(
        role=Membership.ADMIN,
        workspace__deleted_at=None,
        membership__removed_at=None,
        membership__user__is_active=True,
    )
    if user_ids is not None:
        seats = seats.filter(membership__user_id__in=user_ids)
    pairs = seats.values_list("membership__user_id", "workspace_id")
    return {Grant(user, ADMINISTER_WORKSPACE, str(pk)) for user, pk in pairs}


def _record(seat: WorkspaceMember, action: str, by: Actor) -> None:
    is_gone = action == "delete"
    record(
        Change(
            action="delete" if is_gone else "create",
            row=seat,
            before=snapshot(seat) if is_gone else None,
            after=None if is_gone else snapshot(seat),
            touches=(Scope("workspace", seat.workspace_id),),
            organization_id=seat.organization_id,
            workspace_id=seat.workspace_id,
        ),
        by=by,
    )
