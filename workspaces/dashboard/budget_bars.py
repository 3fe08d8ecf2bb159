"""What a workspace may spend per interval beside what it has spent, for pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from config.lib.subjects import workspace_subject
from workspaces.budget_layers import resets_at
from workspaces.budgets import budgets_of
from workspaces.models import Workspace
from workspaces.spending import spent_on


@dataclass(frozen=True)
class BudgetBar:
    """A budget with what enforcement compares it with."""

    interval: str
    name: str
    limit_nano: int
    spent_nano: int
    resets_at: datetime | None

    @property
    def is_exceeded(self) -> bool:
        """Whether requests are refused."""
        return self.spent_nano >= self.limit_nano


def budget_bars(workspace: Workspace) -> list[BudgetBar]:
    """The workspace's budgets, the broadest first; two queries however many they are."""
    budgets, subject, now = budgets_of(workspace), workspace_subject(workspace.pk), timezone.now()
    spent = spent_on(workspace.organization_id, [(subject, budget.interval) for budget in budgets])
    bars = []
    for budget in budgets:
        own, byok = spent[subject, budget.interval]
        counted = own + (byok if workspace.is_byok_in_budgets else 0)
        name, end = budget.interval_name, resets_at(budget.interval, now)
        bars.append(BudgetBar(budget.interval, name, budget.limit_nano, counted, end))
    return bars
