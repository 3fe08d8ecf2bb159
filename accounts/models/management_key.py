"""Keys for the management API of one organization."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from config.lib.scoping import ScopedQuerySet, TenantModel


class ManagementKeyQuerySet(ScopedQuerySet["ManagementKey"]):
    """Management keys by their state."""

    def live(self) -> ManagementKeyQuerySet:
        """Keys that open the management API now."""
        unexpired = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
        return self.filter(unexpired, deleted_at=None, is_disabled=False)


class ManagementKey(TenantModel):
    """A key for an organization's management API; only its SHA-256 is kept."""

    organization = models.ForeignKey("accounts.Organization", models.CASCADE, related_name="management_keys")
    name = models.CharField(max_length=100)
    hash = models.CharField(max_length=64, unique=True, editable=False)
    label = models.CharField(max_length=40, editable=False)
    created_by = models.ForeignKey("accounts.User", models.SET_NULL, null=True, related_name="+")
    is_disabled = models.BooleanField(default=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)

    objects = ManagementKeyQuerySet.as_manager()  # type: ignore[misc]  # narrower than the base

    class Meta(TenantModel.Meta):
        db_table = "management_key"

    def __str__(self) -> str:
        return f"{self.name} ({self.label})"
