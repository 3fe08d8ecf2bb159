"""What a workspace may spend per interval."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models.functions import Now

from config.lib.scoping import TenantModel


class WorkspaceBudget(TenantModel):
    """One limit of a workspace: per UTC day, week or month ('d', 'w', 'm'), or for its whole life ('t').

    A broader interval's limit is larger than a narrower one's; workspaces.budgets keeps that true under the
    workspace's row lock. What is enforced are the workspace's purses (spec: money §1), which follow these rows.
    """

    INTERVALS = {"lifetime": "t", "monthly": "m", "weekly": "w", "daily": "d"}
    """From the broadest to the narrowest."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    organization = models.ForeignKey("accounts.Organization", models.CASCADE, related_name="+")
    workspace = models.ForeignKey("workspaces.Workspace", models.CASCADE, related_name="budgets")
    interval = models.CharField(max_length=1)
    limit_nano = models.BigIntegerField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta(TenantModel.Meta):
        db_table = "workspace_budget"
        constraints = [
            models.UniqueConstraint(fields=["workspace", "interval"], name="one_budget_per_interval"),
            models.CheckConstraint(
                condition=models.Q(interval__in=["d", "w", "m", "t"]), name="workspace_budget_interval"
            ),
            models.CheckConstraint(condition=models.Q(limit_nano__gt=0), name="workspace_budget_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.interval_name} budget of {self.workspace}"

    @property
    def interval_name(self) -> str:
        """`daily`, `weekly`, `monthly` or `lifetime`."""
        return {letter: name for name, letter in self.INTERVALS.items()}[self.interval]
