"""What becomes of a member's keys and seats when he leaves the organization."""

from __future__ import annotations

from accounts.models import Membership
from accounts.revisions import Actor
from workspaces import api_keys
from workspaces.members import leave_all
from workspaces.models import ApiKey


def end_keys_and_seats(membership: Membership, by: Actor) -> None:
    """Disable the member's keys, which administrators may still hand to somebody else; fills `member_leaving`.

    They would be refused anyway (their owner is no member); disabled they stay so when he returns.
    """
    own = ApiKey.objects.for_organization(membership.organization_id).active().filter(owner=membership)
    for key in own.filter(is_disabled=False).order_by("pk"):
        api_keys.change(key=key, is_disabled=True, by=by.because("The owner left the organization."))
    leave_all(membership, by)
