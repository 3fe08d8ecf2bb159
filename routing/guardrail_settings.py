"""Creating, changing and deleting guardrails; the gateway enforces what is set here."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.revisions import Actor, snapshot
from routing.guardrail_assignments import release_all
from routing.guardrail_checks import check_columns, check_limit
from routing.guardrail_rows import lock, lock_workspace, record_guardrail, touches_of, write
from routing.models import Guardrail
from workspaces.models import Workspace
from workspaces.purse_limits import follow_limits, subjects_in

KEPT = frozenset(
    {"id", "public_id", "organization", "workspace", "is_default", "created_by", "created_at", "updated_at"}
)
CHANGEABLE = frozenset(field.name for field in Guardrail._meta.concrete_fields) - KEPT


def create(*, workspace: Workspace, name: str, by: Actor, **settings: Any) -> Guardrail:
    """Create a guardrail, which governs nothing until it is assigned. Raises InvalidGuardrail, GuardrailGone."""
    _refuse_unknown(settings)
    check_columns(settings)
    with transaction.atomic():
        guardrail = Guardrail(
            organization_id=workspace.organization_id,
            workspace=lock_workspace(workspace.organization_id, workspace.pk),
            name=name,
            created_by=by.user,
            **settings,
        )
        check_limit(guardrail.limit_nano, guardrail.limit_interval)
        write(guardrail, None, by)
    return guardrail


def change(*, guardrail: Guardrail, by: Actor, **changes: Any) -> Guardrail:
    """Change a guardrail, all or none; a default one is written now if it was not. Raises InvalidGuardrail,
    GuardrailGone.
    """
    _refuse_unknown(changes)
    check_columns(changes)
    with transaction.atomic():
        locked = lock(guardrail)
        before = snapshot(locked) if locked.is_written else None
        for name, value in changes.items():
            setattr(locked, name, value)
        check_limit(locked.limit_nano, locked.limit_interval)
        locked.updated_at = timezone.now()
        write(locked, before, by)
    return locked


def recreate(*, guardrail: Guardrail, by: Actor, **settings: Any) -> Guardrail:
    """Write a guardrail that was deleted once more, under its old id. Raises InvalidGuardrail, GuardrailGone."""
    _refuse_unknown(settings)
    check_columns(settings)
    with transaction.atomic():
        lock_workspace(guardrail.organization_id, guardrail.workspace_id)
        for name, value in settings.items():
            setattr(guardrail, name, value)
        check_limit(guardrail.limit_nano, guardrail.limit_interval)
        write(guardrail, None, by)
    return guardrail


def delete(*, guardrail: Guardrail, by: Actor) -> None:
    """Delete a guardrail and free whom it was assigned to; a default one restricts nothing again.

    Raises GuardrailGone.
    """
    with transaction.atomic():
        locked = lock(guardrail)
        if locked.is_written:
            _delete(locked, by)


def delete_with_workspace(workspace: Workspace, by: Actor) -> None:
    """Delete all guardrails of a workspace that is being deleted; fills `workspace_deleting`."""
    for guardrail in Guardrail.objects.for_workspace(workspace).select_related("workspace").order_by("pk"):
        _delete(guardrail, by)


def _refuse_unknown(columns: dict[str, Any]) -> None:
    unknown = columns.keys() - CHANGEABLE
    if unknown:
        raise TypeError(f"a guardrail has no changeable {', '.join(sorted(unknown))}")


def _delete(guardrail: Guardrail, by: Actor) -> None:
    touches, before = touches_of(guardrail), snapshot(guardrail)
    release_all(guardrail, by)
    Guardrail.objects.for_workspace(guardrail.workspace_id).filter(pk=guardrail.pk).delete()
    if guardrail.is_default:
        follow_limits(guardrail.organization_id, subjects_in(guardrail.workspace))
    record_guardrail("delete", guardrail, before, by, touches)
