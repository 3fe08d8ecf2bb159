"""Inference keys."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from config.lib.rated import Rated
from config.lib.scoping import ScopedQuerySet, TenantModel


class ApiKeyQuerySet(ScopedQuerySet["ApiKey"]):
    """Keys by their state."""

    def active(self) -> ApiKeyQuerySet:
        """Keys that were not deleted; what counts when a member or a workspace is to go."""
        return self.filter(deleted_at=None)

    def enabled(self) -> ApiKeyQuerySet:
        """Active keys that are neither disabled nor expired."""
        unexpired = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
        return self.active().filter(unexpired, is_disabled=False)

    def named_like(self, text: str) -> ApiKeyQuerySet:
        """Keys with the text in their name, in any case; all of them for an empty text."""
        return self.filter(name__icontains=text) if text else self


class ApiKey(TenantModel, Rated):
    """A key for the inference routes of one workspace; only its SHA-256 is kept.

    `external_hash` is the SHA-256 of a second secret of a partner's own making, which opens the same key. Rotating
    gives the key another secret, the next `secret_number`; the one before becomes a FormerSecret.

    `owner` is the member whose key it is; a system key has none and belongs to the workspace. The limit counts
    per `limit_reset` window ('d', 'w', 'm', or 't' for the key's whole life).
    """

    RESETS = {"daily": "d", "weekly": "w", "monthly": "m", None: "t"}

    organization = models.ForeignKey("accounts.Organization", models.CASCADE, related_name="+")
    workspace = models.ForeignKey("workspaces.Workspace", models.CASCADE, related_name="api_keys")
    owner = models.ForeignKey(
        "accounts.Membership", models.CASCADE, null=True, blank=True, related_name="api_keys"
    )
    created_by = models.ForeignKey(
        "accounts.User", models.SET_NULL, null=True, related_name="+", editable=False
    )
    name = models.CharField(max_length=255)
    hash = models.CharField(max_length=64, unique=True, editable=False)
    external_hash = models.CharField(max_length=64, unique=True, null=True, editable=False)
    label = models.CharField(max_length=40, editable=False)
    secret_number = models.PositiveIntegerField(default=1, db_default=1, editable=False)
    is_disabled = models.BooleanField(default=False)
    limit_nano = models.BigIntegerField(null=True, blank=True)
    limit_interval = models.CharField(max_length=1, default="t")
    is_byok_in_limit = models.BooleanField(default=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    external_user = models.CharField(max_length=512, null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(null=True, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)

    objects = ApiKeyQuerySet.as_manager()  # type: ignore[misc]  # narrower than the base

    class Meta(TenantModel.Meta):
        db_table = "api_key"
        verbose_name = "API key"
        constraints = [
            models.CheckConstraint(condition=models.Q(limit_nano__gte=0), name="api_key_limit_not_negative"),
            models.CheckConstraint(
                condition=models.Q(limit_interval__in=["d", "w", "m", "t"]), name="api_key_interval"
            ),
        ]
        indexes = [models.Index(fields=["workspace", "-created_at", "-id"], name="api_key_by_workspace")]

    def __str__(self) -> str:
        return f"{self.name} ({self.label})"


class ApiKeyUse(models.Model):
    """When a key was last used; apart from the key, because ingest writes it and it is no setting."""

    api_key_id = models.BigIntegerField(primary_key=True)
    organization_id = models.BigIntegerField()
    last_used_at = models.DateTimeField()

    class Meta:
        db_table = "api_key_use"

    def __str__(self) -> str:
        return f"{self.api_key_id} {self.last_used_at}"
