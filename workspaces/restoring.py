"""How this app's objects are brought back to a recorded state; fills `accounts.restoring.restorers`.

Nothing that was deleted for good reasons comes back by the way: a deleted key stays deleted, because a leak may be
why, and so does a deleted workspace, whose guardrails, budgets and secrets went with it.
"""

from __future__ import annotations

from typing import Any

from accounts.models import Membership
from accounts.privacy import IoLoggingForbidden
from accounts.restoring import CannotRestore, Recorded, differing, keep_disabled, restorers
from accounts.revisions import Actor
from workspaces import api_keys, budgets, external_users, members, workspaces
from workspaces.locking import WorkspaceGone
from workspaces.models import ApiKey, ExternalUser, Workspace, WorkspaceBudget, WorkspaceMember


def fill() -> None:
    """Put this app's restorers in their places."""
    restorers.fill("workspace", restore_workspace)
    restorers.fill("workspacemember", restore_seat)
    restorers.fill("workspacebudget", restore_budget)
    restorers.fill("apikey", restore_api_key)
    restorers.fill("externaluser", restore_external_user)


def restore_workspace(recorded: Recorded, by: Actor) -> None:
    """Give a workspace its recorded settings, or delete one whose beginning is rolled back."""
    live = Workspace.objects.for_organization(recorded.organization_id).live()
    workspace = live.filter(pk=recorded.pk).first()
    if recorded.state is None:
        if workspace is not None:
            _delete_workspace(workspace, by)
        return
    if workspace is None:
        raise CannotRestore(
            "A deleted workspace stays deleted: its guardrails, budgets and secrets went with it. Create another."
        )
    changes = differing(workspace, recorded.state, workspaces.CHANGEABLE)
    counting = differing(workspace, recorded.state, ["is_byok_in_budgets"])
    try:
        if changes:
            workspaces.change(workspace=workspace, by=by, **changes)
        if counting:
            budgets.include_byok(workspace=workspace, is_included=counting["is_byok_in_budgets"], by=by)
    except (workspaces.SlugTaken, IoLoggingForbidden, WorkspaceGone) as error:
        raise CannotRestore(str(error) or "The workspace was deleted.") from error


def restore_seat(recorded: Recorded, by: Actor) -> None:
    """Put a member into a workspace again, or take him out of it."""
    if recorded.state is None:
        _take_out(recorded, by)
        return
    workspace = _live_workspace(recorded.organization_id, recorded.state["workspace_id"])
    membership = _live_membership(recorded.organization_id, recorded.state["membership_id"])
    if recorded.state.get("role") is not None:
        raise CannotRestore("A role in a workspace is set by the identity provider alone.")
    members.add(workspace=workspace, membership=membership, by=by)


def restore_budget(recorded: Recorded, by: Actor) -> None:
    """Set a budget as it was, also one that was deleted, or delete it."""
    state = recorded.state
    existing = WorkspaceBudget.objects.for_organization(recorded.organization_id)
    try:
        if state is None:
            budget = existing.filter(pk=recorded.pk).select_related("workspace").first()
            if budget is not None:
                budgets.delete_budget(workspace=budget.workspace, interval=budget.interval, by=by)
            return
        workspace = _live_workspace(recorded.organization_id, state["workspace_id"])
        today = existing.filter(workspace=workspace, interval=state["interval"]).first()
        if today is None or today.limit_nano != state["limit_nano"]:
            budgets.set_budget(
                workspace=workspace, interval=state["interval"], limit_nano=state["limit_nano"], by=by
            )
    except (budgets.NotDecreasing, WorkspaceGone) as error:
        raise CannotRestore(str(error) or "The workspace was deleted.") from error


def restore_api_key(recorded: Recorded, by: Actor) -> None:
    """Give a key its recorded settings, or delete one whose issue is rolled back."""
    active = ApiKey.objects.for_organization(recorded.organization_id).active()
    key = active.filter(pk=recorded.pk).select_related("workspace", "owner").first()
    if recorded.state is None:
        if key is not None:
            api_keys.delete(key=key, by=by)
        return
    if key is None:
        raise CannotRestore("A deleted key stays deleted; issue another one.")
    keep_disabled(key, recorded, "key")
    changes = differing(key, recorded.state, api_keys.CHANGEABLE - {"workspace", "owner"})
    changes |= _moved(key, recorded.state)
    if changes:
        try:
            api_keys.change(key=key, by=by, **changes)
        except api_keys.OwnerNotInWorkspace as error:
            raise CannotRestore(str(error)) from error


def restore_external_user(recorded: Recorded, by: Actor) -> None:
    """Make a registration as active as it was; before it was made, it was not."""
    user = ExternalUser.objects.for_organization(recorded.organization_id).filter(pk=recorded.pk).first()
    if user is None:
        raise CannotRestore("The registration is gone with its organization.")
    is_active = recorded.state is not None and recorded.state["is_active"]
    external_users.set_active(user=user, is_active=is_active, by=by)


def _moved(key: ApiKey, state: dict[str, Any]) -> dict[str, Any]:
    """Workspace and owner, where they were others."""
    moved: dict[str, Any] = {}
    if state["workspace_id"] != key.workspace_id:
        moved["workspace"] = _live_workspace(key.organization_id, state["workspace_id"])
    if state["owner_id"] != key.owner_id:
        owner = state["owner_id"]
        moved["owner"] = None if owner is None else _live_membership(key.organization_id, owner)
    return moved


def _delete_workspace(workspace: Workspace, by: Actor) -> None:
    try:
        workspaces.delete(workspace=workspace, by=by)
    except (workspaces.WorkspaceHasActiveKeys, workspaces.ConfirmationNeeded) as error:
        raise CannotRestore(str(error)) from error


def _take_out(recorded: Recorded, by: Actor) -> None:
    seats = WorkspaceMember.objects.for_organization(recorded.organization_id)
    seat = seats.filter(pk=recorded.pk).select_related("workspace", "membership").first()
    if seat is None:
        return
    try:
        members.remove(workspace=seat.workspace, membership=seat.membership, by=by)
    except (members.HasActiveKeys, members.DefaultWorkspace) as error:
        raise CannotRestore(str(error)) from error


def _live_workspace(organization_id: int, pk: int) -> Workspace:
    workspace = Workspace.objects.for_organization(organization_id).live().filter(pk=pk).first()
    if workspace is None:
        raise CannotRestore("Its workspace was deleted.")
    return workspace


def _live_membership(organization_id: int, pk: int) -> Membership:
    members_now = Membership.objects.for_organization(organization_id).live()
    membership = members_now.filter(pk=pk).select_related("user").first()
    if membership is None:
        raise CannotRestore("The person is no member of the organization any more.")
    return membership
