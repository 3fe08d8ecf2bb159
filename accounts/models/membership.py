"""Who belongs to which organization, and as what."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from config.lib.rated import Rated
from config.lib.scoping import ScopedQuerySet, TenantModel


class MembershipQuerySet(ScopedQuerySet["Membership"]):
    """Memberships; a removed one stays, because its usage does."""

    def live(self) -> MembershipQuerySet:
        """Memberships of people who still belong."""
        return self.filter(removed_at=None, user__is_active=True)

    def administrators(self) -> MembershipQuerySet:
        """Live memberships with the role of an administrator."""
        return self.live().filter(role=Membership.ADMIN)


class Membership(TenantModel, Rated):
    """A user in an organization. Its id is the member's subject, so it survives removal and return.

    The rates count what he does in all workspaces of the organization together.
    """

    ADMIN, MEMBER = "admin", "member"

    organization = models.ForeignKey("accounts.Organization", models.CASCADE, related_name="memberships")
    user = models.ForeignKey("accounts.User", models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    removed_at = models.DateTimeField(null=True, editable=False)

    objects = MembershipQuerySet.as_manager()  # type: ignore[misc]  # narrower than the base

    class Meta(TenantModel.Meta):
        db_table = "membership"
        constraints = [
            models.UniqueConstraint(fields=["organization", "user"], name="one_membership_per_user"),
            models.CheckConstraint(condition=models.Q(role__in=["admin", "member"]), name="membership_role"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.organization}"
