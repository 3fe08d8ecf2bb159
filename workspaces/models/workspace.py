"""A workspace: a project, a team or an environment with settings of its own."""

from __future__ import annotations

import re
import uuid

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Case, Q, When
from django.db.models.functions import Lower, Now

from config.lib.rated import Rated
from config.lib.scoping import ScopedQuerySet, TenantModel

SLUG_PATTERN = r"\A[a-z0-9]+(?:-[a-z0-9]+)*\Z"
SLUG = RegexValidator(SLUG_PATTERN, "Lower-case letters and digits, in parts joined by single hyphens.")

UUID_TEXT = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
DEFAULT_GUARDRAIL = uuid.UUID("6f1c9f9a-3c0e-5d8c-9d5e-2f6f5f0b7a11")
"""Namespace of the ids of workspaces' default guardrails."""


class WorkspaceQuerySet(ScopedQuerySet["Workspace"]):
    """A workspace is its own workspace scope."""

    workspace_lookup = "pk"

    def live(self) -> WorkspaceQuerySet:
        """Workspaces that were not deleted."""
        return self.filter(deleted_at=None)

    def addressed(self, reference: str) -> WorkspaceQuerySet:
        """The workspace with this id or slug, as addresses and bodies name it; an id goes before a slug."""
        if UUID_TEXT.fullmatch(reference):
            by_id = Q(public_id=reference)
            return self.filter(by_id | Q(slug=reference)).order_by(Case(When(by_id, then=0), default=1))[:1]
        return self.filter(slug=reference) if re.fullmatch(SLUG_PATTERN, reference) else self.none()

    def named_like(self, text: str) -> WorkspaceQuerySet:
        """Workspaces with the text in their name or slug, in any case; all of them for an empty text."""
        return self.filter(models.Q(name__icontains=text) | models.Q(slug__icontains=text)) if text else self


class Workspace(TenantModel, Rated):
    """A workspace of an organization; exactly one live one is its Default workspace.

    Deleting keeps the row, because its generations stay.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    organization = models.ForeignKey("accounts.Organization", models.CASCADE, related_name="workspaces")
    name = models.CharField(max_length=100)
    slug = models.CharField(max_length=50, validators=[SLUG])
    description = models.CharField(max_length=500, null=True, blank=True)
    is_default = models.BooleanField(default=False, editable=False)
    default_text_model = models.CharField(max_length=200, null=True, blank=True)
    default_image_model = models.CharField(max_length=200, null=True, blank=True)
    default_provider_sort = models.CharField(max_length=20, null=True, blank=True)
    is_strict = models.BooleanField(default=False)
    is_byok_in_budgets = models.BooleanField(default=False)
    disabled_server_tools = models.JSONField(null=True, blank=True)
    is_broadcast_enabled = models.BooleanField(default=False)
    is_io_logging_enabled = models.BooleanField(default=False)
    is_data_discount_logging_enabled = models.BooleanField(default=True)
    io_logging_sampling_rate = models.FloatField(default=1.0)
    io_logging_api_key_ids = models.JSONField(null=True, blank=True)
    created_by = models.ForeignKey(
        "accounts.User", models.SET_NULL, null=True, related_name="+", editable=False
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(null=True, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)

    objects = WorkspaceQuerySet.as_manager()  # type: ignore[misc]  # narrower than the base

    class Meta(TenantModel.Meta):
        db_table = "workspace"
        permissions = [("administer_workspace", "Can administer the workspace")]
        constraints = [
            models.UniqueConstraint(
                "organization",
                Lower("slug"),
                condition=models.Q(deleted_at=None),
                name="one_workspace_per_slug",
            ),
            models.UniqueConstraint(
                fields=["organization"],
                condition=models.Q(is_default=True, deleted_at=None),
                name="one_default_workspace",
            ),
            models.CheckConstraint(
                condition=models.Q(io_logging_sampling_rate__gte=0.0001, io_logging_sampling_rate__lte=1),
                name="workspace_sampling_rate",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def default_guardrail_id(self) -> uuid.UUID:
        """The id of the workspace's default guardrail, known before the guardrail is first written."""
        return uuid.uuid5(DEFAULT_GUARDRAIL, str(self.public_id))
