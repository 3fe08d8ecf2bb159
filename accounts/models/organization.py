"""An organization: the account that owns workspaces, credits and people's roles."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models.functions import Lower, Now

from config.lib.rated import Rated
from config.lib.scoping import ScopedQuerySet, TenantModel


class OrganizationQuerySet(ScopedQuerySet["Organization"]):
    """An organization is scoped by itself."""

    organization_lookup = "pk"
    membership_path = "memberships"

    def live(self) -> OrganizationQuerySet:
        """Organizations that were not deleted."""
        return self.filter(deleted_at=None)


class Organization(TenantModel, Rated):
    """A personal account (kind `personal`) or a team's (kind `team`)."""

    PERSONAL, TEAM = "personal", "team"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=100)
    slug = models.SlugField(max_length=50)
    kind = models.CharField(max_length=10)
    is_model_catalog_filtered = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(null=True, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)

    objects = OrganizationQuerySet.as_manager()  # type: ignore[misc]  # narrower than the base

    class Meta(TenantModel.Meta):
        db_table = "organization"
        permissions = [("administer_organization", "Can administer the organization")]
        constraints = [
            models.UniqueConstraint(Lower("slug"), name="one_organization_per_slug"),
            models.CheckConstraint(
                condition=models.Q(kind__in=["personal", "team"]), name="organization_kind"
            ),
        ]

    def __str__(self) -> str:
        return self.name
