"""How a workspace's requests are routed when they do not say."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from config.lib.scoping import TenantModel


class RoutingDefaults(TenantModel):
    """A workspace's default `provider` preferences and routing switches; without a row there are none.

    The default sort, the default models and strictness are columns of the workspace itself.
    """

    organization = models.ForeignKey("accounts.Organization", models.CASCADE, related_name="+")
    workspace = models.OneToOneField("workspaces.Workspace", models.CASCADE, related_name="routing_defaults")
    order = models.JSONField(null=True, blank=True)
    only = models.JSONField(null=True, blank=True)
    ignore = models.JSONField(null=True, blank=True)
    allow_fallbacks = models.BooleanField(null=True, blank=True)
    data_collection = models.CharField(max_length=5, null=True, blank=True)
    zdr = models.BooleanField(null=True, blank=True)
    quantizations = models.JSONField(null=True, blank=True)
    max_price = models.JSONField(null=True, blank=True)
    preferred_min_throughput = models.JSONField(null=True, blank=True)
    preferred_max_latency = models.JSONField(null=True, blank=True)
    is_auto_exacto_enabled = models.BooleanField(default=True)
    is_stickiness_enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta(TenantModel.Meta):
        db_table = "routing_defaults"
        verbose_name = verbose_name_plural = "routing defaults"
        constraints = [
            models.CheckConstraint(
                condition=Q(data_collection=None) | Q(data_collection__in=["allow", "deny"]),
                name="routing_defaults_data_collection",
            )
        ]

    def __str__(self) -> str:
        return f"routing of {self.workspace}"
