"""Who was asked to join an organization, and by which secret he may."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Now
from django.utils import timezone

from config.lib.scoping import ScopedQuerySet, TenantModel


class InvitationQuerySet(ScopedQuerySet["Invitation"]):
    """Invitations by their state."""

    def open(self) -> InvitationQuerySet:
        """Neither accepted nor revoked; those that expired can be sent again."""
        return self.filter(accepted_at=None, revoked_at=None)

    def acceptable(self) -> InvitationQuerySet:
        """Those whose link works now."""
        return self.open().filter(expires_at__gt=timezone.now(), organization__deleted_at=None)


class Invitation(TenantModel):
    """An address that may join, as what, and into which workspaces.

    `workspaces` holds public ids of workspaces, which lie above this app; those that are gone by the time of the
    acceptance are passed over. Of the link's secret only the SHA-256 is kept.
    """

    PENDING, EXPIRED, ACCEPTED, REVOKED = "pending", "expired", "accepted", "revoked"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    organization = models.ForeignKey("accounts.Organization", models.CASCADE, related_name="invitations")
    email = models.EmailField(max_length=254)
    role = models.CharField(max_length=10)
    workspaces = models.JSONField(default=list, blank=True)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    invited_by = models.ForeignKey(
        "accounts.User", models.SET_NULL, null=True, related_name="+", editable=False
    )
    accepted_by = models.ForeignKey(
        "accounts.User", models.SET_NULL, null=True, related_name="+", editable=False
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    sent_at = models.DateTimeField(editable=False)
    expires_at = models.DateTimeField(editable=False)
    accepted_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    objects = InvitationQuerySet.as_manager()  # type: ignore[misc]  # narrower than the base

    class Meta(TenantModel.Meta):
        db_table = "invitation"
        constraints = [
            models.UniqueConstraint(
                "organization",
                Lower("email"),
                condition=Q(accepted_at=None, revoked_at=None),
                name="one_open_invitation_per_address",
            ),
            models.CheckConstraint(condition=Q(role__in=["admin", "member"]), name="invitation_role"),
            models.CheckConstraint(
                condition=Q(accepted_at=None) | Q(revoked_at=None), name="invitation_ends_once"
            ),
        ]
        indexes = [models.Index(fields=["organization", "-id"], name="invitation_by_organization")]

    def __str__(self) -> str:
        return self.email

    @property
    def state(self) -> str:
        """`pending`, `expired`, `accepted` or `revoked`."""
        if self.accepted_at is not None:
            return self.ACCEPTED
        if self.revoked_at is not None:
            return self.REVOKED
        return self.EXPIRED if self.expires_at <= timezone.now() else self.PENDING
