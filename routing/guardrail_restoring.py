"""Bringing guardrails and assignments back to what a revision recorded; fills `restorers`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from accounts.models import Membership, User
from accounts.restoring import CannotRestore, Recorded
from accounts.revisions import Actor
from routing import guardrail_settings
from routing.guardrail_assignments import (
    UnknownKeys,
    assign_keys,
    assign_members,
    unassign_keys,
    unassign_members,
)
from routing.guardrail_checks import InvalidGuardrail
from routing.guardrail_rows import GuardrailGone
from routing.models import Guardrail, KeyAssignment, MemberAssignment
from workspaces.bulk_members import UnknownMembers
from workspaces.models import ApiKey, Workspace


def restore_guardrail(recorded: Recorded, by: Actor) -> None:
    """Change, recreate or delete a guardrail. Whom it was assigned to is restored by itself."""
    rows = Guardrail.objects.for_organization(recorded.organization_id).select_related("workspace")
    guardrail = rows.filter(pk=recorded.object_id).first()
    state = recorded.state
    try:
        if state is None:
            if guardrail is not None:
                guardrail_settings.delete(guardrail=guardrail, by=by)
            return
        columns = {name: state[name] for name in guardrail_settings.CHANGEABLE if name in state}
        if guardrail is not None:
            guardrail_settings.change(guardrail=guardrail, by=by, **columns)
        else:
            guardrail_settings.recreate(guardrail=_as_recorded(recorded, state), by=by, **columns)
    except GuardrailGone as error:
        raise CannotRestore("The guardrail's workspace was deleted.") from error
    except InvalidGuardrail as error:
        raise CannotRestore(str(error)) from error


def restore_key_assignment(recorded: Recorded, by: Actor) -> None:
    """Hold the key to the recorded guardrail again, or release it."""
    rows = KeyAssignment.objects.for_organization(recorded.organization_id)
    present = rows.filter(pk=recorded.object_id).select_related("guardrail", "api_key").first()
    if recorded.state is None:
        if present is not None:
            unassign_keys(guardrail=present.guardrail, keys=[present.api_key], by=by)
        return
    key = ApiKey.objects.for_organization(recorded.organization_id).active()
    found = key.filter(pk=recorded.state["api_key_id"]).first()
    if found is None:
        raise CannotRestore("The key was deleted.")
    try:
        assign_keys(guardrail=_guardrail_of(recorded, recorded.state), keys=[found], by=by)
    except (GuardrailGone, UnknownKeys) as error:
        raise CannotRestore("The key or the guardrail was deleted.") from error


def restore_member_assignment(recorded: Recorded, by: Actor) -> None:
    """Hold the member to the recorded guardrail again, or release him."""
    rows = MemberAssignment.objects.for_organization(recorded.organization_id)
    present = rows.filter(pk=recorded.object_id).select_related("guardrail", "membership").first()
    if recorded.state is None:
        if present is not None:
            unassign_members(guardrail=present.guardrail, memberships=[present.membership], by=by)
        return
    live = Membership.objects.for_organization(recorded.organization_id).live().select_related("user")
    found = live.filter(pk=recorded.state["membership_id"]).first()
    if found is None:
        raise CannotRestore("The member left the organization.")
    try:
        assign_members(guardrail=_guardrail_of(recorded, recorded.state), memberships=[found], by=by)
    except (GuardrailGone, UnknownMembers) as error:
        raise CannotRestore("The member left, or the guardrail was deleted.") from error


def _guardrail_of(recorded: Recorded, state: dict[str, Any]) -> Guardrail:
    rows = Guardrail.objects.for_organization(recorded.organization_id)
    found: Guardrail | None = rows.filter(pk=state["guardrail_id"]).first()
    if found is None:
        raise CannotRestore("The guardrail was deleted; bring it back first.")
    return found


def _as_recorded(recorded: Recorded, state: dict[str, Any]) -> Guardrail:
    """The guardrail with the identity that it had; its settings are filled in by the domain function."""
    live = Workspace.objects.for_organization(recorded.organization_id).live()
    workspace = live.filter(pk=state["workspace_id"]).first()
    if workspace is None:
        raise CannotRestore("The guardrail's workspace was deleted.")
    if state["is_default"] and Guardrail.objects.for_workspace(workspace).filter(is_default=True).exists():
        raise CannotRestore("The workspace has written its default guardrail anew.")
    return Guardrail(
        pk=int(recorded.object_id),
        public_id=state["public_id"],
        organization_id=recorded.organization_id,
        workspace=workspace,
        is_default=state["is_default"],
        created_by=User.objects.filter(pk=state["created_by_id"]).first(),
        created_at=datetime.fromisoformat(state["created_at"]),
    )
