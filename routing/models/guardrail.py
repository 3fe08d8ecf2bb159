"""A guardrail: what the requests that it governs may use, spend and say (SPEC §3)."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from config.lib.scoping import ScopedQuerySet, TenantModel
from workspaces.models import Workspace

ZDR_GROUPS = ("anthropic", "openai", "google", "xai", "other")


class GuardrailQuerySet(ScopedQuerySet["Guardrail"]):
    """Guardrails in the order in which lists show them."""

    def in_order(self) -> GuardrailQuerySet:
        """The workspace's default first, then the oldest."""
        return self.order_by("-is_default", "created_at", "pk")


class Guardrail(TenantModel):
    """Settings that narrow what its workspace, or the keys and members that it is assigned to, may do.

    Null restricts nothing; an empty list is another thing and is kept apart. A workspace's default guardrail has an
    id known before it is written (`Workspace.default_guardrail_id`). `limit_interval` is 'd', 'w' or 'm'; the limit
    counts per key and per member, never for all together. `content_filters` holds `{"pattern", "action", "label"}`,
    `content_filter_builtins` `{"slug", "action"}` and for prompt injection `"scan_scope"`.
    """

    RESETS = {"daily": "d", "weekly": "w", "monthly": "m", None: None}

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    organization = models.ForeignKey("accounts.Organization", models.CASCADE, related_name="+")
    workspace = models.ForeignKey("workspaces.Workspace", models.CASCADE, related_name="guardrails")
    is_default = models.BooleanField(default=False, editable=False)
    name = models.CharField(max_length=200)
    description = models.CharField(max_length=1000, null=True, blank=True)
    limit_nano = models.BigIntegerField(null=True, blank=True)
    limit_interval = models.CharField(max_length=1, null=True, blank=True)
    is_byok_in_budgets = models.BooleanField(default=False)
    allowed_models = models.JSONField(null=True, blank=True)
    ignored_models = models.JSONField(null=True, blank=True)
    allowed_providers = models.JSONField(null=True, blank=True)
    ignored_providers = models.JSONField(null=True, blank=True)
    allowed_data_regions = models.JSONField(null=True, blank=True)
    enable_paid_model_training = models.BooleanField(null=True, blank=True)
    enable_free_model_training = models.BooleanField(null=True, blank=True)
    enable_free_model_publication = models.BooleanField(null=True, blank=True)
    enforce_zdr_anthropic = models.BooleanField(null=True, blank=True)
    enforce_zdr_openai = models.BooleanField(null=True, blank=True)
    enforce_zdr_google = models.BooleanField(null=True, blank=True)
    enforce_zdr_xai = models.BooleanField(null=True, blank=True)
    enforce_zdr_other = models.BooleanField(null=True, blank=True)
    allow_safety_retention_google = models.BooleanField(null=True, blank=True)
    allow_safety_retention_other = models.BooleanField(null=True, blank=True)
    content_filters = models.JSONField(null=True, blank=True)
    content_filter_builtins = models.JSONField(null=True, blank=True)
    is_filtering_outputs = models.BooleanField(default=False)
    created_by = models.ForeignKey(
        "accounts.User", models.SET_NULL, null=True, related_name="+", editable=False
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(null=True, editable=False)

    objects = GuardrailQuerySet.as_manager()  # type: ignore[misc]  # narrower than the base

    class Meta(TenantModel.Meta):
        db_table = "guardrail"
        constraints = [
            models.UniqueConstraint(
                fields=["workspace"], condition=Q(is_default=True), name="one_default_guardrail"
            ),
            models.CheckConstraint(
                # Said twice, because a comparison with null passes a check.
                condition=Q(limit_nano=None, limit_interval=None)
                | Q(
                    limit_nano__isnull=False,
                    limit_interval__isnull=False,
                    limit_nano__gte=0,
                    limit_interval__in=["d", "w", "m"],
                ),
                name="guardrail_limit_with_interval",
            ),
        ]
        indexes = [models.Index(fields=["workspace", "created_at", "id"], name="guardrail_by_workspace")]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def default_of(cls, workspace: Workspace) -> Guardrail:
        """The default guardrail of a workspace that has not written one: it exists, and restricts nothing."""
        return cls(
            public_id=workspace.default_guardrail_id,
            organization_id=workspace.organization_id,
            workspace=workspace,
            is_default=True,
            name=f"Workspace {workspace.public_id} Default",
            created_at=workspace.created_at,
        )

    @property
    def is_written(self) -> bool:
        """Whether it is stored; a default guardrail that was never set is not."""
        return self.pk is not None

    @property
    def enforce_zdr(self) -> bool | None:
        """What all groups of models agree on; None where they differ or say nothing."""
        answers = {getattr(self, f"enforce_zdr_{group}") for group in ZDR_GROUPS}
        return answers.pop() if len(answers) == 1 else None
