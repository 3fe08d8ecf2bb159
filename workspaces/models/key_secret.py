"""The secrets of inference keys that were replaced, and when each secret was last used."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from config.lib.scoping import ScopedQuerySet, TenantModel


class FormerSecretQuerySet(ScopedQuerySet["FormerSecret"]):
    """Former secrets by what they still open."""

    def working(self, at: datetime | None = None) -> FormerSecretQuerySet:
        """Those whose grace has not ended."""
        return self.filter(works_until__gt=at or timezone.now())


class FormerSecret(TenantModel):
    """A secret that a key had before it was rotated; it opens the key until `works_until`, and names it for ever.

    Secrets are numbered within their key, from 1; the key's `secret_number` is the present one's. `last_used_at` is
    what was known when it was replaced; what came later is in SecretUse.
    """

    organization = models.ForeignKey("accounts.Organization", models.CASCADE, related_name="+")
    key = models.ForeignKey("workspaces.ApiKey", models.CASCADE, related_name="former_secrets")
    number = models.PositiveIntegerField()
    hash = models.CharField(max_length=64, unique=True, editable=False)
    label = models.CharField(max_length=40, editable=False)
    works_until = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    replaced_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = FormerSecretQuerySet.as_manager()  # type: ignore[misc]  # narrower than the base

    class Meta(TenantModel.Meta):
        db_table = "former_secret"
        constraints = [
            models.UniqueConstraint(fields=["key", "number"], name="one_former_secret_per_number"),
        ]

    def __str__(self) -> str:
        return self.label


class SecretUse(models.Model):
    """When one of several secrets of a key was last used, as ingest wrote it; 0 is the partner's own secret."""

    PARTNERS = 0

    api_key_id = models.BigIntegerField()
    organization_id = models.BigIntegerField()
    number = models.PositiveIntegerField()
    last_used_at = models.DateTimeField()

    class Meta:
        db_table = "secret_use"
        constraints = [
            models.UniqueConstraint(fields=["api_key_id", "number"], name="one_use_per_secret"),
        ]

    def __str__(self) -> str:
        return f"{self.api_key_id}/{self.number} {self.last_used_at}"
