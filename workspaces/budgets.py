"""Workspace budgets: setting, deleting and reading them; what enforces them are the workspace's purses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise

from django.db import transaction
from django.utils import timezone

from accounts.revisions import Action, Actor, Change, Scope, record, snapshot
from config.lib.money import plain_usd, usd_from_nano
from config.lib.subjects import workspace_subject
from workspaces.locking import lock_workspace
from workspaces.models import Workspace, WorkspaceBudget
from workspaces.purse_limits import follow_limits

NAMES = {letter: name for name, letter in WorkspaceBudget.INTERVALS.items()}


class NotDecreasing(Exception):
    """A broader interval's budget must be larger than a narrower one's; `interval` is the broader one."""

    def __init__(self, interval: str, rule: str) -> None:
        self.interval, self.rule = interval, rule
        super().__init__(f"limit_usd: {rule}")


def set_budget(
    *, workspace: Workspace, interval: str, limit_nano: int, by: Actor, is_byok_included: bool | None = None
) -> WorkspaceBudget:
    """Create or change the budget of an interval ('d', 'w', 'm', 't'). Raises NotDecreasing, WorkspaceGone.

    `is_byok_included` is a setting of the workspace, for all of its budgets; None leaves it as it is.
    """
    with transaction.atomic():
        locked = lock_workspace(workspace)
        budgets = {row.interval: row for row in WorkspaceBudget.objects.for_workspace(locked)}
        _check_order({name: row.limit_nano for name, row in budgets.items()} | {interval: limit_nano})
        budget = _bring(budgets.get(interval), locked, interval, limit_nano, by)
        _include_byok(locked, is_byok_included, by)
        _follow(locked)
    budget.refresh_from_db()
    return budget


def set_budgets(
    *, workspace: Workspace, limits: Mapping[str, int | None], is_byok_included: bool, by: Actor
) -> None:
    """Bring the budgets of several intervals to their limits at once, all or none; None removes one.

    Raises NotDecreasing, WorkspaceGone.
    """
    with transaction.atomic():
        locked = lock_workspace(workspace)
        budgets = {row.interval: row for row in WorkspaceBudget.objects.for_workspace(locked)}
        wanted: dict[str, int | None] = {interval: row.limit_nano for interval, row in budgets.items()}
        wanted.update(limits)
        _check_order({interval: limit for interval, limit in wanted.items() if limit is not None})
        for interval, limit in limits.items():
            budget = budgets.get(interval)
            if limit is None:
                _delete([budget] if budget else [], by)
            elif budget is None or budget.limit_nano != limit:
                _bring(budget, locked, interval, limit, by)
        _include_byok(locked, is_byok_included, by)
        _follow(locked)


def include_byok(*, workspace: Workspace, is_included: bool, by: Actor) -> None:
    """Let all budgets of a workspace count BYOK spend, or not. Raises WorkspaceGone."""
    with transaction.atomic():
        locked = lock_workspace(workspace)
        _include_byok(locked, is_included, by)
        _follow(locked)


def delete_budget(*, workspace: Workspace, interval: str, by: Actor) -> None:
    """Remove the budget of an interval; one that does not exist is no error. Raises WorkspaceGone."""
    with transaction.atomic():
        locked = lock_workspace(workspace)
        if _delete(WorkspaceBudget.objects.for_workspace(locked).filter(interval=interval), by):
            _follow(locked)


def delete_with_workspace(workspace: Workspace, by: Actor) -> None:
    """Remove all budgets of a workspace that is being deleted; fills `workspace_deleting`."""
    if _delete(WorkspaceBudget.objects.for_workspace(workspace).order_by("pk"), by):
        _follow(workspace)


def budgets_of(workspace: Workspace) -> list[WorkspaceBudget]:
    """The workspace's budgets, the broadest first."""
    order = list(WorkspaceBudget.INTERVALS.values())
    return sorted(WorkspaceBudget.objects.for_workspace(workspace), key=lambda row: order.index(row.interval))


def _bring(
    budget: WorkspaceBudget | None, workspace: Workspace, interval: str, limit_nano: int, by: Actor
) -> WorkspaceBudget:
    """Write the budget of an interval, which is there or not."""
    before = snapshot(budget) if budget else None
    if budget is None:
        organization = workspace.organization_id
        budget = WorkspaceBudget(organization_id=organization, workspace=workspace, interval=interval)
    budget.limit_nano, budget.updated_at = limit_nano, timezone.now()
    budget.save()
    _record("update" if before else "create", budget, before, by)
    return budget


def _follow(workspace: Workspace) -> None:
    follow_limits(workspace.organization_id, [workspace_subject(workspace.pk)])


def _check_order(limits: dict[str, int]) -> None:
    letters = [letter for letter in WorkspaceBudget.INTERVALS.values() if letter in limits]
    for broad, narrow in pairwise(letters):
        if limits[broad] <= limits[narrow]:
            raise NotDecreasing(
                broad,
                f"the {NAMES[broad]} budget ({_dollars(limits[broad])}) must be larger than "
                f"the {NAMES[narrow]} one ({_dollars(limits[narrow])}).",
            )


def _include_byok(workspace: Workspace, is_included: bool | None, by: Actor) -> None:
    if is_included is None or is_included == workspace.is_byok_in_budgets:
        return
    before = snapshot(workspace)
    workspace.is_byok_in_budgets, workspace.updated_at = is_included, timezone.now()
    workspace.save(update_fields=["is_byok_in_budgets", "updated_at"])
    record(_change("update", workspace, workspace, before), by=by)


def _delete(budgets: Iterable[WorkspaceBudget], by: Actor) -> bool:
    rows = list(budgets)
    for row in rows:
        _record("delete", row, snapshot(row), by)
        row.delete()
    return bool(rows)


def _record(action: Action, budget: WorkspaceBudget, before: dict[str, object] | None, by: Actor) -> None:
    record(_change(action, budget, budget.workspace, before), by=by)


def _change(
    action: Action, row: WorkspaceBudget | Workspace, workspace: Workspace, before: dict[str, object] | None
) -> Change:
    return Change(
        action=action,
        row=row,
        before=before,
        after=None if action == "delete" else snapshot(row),
        touches=(Scope("workspace", workspace.pk),),
        organization_id=workspace.organization_id,
        workspace_id=workspace.pk,
    )


def _dollars(nano: int) -> str:
    return "$" + plain_usd(usd_from_nano(nano))
