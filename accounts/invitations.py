"""Inviting people into an organization: the link in a mail is the proof, works once and for seven days.

Nothing here tells whether an address has an account: whoever has the link may sign in or sign up with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.invitation_mail import new_token, send
from accounts.models import Invitation, Membership, Organization, Revision, User
from accounts.organizations import add_member
from accounts.people import owns_address
from accounts.restoring import CannotRestore, Recorded
from accounts.revisions import Action, Actor, Change, Scope, record, snapshot
from config.lib.keys import hash_of
from config.lib.registry import Slot
from config.lib.scoping import tenant

LIFETIME = timedelta(days=7)
RESEND_AFTER = timedelta(minutes=1)
DAILY = 200
"""How many addresses an organization may invite in 24 hours, so that nobody uses us to fill strangers' mailboxes."""
RESENT_DAILY = 5
"""How often one invitation is sent again in 24 hours, for the same reason."""


@dataclass(frozen=True)
class Place:
    """A workspace that people can be invited into."""

    public_id: str
    slug: str
    name: str
    is_default: bool


workspaces_on_offer: Slot[[Organization], list[Place]] = Slot("workspaces_on_offer")
"""Answers the live workspaces of an organization, by name."""
invitation_accepted: Slot[[Invitation, Membership, Actor], None] = Slot("invitation_accepted")
"""Called when somebody has become a member; gives him the seats that the invitation promises."""


class AlreadyMember(Exception):
    """The address belongs to a member of the organization."""


class AlreadyInvited(Exception):
    """The address has an open invitation, which can be sent again or revoked."""


class PersonalOrganization(Exception):
    """A personal organization has one member."""


class UnknownWorkspaces(Exception):
    """Some of the workspaces are not the organization's; whether they are somebody else's is not told."""

    def __init__(self, references: Sequence[str]) -> None:
        super().__init__(f"workspace_ids: {', '.join(references)}: no such workspace of the organization.")


class NotOpen(Exception):
    """The invitation was accepted or revoked already."""


class TooManyMails(Exception):
    """So many mails would be a nuisance to whoever gets them."""


class InvitationGone(Exception):
    """The link is unknown, expired, revoked, or was used by somebody; nobody is told which."""


class AnotherPerson(Exception):
    """The invitation is for another address than those that this person has proved to be his."""


def places(organization: Organization) -> list[Place]:
    """The workspaces that people can be invited into."""
    return [place for offered in workspaces_on_offer(organization) for place in offered]


def invite(
    *, organization: Organization, email: str, role: str, by: Actor, workspaces: Sequence[str] = ()
) -> Invitation:
    """Invite an address, and send it the link. `workspaces`: ids or slugs.

    Raises PersonalOrganization, AlreadyMember, AlreadyInvited, UnknownWorkspaces, TooManyMails, MailNotSent.
    """
    if organization.kind == Organization.PERSONAL:
        raise PersonalOrganization(
            "A personal organization has one member. Create an organization for a team."
        )
    with transaction.atomic():
        _check_address(organization, email)
        token, now = new_token(), timezone.now()
        invitation = Invitation(
            organization=organization,
            email=email.lower(),
            role=role,
            workspaces=_named(organization, workspaces),
            token_hash=hash_of(token),
            invited_by=by.user,
            sent_at=now,
            expires_at=now + LIFETIME,
        )
        _insert(invitation)
        _record("create", invitation, None, by)
        send(invitation, token)
    return invitation


def resend(*, invitation: Invitation, by: Actor) -> Invitation:
    """Send a new link, good for another seven days; the old one ends. Raises NotOpen, TooManyMails, MailNotSent."""
    with transaction.atomic():
        locked = _locked(invitation)
        before, now = snapshot(locked), timezone.now()
        if locked.state not in (Invitation.PENDING, Invitation.EXPIRED):
            raise NotOpen(f"The invitation was {locked.state} already.")
        if locked.sent_at > now - RESEND_AFTER:
            raise TooManyMails("The invitation was sent less than a minute ago.")
        if _resent_today(locked) >= RESENT_DAILY:
            raise TooManyMails(f"The invitation was sent again {RESENT_DAILY} times within a day.")
        token = new_token()
        locked.token_hash, locked.sent_at, locked.expires_at = hash_of(token), now, now + LIFETIME
        locked.invited_by = by.user or locked.invited_by
        locked.save(update_fields=["token_hash", "sent_at", "expires_at", "invited_by"])
        _record("update", locked, before, by)
        send(locked, token)
    return locked


def revoke(*, invitation: Invitation, by: Actor) -> None:
    """End an invitation; its link works no longer. Revoking twice changes nothing. Raises NotOpen (accepted)."""
    with transaction.atomic():
        locked = _locked(invitation)
        if locked.accepted_at is not None:
            raise NotOpen("The invitation was accepted already; remove the member instead.")
        if locked.revoked_at is None:
            before = snapshot(locked)
            locked.revoked_at = timezone.now()
            locked.save(update_fields=["revoked_at"])
            _record("delete", locked, before, by)


