"""Credentials for providers that an organization brings itself."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from config.lib.scoping import ScopedQuerySet, TenantModel
from routing.credential_formats import DATA_REGIONS

MOST_IN_FILTER = 100


class ByokCredentialQuerySet(ScopedQuerySet["ByokCredential"]):
    """Credentials by their state and by where they may be used."""

    def live(self) -> ByokCredentialQuerySet:
        """Credentials that were not deleted."""
        return self.filter(deleted_at=None)

    def usable_in(self, workspace: models.Model) -> ByokCredentialQuerySet:
        """The workspace's own and the global ones of its organization."""
        return self.filter(Q(workspace=workspace) | Q(workspace=None))

    def in_order(self) -> ByokCredentialQuerySet:
        """As they are tried: by provider, prioritized before fallback, a workspace's own before global ones."""
        own_first = models.F("workspace_id").asc(nulls_last=True)
        return self.order_by("provider", "is_fallback", own_first, "sort_order", "pk")


class ByokCredential(TenantModel):
    """A credential for one provider, in one workspace or, without one, in all of the organization's.

    A filter is None (no restriction) or lists who and what may use the credential; an empty list is nobody and
    nothing. `allowed_api_key_ids` and `allowed_member_ids` hold ids of keys and memberships. `key_region` is the region
    that the secret itself names. Deleting wipes the secret and keeps the row.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    organization = models.ForeignKey("accounts.Organization", models.CASCADE, related_name="+")
    workspace = models.ForeignKey(
        "workspaces.Workspace", models.CASCADE, null=True, blank=True, related_name="byok_credentials"
    )
    provider = models.CharField(max_length=60)
    name = models.CharField(max_length=255, null=True, blank=True)
    label = models.CharField(max_length=40, editable=False)
    sealed_secret = models.TextField(editable=False)
    key_region = models.CharField(max_length=10, null=True, editable=False)
    sort_order = models.PositiveIntegerField(default=0)
    is_disabled = models.BooleanField(default=False)
    is_fallback = models.BooleanField(default=False)
    is_required = models.BooleanField(default=False)
    is_byok_only = models.BooleanField(default=False)
    declared_zdr = models.BooleanField(null=True, blank=True)
    declared_region = models.CharField(max_length=10, null=True, blank=True)
    allowed_models = models.JSONField(null=True, blank=True)
    allowed_api_key_ids = models.JSONField(null=True, blank=True)
    allowed_member_ids = models.JSONField(null=True, blank=True)
    created_by = models.ForeignKey(
        "accounts.User", models.SET_NULL, null=True, related_name="+", editable=False
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(null=True, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)

    objects = ByokCredentialQuerySet.as_manager()  # type: ignore[misc]  # narrower than the base

    class Meta(TenantModel.Meta):
        db_table = "byok_credential"
        verbose_name = "BYOK credential"
        constraints = [
            models.CheckConstraint(
                condition=~Q(is_byok_only=True, is_fallback=True),
                name="byok_only_is_no_fallback",
                violation_error_message="A fallback credential cannot be BYOK only.",
            ),
            models.CheckConstraint(
                condition=Q(declared_region=None) | Q(declared_region__in=DATA_REGIONS),
                name="byok_credential_region",
            ),
            models.CheckConstraint(
                condition=Q(deleted_at=None) | Q(sealed_secret=""), name="deleted_byok_secret_is_wiped"
            ),
        ]
        indexes = [
            models.Index(
                fields=["organization", "workspace", "provider"],
                condition=Q(deleted_at=None),
                name="byok_credential_live",
            )
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.name or self.label}"

    @property
    def secret_identity(self) -> str:
        """What the sealed secret belongs to; in another row, or for another provider, it does not open."""
        return f"byok_credential:{self.organization_id}:{self.public_id}:{self.provider}"
