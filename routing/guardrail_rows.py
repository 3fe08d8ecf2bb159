"""Guardrails as rows: finding them, locking them and writing them down with a revision."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from accounts.models import Organization
from accounts.revisions import Action, Actor, Change, Scope, record, snapshot
from routing.guardrail_budgets import follow_guardrail
from routing.models import Guardrail, KeyAssignment, MemberAssignment
from workspaces.models import Workspace
from workspaces.models.workspace import WorkspaceQuerySet


class GuardrailGone(Exception):
    """The guardrail, or its workspace, was deleted meanwhile."""

    def __init__(self) -> None:
        super().__init__("The guardrail was deleted.")


def find(organization: Organization | int, public_id: UUID) -> Guardrail | None:
    """The organization's guardrail with this id; a workspace's default one exists before it is written."""
    rows = Guardrail.objects.for_organization(organization).select_related("workspace")
    stored: Guardrail | None = rows.filter(public_id=public_id).first()
    if stored is not None:
        return stored
    workspaces: WorkspaceQuerySet = Workspace.objects.for_organization(organization).live()
    owner = next((row for row in workspaces if row.default_guardrail_id == public_id), None)
    return None if owner is None else Guardrail.default_of(owner)


def page_of(workspace: Workspace, page: slice) -> tuple[list[Guardrail], int]:
    """A page of a workspace's guardrails, its default first, and how many there are in all."""
    rows = Guardrail.objects.for_workspace(workspace).select_related("workspace").in_order()
    stored = rows.count()
    if rows.filter(is_default=True).exists():
        return list(rows[page]), stored
    first = [Guardrail.default_of(workspace)] if page.start == 0 else []
    shifted = slice(max(0, page.start - 1), page.stop - 1)
    return first + list(rows[shifted]), stored + 1


def materialize(*, guardrail: Guardrail, by: Actor) -> Guardrail:
    """The guardrail with its row locked; a default one that was not written is written now. Raises GuardrailGone."""
    locked = lock(guardrail)
    if not locked.is_written:
        write(locked, None, by)
    return locked


def lock(guardrail: Guardrail) -> Guardrail:
    """The guardrail as it is now; guardrails of a workspace are written one at a time. Raises GuardrailGone."""
    workspace = lock_workspace(guardrail.organization_id, guardrail.workspace_id)
    rows = Guardrail.objects.for_workspace(workspace).select_related("workspace")
    stored: Guardrail | None = rows.filter(public_id=guardrail.public_id).first()
    if stored is None and not guardrail.is_default:
        raise GuardrailGone
    return stored or Guardrail.default_of(workspace)


def lock_workspace(organization_id: int, workspace_id: int) -> Workspace:
    """The live workspace with its row locked. Raises GuardrailGone."""
    rows = Workspace.objects.for_organization(organization_id).live()
    locked: Workspace | None = (
        rows.select_for_update(of=("self",), no_key=True).filter(pk=workspace_id).first()
    )
    if locked is None:
        raise GuardrailGone
    return locked


def write(guardrail: Guardrail, before: dict[str, Any] | None, by: Actor) -> None:
    """Save a guardrail, let purses follow its budget, and record it; `before` is None for a new one."""
    guardrail.save()
    follow_guardrail(guardrail, before)
    if before is None:
        guardrail.refresh_from_db(fields=["created_at"])
    record_guardrail("update" if before else "create", guardrail, before, by)


def record_guardrail(
    action: Action,
    guardrail: Guardrail,
    before: dict[str, Any] | None,
    by: Actor,
    touches: tuple[Scope, ...] | None = None,
) -> None:
    """Write down a change of a guardrail; `touches` where it was asked for before others were released."""
    record(
        Change(
            action=action,
            row=guardrail,
            before=before,
            after=None if action == "delete" else snapshot(guardrail),
            touches=touches_of(guardrail) if touches is None else touches,
            organization_id=guardrail.organization_id,
            workspace_id=guardrail.workspace_id,
        ),
        by=by,
    )


def touches_of(guardrail: Guardrail) -> tuple[Scope, ...]:
    """Whose policies follow from it: its workspace's for a default one, anybody's it is assigned to."""
    scopes = [Scope("workspace", guardrail.workspace_id)] if guardrail.is_default else []
    # Keys and members of any workspace may be held to it.
    if is_assigned(guardrail):
        scopes.append(Scope("organization", guardrail.organization_id))
    return tuple(scopes)


def is_assigned(guardrail: Guardrail) -> bool:
    """Whether anybody is held to it."""
    return guardrail.is_written and any(
        model.objects.for_organization(guardrail.organization_id).filter(guardrail=guardrail).exists()
        for model in (KeyAssignment, MemberAssignment)
    )
