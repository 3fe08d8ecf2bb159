"""Record every settings change: a revision for people, a version for the gateways.

Every domain function that changes a setting calls `record` in its transaction. A trigger on the settings tables
refuses transactions that did not (DESIGN §4).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from django.db import connections, models

from accounts.models import ManagementKey, Revision, User, Version

NOTIFY_CHANNEL = "policy"

Action = Literal["create", "update", "delete"]


@dataclass(frozen=True)
class Actor:
    """Who changes something, through which door (`api`, `dashboard`, `admin`, `shell`, `scim`,
    `stripe`), from where."""

    door: str
    user: User | None = None
    management_key: ManagementKey | None = None
    api_key_id: int | None = None
    address: str | None = None
    reason: str = ""

    def because(self, reason: str) -> Actor:
        """The same actor with a reason to be recorded."""
        return replace(self, reason=reason)


@dataclass(frozen=True)
class Scope:
    """A scope whose settings have a version: ('workspace', 7); the platform's id is 0."""

    kind: str
    object_id: int


PLATFORM = Scope(Version.PLATFORM, 0)


@dataclass(frozen=True)
class Change:
    """One change of one object, before and after as `snapshot` gives them, and the scopes it touches."""

    action: Action
    row: models.Model
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    touches: tuple[Scope, ...]
    organization_id: int | None = None
    workspace_id: int | None = None
    extra: dict[str, Any] = field(default_factory=dict)


SECRET_FIELDS = frozenset({"hash", "external_hash", "password", "sealed_credential"})


def snapshot(row: models.Model) -> dict[str, Any]:
    """The object's columns as JSON values, secrets left out."""
    return {
        column.attname: _as_json(getattr(row, column.attname))
        for column in row._meta.concrete_fields
        if column.attname not in SECRET_FIELDS
    }


def _as_json(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def record(change: Change, *, by: Actor) -> Revision:
    """Write the revision and move the touched scopes' versions on, in the caller's transaction."""
    revision = Revision.objects.create(
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
    )
    move_versions(change.touches, using=revision._state.db or "default")
    return revision


def move_versions(scopes: Iterable[Scope], *, using: str = "default") -> None:
    """Raise the scopes' versions, in one order for everybody, and wake the gateways at commit."""
    with connections[using].cursor() as cursor:
        for scope in sorted(set(scopes), key=lambda scope: (scope.kind, scope.object_id)):
            cursor.execute(
                "INSERT INTO version (kind, object_id, value) VALUES (%s, %s, 1) "
                "ON CONFLICT (kind, object_id) DO UPDATE SET value = version.value + 1",
                [scope.kind, scope.object_id],
            )
            payload = f"{scope.kind}:{scope.object_id}"
            cursor.execute("SELECT pg_notify(%s, %s)", [NOTIFY_CHANNEL, payload])


def diff(before: dict[str, Any] | None, after: dict[str, Any] | None) -> dict[str, tuple[Any, Any]]:
    """What changed, by column: (before, after); creation and deletion differ in every column."""
    old, new = before or {}, after or {}
    return {
        name: (old.get(name), new.get(name))
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    }
