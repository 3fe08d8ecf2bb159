"""Founding and renaming organizations, and who belongs to them."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import Membership, Organization, User
from accounts.object_permissions import derive
from accounts.revisions import Actor, Change, Scope, record, snapshot
from accounts.sessions import end_all
from config.lib.rated import RATES
from config.lib.registry import Slot
from config.lib.scoping import unscoped

organization_created: Slot[[Organization, Actor], None] = Slot("organization_created")
member_leaving: Slot[[Membership, Actor], None] = Slot("member_leaving")

CHANGEABLE = frozenset({"name", "slug", "is_model_catalog_filtered", *RATES})
MEMBER_CHANGEABLE = frozenset({"role", *RATES})


class LastAdministrator(Exception):
    """The organization would be left without an administrator."""


class NotAMember(Exception):
    """The membership has ended."""


class OrganizationSlugTaken(Exception):
    """Another organization has this slug."""


def found(*, name: str, slug: str, kind: str, administrator: User, by: Actor) -> Organization:
    """Create an organization with its first administrator; the slot adds the Default workspace.

    Raises OrganizationSlugTaken.
    """
    with transaction.atomic(), unscoped(reason="a new organization is in nobody's scope yet"):
        organization = Organization(name=name, slug=slug, kind=kind)
        _save(organization)
        _record_organization(organization, None, by)
        add_member(organization=organization, user=administrator, role=Membership.ADMIN, by=by)
        organization_created(organization, by)
    return organization


def change(*, organization: Organization, by: Actor, **changes: Any) -> Organization:
    """Change an organization's columns, all or none. Raises OrganizationSlugTaken."""
    unknown = changes.keys() - CHANGEABLE
    if unknown:
        raise TypeError(f"an organization has no changeable {', '.join(sorted(unknown))}")
    with transaction.atomic():
        locked = _lock(organization)
        before = snapshot(locked)
        for name, value in changes.items():
            setattr(locked, name, value)
        locked.updated_at = timezone.now()
        _save(locked)
        _record_organization(locked, before, by)
    return locked


def rename(*, organization: Organization, by: Actor, name: str, slug: str) -> Organization:
    """Give an organization another name and slug. Raises OrganizationSlugTaken."""
    return change(organization=organization, by=by, name=name, slug=slug)


def add_member(*, organization: Organization, user: User, role: str, by: Actor) -> Membership:
    """Make a user a member, or a former member one again with the same history."""
    members = Membership.objects.for_organization(organization)
    membership = members.select_for_update().filter(user=user).first()
    before = snapshot(membership) if membership else None
    if membership is None:
        membership = Membership.objects.create(organization=organization, user=user, role=role)
    else:
        membership.role, membership.removed_at = role, None
        membership.save()
    _record(membership, before, by)
    return membership


def change_role(*, membership: Membership, role: str, by: Actor) -> Membership:
    """Give a member another role. Raises LastAdministrator, NotAMember."""
    return change_member(membership=membership, by=by, role=role)


def change_member(*, membership: Membership, by: Actor, **changes: Any) -> Membership:
    """Change a member's role and rates, all or none. Raises LastAdministrator, NotAMember."""
    unknown = changes.keys() - MEMBER_CHANGEABLE
    if unknown:
        raise TypeError(f"a member has no changeable {', '.join(sorted(unknown))}")
    with transaction.atomic():
        locked = _locked(membership, keeps_role=changes.get("role", Membership.ADMIN) == Membership.ADMIN)
        before = snapshot(locked)
        for name, value in changes.items():
            setattr(locked, name, value)
        locked.save(update_fields=list(changes))
        _record(locked, before, by)
    return locked


def remove_member(*, membership: Membership, by: Actor) -> None:
    """End a membership and, unless he leaves himself, his sessions; slots refuse or clean up what hangs on it.

    Raises LastAdministrator, NotAMember.
    """
    with transaction.atomic():
        locked = _locked(membership, keeps_role=False)
        before = snapshot(locked)
        member_leaving(locked, by)
        locked.removed_at = timezone.now()
        locked.save(update_fields=["removed_at"])
        _record(locked, before, by)
        if by.user != locked.user:
            end_all(locked.user)


def _lock(organization: Organization) -> Organization:
    rows = Organization.objects.for_organization(organization)
    # Not against foreign keys: a revision that is being written refers to the organization, and whoever
    # writes it holds the version that is wanted next.
    locked: Organization = rows.select_for_update(of=("self",), no_key=True).get()
    return locked


def _save(organization: Organization) -> None:
    try:
        with transaction.atomic():
            organization.save()
    except IntegrityError as error:
        if "one_organization_per_slug" in str(error):
            raise OrganizationSlugTaken("Another organization has this slug.") from error
        raise


def _locked(membership: Membership, *, keeps_role: bool) -> Membership:
    """The membership as it is now; another administrator is there if this one goes or is demoted."""
    rows = Membership.objects.for_organization(membership.organization_id).filter(removed_at=None)
    concerned = rows.filter(Q(pk=membership.pk) | Q(role=Membership.ADMIN)).select_related("user")
    # Locked in one order, so that two administrators cannot demote each other at once.
    found = {row.pk: row for row in concerned.select_for_update(of=("self",)).order_by("pk")}
    locked = found.pop(membership.pk, None)
    if locked is None:
        raise NotAMember("He is no member of the organization.")
    is_alone = not any(row.role == Membership.ADMIN and row.user.is_active for row in found.values())
    if locked.role == Membership.ADMIN and not keeps_role and is_alone:
        raise LastAdministrator("An organization needs at least one administrator.")
    return locked


def _record_organization(organization: Organization, before: dict[str, object] | None, by: Actor) -> None:
    record(
        Change(
            action="update" if before else "create",
            row=organization,
            before=before,
            after=snapshot(organization),
            touches=(Scope("organization", organization.pk),),
            organization_id=organization.pk,
        ),
        by=by,
    )


def _record(membership: Membership, before: dict[str, object] | None, by: Actor) -> None:
    """Record the change, and derive from it who may enter the admin."""
    record(
        Change(
            action="update" if before else "create",
            row=membership,
            before=before,
            after=snapshot(membership),
            touches=(Scope("organization", membership.organization_id), Scope("user", membership.user_id)),
            organization_id=membership.organization_id,
        ),
        by=by,
    )
    derive([membership.user_id])
