"""What a workspace tells its destinations and keeps of its requests: reading and changing it.

The switches, the rate and the keys of I/O logging are the workspace's own columns, whichever door they are changed
through; how long it keeps what was logged is a row of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.restoring import CannotRestore, Recorded
from accounts.revisions import Actor, Change, Scope, record, snapshot
from observability.models import ObservabilitySettings
from observability.models.destination import DEFAULT_RETENTION_DAYS, LONGEST_RETENTION_DAYS
from workspaces import workspaces
from workspaces.locking import lock_workspace
from workspaces.models import ApiKey, Workspace

OF_WORKSPACE = frozenset(
    {"is_broadcast_enabled", "is_io_logging_enabled", "io_logging_sampling_rate", "io_logging_api_key_ids"}
)
CHANGEABLE = OF_WORKSPACE | {"retention_days"}


class UnknownKey(ValueError):
    """A key that the workspace does not have, or no longer."""


class InvalidRetention(ValueError):
    """Content is kept for 1 to 3650 days."""


@dataclass(frozen=True)
class WorkspaceObservability:
    """The settings of one workspace as they are; `keys` None: all of them, else whose requests are logged."""

    workspace: Workspace
    retention_days: int
    keys: tuple[ApiKey, ...] | None
    updated_at: datetime | None

    @property
    def key_hashes(self) -> list[str] | None:
        """The keys as the API names them."""
        return None if self.keys is None else [key.hash for key in self.keys]


def settings_of(workspace: Workspace) -> WorkspaceObservability:
    """What the workspace tells and keeps."""
    row, numbers = _saved(workspace), workspace.io_logging_api_key_ids
    keys = None
    if numbers is not None:
        keys = tuple(ApiKey.objects.for_workspace(workspace).filter(pk__in=numbers).order_by("pk"))
    return WorkspaceObservability(
        workspace,
        row.retention_days if row else DEFAULT_RETENTION_DAYS,
        keys,
        row.updated_at if row else None,
    )


def key_ids(workspace: Workspace, hashes: Sequence[str] | None) -> list[int] | None:
    """The keys of the workspace with these hashes. Raises UnknownKey."""
    if hashes is None:
        return None
    rows = ApiKey.objects.for_workspace(workspace).active().filter(hash__in=hashes)
    known = dict(rows.values_list("hash", "pk"))
    if known.keys() != set(hashes):
        raise UnknownKey("There is no such key in the workspace.")
    return sorted(known.values())


def change(*, workspace: Workspace, by: Actor, **changes: Any) -> WorkspaceObservability:
    """Change what is named, all or none. Raises InvalidRetention, IoLoggingForbidden, WorkspaceGone."""
    unknown = changes.keys() - CHANGEABLE
    if unknown:
        raise TypeError(f"observability has no changeable {', '.join(sorted(unknown))}")
    own = {name: value for name, value in changes.items() if name in OF_WORKSPACE}
    with transaction.atomic():
        locked = lock_workspace(workspace)
        if own:
            locked = workspaces.change(workspace=locked, by=by, **own)
        if "retention_days" in changes:
            _keep_for(locked, changes["retention_days"], by)
        return settings_of(locked)


def reset(*, workspace: Workspace, by: Actor) -> None:
    """Keep what is logged as long as by default again; nothing set is no error. Raises WorkspaceGone."""
    with transaction.atomic():
        found = _saved(lock_workspace(workspace))
        if found is not None:
            _record(found, snapshot(found), by, is_end=True)
            found.delete()


def restore(recorded: Recorded, by: Actor) -> None:
    """Bring back for how long a workspace kept things; fills `restorers`. Raises CannotRestore."""
    live = Workspace.objects.for_organization(recorded.organization_id).live()
    workspace = live.filter(pk=recorded.pk).first()
    if workspace is None:
        raise CannotRestore("The workspace was deleted.")
    if recorded.state is None:
        reset(workspace=workspace, by=by)
    else:
        change(workspace=workspace, by=by, retention_days=recorded.state["retention_days"])


def _keep_for(workspace: Workspace, days: int, by: Actor) -> None:
    if not 1 <= days <= LONGEST_RETENTION_DAYS:
        raise InvalidRetention(f"retention_days: must be from 1 to {LONGEST_RETENTION_DAYS}.")
    row = _saved(workspace)
    before = snapshot(row) if row else None
    row = row or ObservabilitySettings(organization_id=workspace.organization_id, workspace=workspace)
    row.retention_days, row.updated_at = days, timezone.now()
    row.save()
    _record(row, before, by)


def _saved(workspace: Workspace) -> ObservabilitySettings | None:
    return ObservabilitySettings.objects.for_workspace(workspace).first()


def _record(
    row: ObservabilitySettings, before: dict[str, Any] | None, by: Actor, *, is_end: bool = False
) -> None:
    record(
        Change(
            action="delete" if is_end else "update" if before else "create",
            row=row,
            before=before,
            after=None if is_end else snapshot(row),
            touches=(Scope("workspace", row.workspace_id),),
            organization_id=row.organization_id,
            workspace_id=row.workspace_id,
        ),
        by=by,
    )
