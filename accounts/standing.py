"""What somebody is in which organization."""

from __future__ import annotations

from accounts.models import Membership, User
from accounts.permissions import Standing


def memberships_of(user: User) -> list[Membership]:
    """The user's live memberships in live organizations, by the organizations' names."""
    everywhere = Membership.objects.unscoped(
        reason="a person's own memberships decide which scopes there are"
    )
    mine = everywhere.live().filter(user=user, organization__deleted_at=None)
    return list(mine.select_related("organization", "user").order_by("organization__name", "pk"))


def standing_of(membership: Membership) -> Standing:
    """What a live membership makes of somebody with respect to the organization as a whole."""
    is_admin = membership.role == Membership.ADMIN
    return Standing.ORGANIZATION_ADMIN if is_admin else Standing.ORGANIZATION_MEMBER
