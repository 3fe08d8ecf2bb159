"""Presets: named, versioned configurations that requests of a workspace refer to."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from config.lib.scoping import ScopedQuerySet, TenantModel

PRESET_SLUG_PATTERN = r"\A[A-Za-z0-9][A-Za-z0-9._~-]{0,99}\Z"
"""What an address needs no escaping for, and `model@preset/slug` can be read back from."""
PRESET_SLUG = RegexValidator(
    PRESET_SLUG_PATTERN, "Up to 100 letters, digits, and . _ ~ - after the first of them."
)


class PresetQuerySet(ScopedQuerySet["Preset"]):
    """Presets by their state."""

    def live(self) -> PresetQuerySet:
        """Presets that were not deleted."""
        return self.filter(deleted_at=None)


class Preset(TenantModel):
    """A preset of a workspace. Requests get its designated version while it is active.

    Deleting keeps the row and the versions, so that it can be brought back and generations still name it.
    """

    ACTIVE, DISABLED, ARCHIVED = "active", "disabled", "archived"
    STATUSES = (ACTIVE, DISABLED, ARCHIVED)

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    organization = models.ForeignKey("accounts.Organization", models.CASCADE, related_name="+")
    workspace = models.ForeignKey("workspaces.Workspace", models.CASCADE, related_name="presets")
    slug = models.CharField(max_length=100, validators=[PRESET_SLUG])
    name = models.CharField(max_length=200)
    description = models.CharField(max_length=1000, null=True, blank=True)
    status = models.CharField(max_length=10, default=ACTIVE)
    status_updated_at = models.DateTimeField(null=True, editable=False)
    designated_version = models.ForeignKey(
        "routing.PresetVersion", models.SET_NULL, null=True, related_name="+"
    )
    created_by = models.ForeignKey(
        "accounts.User", models.SET_NULL, null=True, related_name="+", editable=False
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)

    objects = PresetQuerySet.as_manager()  # type: ignore[misc]  # narrower than the base

    class Meta(TenantModel.Meta):
        db_table = "preset"
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "slug"], condition=Q(deleted_at=None), name="one_preset_per_slug"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["active", "disabled", "archived"]), name="preset_status"
            ),
        ]
        indexes = [models.Index(fields=["organization", "-updated_at", "-id"], name="preset_by_update")]

    def __str__(self) -> str:
        return self.slug


class PresetVersionQuerySet(ScopedQuerySet["PresetVersion"]):
    """A version is where its preset is."""

    workspace_lookup = "preset__workspace_id"


class PresetVersion(TenantModel):
    """One numbered version of a preset; never changed, the database lets nobody.

    `config` holds request parameters by their names in Chat Completions, whatever dialect they came in, besides
    `cache_enabled` and `cache_ttl_seconds`. It is kept as text: `jsonb` would forget the order of a schema's
    properties, which models answer in.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    organization = models.ForeignKey("accounts.Organization", models.CASCADE, related_name="+")
    preset = models.ForeignKey(Preset, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    system_prompt = models.TextField(null=True, blank=True)
    config_text = models.TextField(default="{}")
    created_by = models.ForeignKey(
        "accounts.User", models.SET_NULL, null=True, related_name="+", editable=False
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = PresetVersionQuerySet.as_manager()  # type: ignore[misc]  # narrower than the base

    class Meta(TenantModel.Meta):
        db_table = "preset_version"
        constraints = [
            models.UniqueConstraint(fields=["preset", "number"], name="one_preset_version_per_number"),
            models.CheckConstraint(condition=Q(number__gte=1), name="preset_version_number"),
        ]

    def __str__(self) -> str:
        return f"version {self.number}"

    @property
    def config(self) -> dict[str, Any]:
        """The parameters."""
        parsed: dict[str, Any] = json.loads(self.config_text)
        return parsed
