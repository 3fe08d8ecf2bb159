"""Record every settings change: a revision for people, a version for the gateways.

Every domain function that changes a setting calls `record` in its transaction. A trigger on the settings tables
refuses transactions that did not (DESIGN §4).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from django.db import connections, models

from accounts.models import ManagementKey, Revision, User, Version

NOTIFY_CHANNEL = "policy"
LONGEST_REASON = 500

Action = Literal["create", "update", "delete"]


@dataclass(frozen=True)
class Actor:
    """Who changes something, through which door (accounts.audit_log), from where.

    `restores` is the revision that is being rolled back to, if that is what happens.
    """

    door: str
    user: User | None = None
    management_key: ManagementKey | None = None
    api_key_id: int | None = None
    address: str | None = None
    reason: str = ""
    restores: int | None = None

    def because(self, reason: str) -> Actor:
        """The same actor with a reason to be recorded."""
        return replace(self, reason=reason)

    def restoring(self, revision_id: int, reason: str) -> Actor:
        """The same actor, rolling back to a revision."""
        said = f"restores revision {revision_id}" + (f": {reason}" if reason else "")
        return replace(self, reason=said[:LONGEST_REASON], restores=revision_id)


@dataclass(frozen=True)
class Scope:
    """A scope whose settings have a version: ('workspace', 7); the platform's id is 0."""

    kind: str
    object_id: int

    @property
    def name(self) -> str:
        """As policies, generations and revisions name it: `workspace:7`."""
        return f"{self.kind}:{self.object_id}"


PLATFORM = Scope(Version.PLATFORM, 0)


@dataclass(frozen=True)
class Change:
    """One change of one object, before and after as `snapshot` gives them, and the scopes it touches.

    `versions` are those that somebody who changes many objects at once has moved already.
    """

    action: Action
    row: models.Model
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    touches: tuple[Scope, ...]
    organization_id: int | None = None
    workspace_id: int | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)


SECRET = re.compile(r"(?:^|_)(?:hash|password|secret|sealed|token)(?:_|$)")
"""Columns that no revision holds, by a word of their names; `tokens_per_minute` is none of them."""


def is_secret(column: str) -> bool:
    """Whether a column is left out of revisions because of what its name says."""
    return SECRET.search(column) is not None


def snapshot(row: models.Model) -> dict[str, Any]:
    """The object's columns as JSON values, secrets left out."""
    return {
        column.attname: _as_json(getattr(row, column.attname))
        for column in row._meta.concrete_fields
        if not is_secret(column.attname)
    }


def _as_json(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def record(change: Change, *, by: Actor) -> Revision:
    """Move the touched scopes' versions on and write the revision, in the caller's transaction.

    Whoever locks a row that revisions refer to (organization, user, management key) before calling this locks it
    with `no_key`, or two changes of one organization could wait for each other.
    """
    versions = change.versions | move_versions(change.touches)
    return Revision.objects.create(
        organization_id=change.organization_id,
        workspace_id=change.workspace_id,
        object_type=change.row._meta.model_name or "",
        object_id=str(change.row.pk),
        object_name=str(change.row)[:200],
        action=change.action,
        before=change.before,
        after=change.after if not change.extra else {**(change.after or {}), **change.extra},
        door=by.door,
        user=by.user,
        management_key=by.management_key,
        api_key_id=by.api_key_id,
        address=by.address,
        reason=by.reason,
        restores=by.restores,
        versions=versions,
    )


MOVE = """
WITH moved AS (
  INSERT INTO version (kind, object_id, value)
  SELECT kind, object_id, 1 FROM unnest(%s::text[], %s::bigint[]) AS scope (kind, object_id)
  ON CONFLICT (kind, object_id) DO UPDATE SET value = version.value + 1
  RETURNING kind || ':' || object_id AS name, value)
SELECT name, value, pg_notify(%s, name) FROM moved"""


def move_versions(scopes: Iterable[Scope], *, using: str = "default") -> dict[str, int]:
    """Raise the scopes' versions, in one order for everybody, and wake the gateways at commit; the new versions."""
    ordered = sorted(set(scopes), key=lambda scope: (scope.kind, scope.object_id))
    if not ordered:
        return {}
    kinds, numbers = [scope.kind for scope in ordered], [scope.object_id for scope in ordered]
    with connections[using].cursor() as cursor:
        cursor.execute(MOVE, [kinds, numbers, NOTIFY_CHANNEL])
        return {name: value for name, value, _ in cursor.fetchall()}


def revisions_behind(scope: Scope, version: int) -> models.QuerySet[Revision]:
    """The revisions that made a scope's version, for whoever asks why a request was decided as it was."""
    return Revision.objects.filter(versions__contains={scope.name: version})


def diff(before: dict[str, Any] | None, after: dict[str, Any] | None) -> dict[str, tuple[Any, Any]]:
    """What changed, by column: (before, after); creation and deletion differ in every column."""
    old, new = before or {}, after or {}
    return {
        name: (old.get(name), new.get(name))
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    }