def find(token_hash: str) -> Invitation | None:
    """The invitation behind a link that works now, by the SHA-256 of its secret."""
    everywhere = Invitation.objects.unscoped(reason="a link says which organization it is about")
    rows = everywhere.acceptable().select_related("organization", "invited_by")
    return rows.filter(token_hash=token_hash).first()


def accept(*, invitation: Invitation, user: User, by: Actor) -> Membership:
    """Make the person a member, with the promised seats; a second click of his finds him in already.

    Who is a member by now keeps his role. Raises InvitationGone, AnotherPerson.
    """
    with tenant(invitation.organization_id):
        # Of two clicks at once the second waits here, and then finds the row no longer acceptable.
        rows = Invitation.objects.for_organization(invitation.organization_id)
        open_rows = rows.acceptable().select_related("organization").select_for_update(of=("self",))
        locked: Invitation | None = open_rows.filter(pk=invitation.pk).first()
        if locked is None or not _is_vouched_for(locked):
            return _accepted_before(invitation, user)
        if not owns_address(user, locked.email):
            raise AnotherPerson("The invitation is for another address.")
        membership = _membership_of(locked.organization, user)
        if membership is None:
            membership = add_member(organization=locked.organization, user=user, role=locked.role, by=by)
        before = snapshot(locked)
        locked.accepted_at, locked.accepted_by = timezone.now(), user
        locked.save(update_fields=["accepted_at", "accepted_by"])
        _record("update", locked, before, by)
        invitation_accepted(locked, membership, by)
    return membership


def restore(recorded: Recorded, by: Actor) -> None:
    """Bring an invitation back to a recorded state, which is possible for "not there" alone; fills `restorers`.

    Raises CannotRestore.
    """
    if recorded.state is not None:
        raise CannotRestore("An invitation's link is gone with it. Invite the address again.")
    rows = Invitation.objects.for_organization(recorded.organization_id)
    found = rows.filter(pk=recorded.object_id).first()
    try:
        if found is not None:
            revoke(invitation=found, by=by)
    except NotOpen as error:
        raise CannotRestore(str(error)) from error


def _check_address(organization: Organization, email: str) -> None:
    members = Membership.objects.for_organization(organization).live()
    if members.filter(user__email__iexact=email).exists():
        raise AlreadyMember("The address belongs to a member already.")
    of_today = Invitation.objects.for_organization(organization).filter(
        created_at__gt=timezone.now() - timedelta(days=1)
    )
    if of_today.count() >= DAILY:
        raise TooManyMails(f"An organization may invite {DAILY} addresses a day.")


def _resent_today(invitation: Invitation) -> int:
    """How often an open invitation was sent again; nothing else updates one."""
    rows = Revision.objects.for_organization(invitation.organization_id)
    sent = rows.filter(object_type="invitation", object_id=str(invitation.pk), action="update")
    return sent.filter(created_at__gt=timezone.now() - timedelta(days=1)).count()


def _named(organization: Organization, references: Sequence[str]) -> list[str]:
    if not references:
        return []
    offered = places(organization)
    by_name = {place.slug: place for place in offered} | {place.public_id: place for place in offered}
    unknown = [text for text in references if text.lower() not in by_name]
    if unknown:
        raise UnknownWorkspaces([text[:60] for text in unknown])
    return list(dict.fromkeys(by_name[text.lower()].public_id for text in references))


def _insert(invitation: Invitation) -> None:
    try:
        with transaction.atomic():
            invitation.save()
    except IntegrityError as error:
        if "one_open_invitation_per_address" not in str(error):
            raise
        raise AlreadyInvited("The address is invited already; send it the invitation again.") from error
    invitation.refresh_from_db(fields=["created_at"])


def _locked(invitation: Invitation) -> Invitation:
    rows = Invitation.objects.for_organization(invitation.organization_id)
    locked: Invitation = (
        rows.select_related("organization", "invited_by")
        .select_for_update(of=("self",))
        .get(pk=invitation.pk)
    )
    return locked


def _is_vouched_for(invitation: Invitation) -> bool:
    """Whether an administrator's invitation comes from somebody who could still make it: no way back for who left."""
    sender = invitation.invited_by
    if invitation.role != Membership.ADMIN or sender is None:
        return True
    if sender.is_active and sender.is_superuser:
        return True
    members = Membership.objects.for_organization(invitation.organization_id)
    return members.administrators().filter(user=sender).exists()


def _membership_of(organization: Organization, user: User) -> Membership | None:
    return Membership.objects.for_organization(organization).live().filter(user=user).first()


def _accepted_before(invitation: Invitation, user: User) -> Membership:
    rows = Invitation.objects.for_organization(invitation.organization_id).filter(accepted_by=user)
    if rows.filter(pk=invitation.pk, accepted_at__isnull=False).exists():
        membership = _membership_of(invitation.organization, user)
        if membership is not None:
            return membership
    raise InvitationGone("The invitation no longer works.")


def _record(action: Action, invitation: Invitation, before: dict[str, Any] | None, by: Actor) -> None:
    record(
        Change(
            action=action,
            row=invitation,
            before=before,
            after=None if action == "delete" else snapshot(invitation),
            touches=(Scope("organization", invitation.organization_id),),
            organization_id=invitation.organization_id,
        ),
        by=by,
    )
