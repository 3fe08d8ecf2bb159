"""How this app's objects are brought back to a recorded state; fills `accounts.restoring.restorers`."""

from __future__ import annotations

from accounts import billing, invitations, management_keys, organizations, privacy
from accounts.models import ManagementKey, Membership, Organization
from accounts.notifications import channel_restoring, rules
from accounts.restoring import CannotRestore, Recorded, differing, restorers
from accounts.revisions import Actor


def fill() -> None:
    """Put this app's restorers in their places."""
    restorers.fill("organization", restore_organization)
    restorers.fill("membership", restore_membership)
    restorers.fill("managementkey", restore_management_key)
    restorers.fill("privacysettings", privacy.restore)
    restorers.fill("billingdetails", billing.restore_billing)
    restorers.fill("ledgerentry", billing.keep_the_ledger)
    restorers.fill("invitation", invitations.restore)
    restorers.fill("notificationchannel", channel_restoring.restore)
    restorers.fill("notificationrule", rules.restore)


def restore_organization(recorded: Recorded, by: Actor) -> None:
    """Give the organization its recorded name, slug and settings."""
    organization = Organization.objects.for_organization(recorded.organization_id).live().get()
    if recorded.state is None:
        raise CannotRestore("An organization is not deleted by rolling back its beginning.")
    changes = differing(organization, recorded.state, organizations.CHANGEABLE)
    if changes:
        try:
            organizations.change(organization=organization, by=by, **changes)
        except organizations.OrganizationSlugTaken as error:
            raise CannotRestore(str(error)) from error


def restore_membership(recorded: Recorded, by: Actor) -> None:
    """Give a member his recorded role and rates. Nobody is let in or shown out by a rollback."""
    members = Membership.objects.for_organization(recorded.organization_id).live()
    membership = members.filter(pk=recorded.pk).select_related("user", "organization").first()
    if membership is None:
        raise CannotRestore("He is no member any more; a rollback lets nobody in again.")
    if recorded.state is None or recorded.state.get("removed_at") is not None:
        raise CannotRestore("A rollback takes nobody out of the organization; remove him instead.")
    changes = differing(membership, recorded.state, organizations.MEMBER_CHANGEABLE)
    if changes:
        try:
            organizations.change_member(membership=membership, by=by, **changes)
        except (organizations.LastAdministrator, organizations.NotAMember) as error:
            raise CannotRestore(str(error)) from error


def restore_management_key(recorded: Recorded, by: Actor) -> None:
    """Revoke a key whose issue is rolled back; one that was revoked stays revoked, because a leak may be why."""
    keys = ManagementKey.objects.for_organization(recorded.organization_id)
    key = keys.filter(pk=recorded.pk, deleted_at=None).first()
    if recorded.state is None and key is not None:
        management_keys.revoke(key=key, by=by)
    elif recorded.state is not None and key is None:
        raise CannotRestore("A management key that was revoked stays revoked; issue another one.")
