"""Locking, counting and recording destinations: what every change of them has in common.

All changes of an organization's destinations are made one at a time, because they reach into several workspaces. The
lock is taken after those of workspaces and before those of rows, so that nobody waits in a circle.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection
from django.utils import timezone

from accounts.revisions import Action, Actor, Change, Scope, move_versions, record, snapshot
from observability.destinations import DESTINATIONS
from observability.models import Destination
from workspaces.locking import lock_workspace
from workspaces.models import Workspace

DESTINATION_LOCK = 7243
MOST_OF_A_TYPE = 5


class DestinationGone(Exception):
    """The destination was deleted meanwhile."""


class TooManyDestinations(Exception):
    """A workspace has as many destinations of this type as it may."""


def lock_workspaces(organization_id: int) -> list[Workspace]:
    """The organization's live workspaces with their rows locked, and its destinations too."""
    live = Workspace.objects.for_organization(organization_id).live()
    list(live.select_for_update(of=("self",), no_key=True).order_by("pk"))
    lock_destinations(organization_id)
    return list(live.order_by("pk"))  # again: one may have been made before the lock was had


def lock_one_workspace(workspace: Workspace) -> Workspace:
    """A workspace with its row locked, and its organization's destinations too. Raises WorkspaceGone."""
    locked = lock_workspace(workspace)
    lock_destinations(locked.organization_id)
    return locked


def lock_destinations(organization_id: int) -> None:
    """Wait until nobody else changes destinations of the organization, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [DESTINATION_LOCK, organization_id])


def live_of(destination: Destination) -> Destination:
    """The destination as it is now, its row locked. Raises DestinationGone."""
    rows = Destination.objects.for_organization(destination.organization_id).live()
    known = rows.filter(type__in=DESTINATIONS, workspace__deleted_at=None)
    found: Destination | None = (
        known.select_for_update(of=("self",)).select_related("workspace").filter(pk=destination.pk).first()
    )
    if found is None:
        raise DestinationGone("The destination was deleted.")
    return found


def copies_of(source: Destination) -> list[Destination]:
    """The destinations that follow one, locked."""
    rows = Destination.objects.for_organization(source.organization_id).live().filter(source=source)
    return list(rows.select_for_update(of=("self",)).select_related("workspace").order_by("pk"))


def require_room(workspaces: Iterable[Workspace], kind: str) -> None:
    """Pass if each workspace may have one more destination of the type. Raises TooManyDestinations."""
    for workspace in workspaces:
        alike = Destination.objects.for_workspace(workspace).live().filter(type=kind)
        if alike.count() >= MOST_OF_A_TYPE:
            raise TooManyDestinations(
                f"The workspace {workspace.name!r} has {MOST_OF_A_TYPE} destinations of this type already."
            )


def write(
    action: Action,
    rows: Sequence[Destination],
    before: Sequence[dict[str, Any] | None],
    by: Actor,
    **extra: str,
) -> None:
    """Save destinations and record what became of them, each in its workspace."""
    versions = move_versions(_scope(row) for row in rows)
    for row, old in zip(rows, before, strict=True):
        row.updated_at = None if old is None else timezone.now()
        row.save(force_insert=old is None)
        if old is None:
            row.refresh_from_db()
        scope = _scope(row).name
        record(
            Change(
                action=action,
                row=row,
                before=old,
                after=None if action == "delete" else snapshot(row),
                touches=(),
                organization_id=row.organization_id,
                workspace_id=row.workspace_id,
                extra=dict(extra),
                versions={scope: versions[scope]},
            ),
            by=by,
        )


def _scope(row: Destination) -> Scope:
    return Scope("workspace", row.workspace_id)
