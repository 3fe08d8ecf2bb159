"""Where traces of requests are sent, and for how long a workspace keeps what they say."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from config.lib.scoping import ScopedQuerySet, TenantModel

DEFAULT_RETENTION_DAYS = 30
LONGEST_RETENTION_DAYS = 3650


class DestinationQuerySet(ScopedQuerySet["Destination"]):
    """Destinations by their state."""

    def live(self) -> DestinationQuerySet:
        """Destinations that were not deleted."""
        return self.filter(deleted_at=None)


class Destination(TenantModel):
    """One vendor's account that traces of one workspace are sent to.

    `type` is the slug of a class in observability.destinations; `config` holds what that declares but for its
    secrets, which are sealed together as one JSON object. `source`: the destination of another workspace that this
    one follows (`is_everywhere` there). `api_key_ids` is None (all keys, the chat room too) or lists keys; an empty
    list is no key. `metadata_groups` are those of the contract's `broadcast_generation_*` that are on. Deleting wipes
    the secrets and keeps the row.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    organization = models.ForeignKey("accounts.Organization", models.CASCADE, related_name="+")
    workspace = models.ForeignKey("workspaces.Workspace", models.CASCADE, related_name="destinations")
    source = models.ForeignKey("self", models.CASCADE, null=True, related_name="copies", editable=False)
    is_everywhere = models.BooleanField(default=False)
    type = models.CharField(max_length=30)
    name = models.CharField(max_length=255)
    is_enabled = models.BooleanField(default=True)
    config = models.JSONField(default=dict)
    sealed_secrets = models.TextField(blank=True, editable=False)
    api_key_ids = models.JSONField(null=True, blank=True)
    sampling_rate = models.FloatField(default=1)
    is_private = models.BooleanField(default=False)
    filter_rules = models.JSONField(null=True, blank=True)
    regions = models.JSONField(default=list)
    metadata_groups = models.JSONField(default=list)
    created_by = models.ForeignKey(
        "accounts.User", models.SET_NULL, null=True, related_name="+", editable=False
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(null=True, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)

    objects = DestinationQuerySet.as_manager()  # type: ignore[misc]  # narrower than the base

    class Meta(TenantModel.Meta):
        db_table = "destination"
        constraints = [
            models.CheckConstraint(
                condition=Q(sampling_rate__gte=0.0001) & Q(sampling_rate__lte=1),
                name="destination_sampling_rate",
            ),
            models.CheckConstraint(
                condition=Q(deleted_at=None) | Q(sealed_secrets=""), name="deleted_destination_is_wiped"
            ),
            models.CheckConstraint(
                condition=Q(source=None) | Q(is_everywhere=False), name="destination_copy_has_no_copies"
            ),
            models.UniqueConstraint(
                fields=["source", "workspace"], condition=Q(deleted_at=None), name="one_destination_copy"
            ),
        ]
        indexes = [
            models.Index(
                fields=["organization", "workspace"], condition=Q(deleted_at=None), name="destination_live"
            )
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.name}"

    @property
    def secret_identity(self) -> str:
        """What the sealed secrets belong to; in another row they do not open."""
        return f"destination:{self.organization_id}:{self.public_id}:{self.type}"


class ObservabilitySettings(TenantModel):
    """For how long a workspace keeps what its I/O logging logs; without a row, DEFAULT_RETENTION_DAYS.

    The switches of broadcast and logging, its rate and its keys are the workspace's own columns, as in the contract.
    """

    workspace = models.OneToOneField(
        "workspaces.Workspace", models.CASCADE, primary_key=True, related_name="observability_settings"
    )
    organization = models.ForeignKey("accounts.Organization", models.CASCADE, related_name="+")
    retention_days = models.PositiveIntegerField(default=DEFAULT_RETENTION_DAYS)
    updated_at = models.DateTimeField(null=True, editable=False)

    class Meta(TenantModel.Meta):
        db_table = "observability_settings"
        verbose_name = "observability settings"
        verbose_name_plural = "observability settings"
        constraints = [
            models.CheckConstraint(
                condition=Q(retention_days__gte=1) & Q(retention_days__lte=LONGEST_RETENTION_DAYS),
                name="io_logging_retention",
            ),
        ]

    def __str__(self) -> str:
        return f"observability of workspace {self.workspace_id}"
