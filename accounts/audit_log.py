"""Reading the audit log: revisions and events of an organization as one list, newest first.

Both take their ids from one sequence, so an id is a place in the list, and pages are cut by it: the log grows while
it is read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final, TypeVar
from uuid import UUID

from django.apps import apps
from django.db import models
from django.db.models import Q

from accounts.audit_events import KINDS, SIGN_IN_FAILED
from accounts.history import who_made
from accounts.models import AuditEvent, Revision
from accounts.revisions import diff
from config.lib.keyset import Page, UnknownCursor
from config.lib.registry import Slot

DOORS: Final = ("api", "dashboard", "admin", "shell", "scim", "stripe")
ACTIONS: Final = {"create": "created", "update": "changed", "delete": "deleted"}
LONGEST_ID = 18
NAMED_COLUMNS = 4
"""How many changed columns a summary names."""

M = TypeVar("M", Revision, AuditEvent)


@dataclass(frozen=True)
class Place:
    """A workspace as the log names it, also one that was deleted."""

    pk: int
    public_id: UUID
    slug: str
    name: str


workspaces_of_log: Slot[[int], list[Place]] = Slot("workspaces_of_log")
"""Called with an organization's id; answers its workspaces, deleted ones included."""


@dataclass(frozen=True)
class LogFilter:
    """What to show; None and empty stand for everything. `version` is a scope's name and a version of it."""

    action: str = ""
    door: str = ""
    object_type: str = ""
    object_id: str = ""
    user_id: int | None = None
    workspace_ids: frozenset[int] | None = None
    since: datetime | None = None
    until: datetime | None = None
    version: tuple[str, int] | None = None

    @property
    def shared(self) -> dict[str, Any]:
        """The conditions that revisions and events alike can meet."""
        named = {
            "door": self.door or None,
            "user_id": self.user_id,
            "created_at__gte": self.since,
            "created_at__lt": self.until,
        }
        return {name: value for name, value in named.items() if value is not None}

    @property
    def is_about_objects(self) -> bool:
        """Whether only revisions can meet it."""
        is_of_objects = self.object_type or self.object_id or self.version
        return bool(is_of_objects) or self.workspace_ids is not None


@dataclass(frozen=True)
class Entry:
    """A line of the log: a revision or an event, told alike."""

    source: Revision | AuditEvent

    @property
    def pk(self) -> int:
        """Its place in the log."""
        return int(self.source.pk)

    @property
    def revision(self) -> Revision | None:
        """The revision, if a setting was changed."""
        return self.source if isinstance(self.source, Revision) else None

    @property
    def action(self) -> str:
        """`create`, `update`, `delete`, or the kind of the event."""
        return self.source.action if isinstance(self.source, Revision) else self.source.kind

    @property
    def who(self) -> str:
        """The person or the key behind it; of a failed sign-in, whose account it was about."""
        if isinstance(self.source, AuditEvent) and self.source.kind == SIGN_IN_FAILED:
            return str(self.source.user or "Somebody unknown")
        key = None if self.source.user else self.source.management_key
        return key.name if key else who_made(self.source)

    @property
    def summary(self) -> str:
        """What was done, as a sentence goes on after `who`."""
        return summary_of(self.source)


def summary_of(source: Revision | AuditEvent) -> str:
    """`changed the API key “production” (limit, name)`, `signed in`."""
    if isinstance(source, AuditEvent):
        what = source.detail.get("what") or source.detail.get("factor")
        return KINDS.get(source.kind, source.kind) + (f" ({what})" if what else "")
    verb = "rolled back" if source.restores else ACTIONS.get(source.action, source.action)
    told = f"{verb} the {kind_name(source.object_type)} “{object_name(source)}”"
    columns = [column_name(name) for name in changed_columns(source)] if source.action == "update" else []
    named = ", ".join(columns[:NAMED_COLUMNS]) + (" …" if len(columns) > NAMED_COLUMNS else "")
    return f"{told} ({named})" if named else told


def changed_columns(revision: Revision) -> list[str]:
    """The columns that a revision changed, but for the time of the change."""
    return [name for name in diff(revision.before, revision.after) if name != "updated_at"]


def object_name(revision: Revision) -> str:
    """What the object was called: by its own name where it has one, a key's label is for its own page."""
    state = revision.after or revision.before or {}
    return str(state.get("name") or revision.object_name)


def kind_name(object_type: str) -> str:
    """`API key` for `apikey`."""
    return _kind_names().get(object_type, object_type)


def column_name(column: str) -> str:
    """A column as people read it: `limit` for `limit_nano`, `disabled` for `is_disabled`."""
    return column.removeprefix("is_").removesuffix("_nano").removesuffix("_id").replace("_", " ")


def revisions(organization_id: int, wanted: LogFilter) -> models.QuerySet[Revision]:
    """The organization's revisions that the filter lets through."""
    rows = Revision.objects.for_organization(organization_id).filter(**wanted.shared)
    if wanted.action:
        rows = rows.filter(action=wanted.action)
    if wanted.object_type:
        rows = rows.filter(object_type=wanted.object_type)
    if wanted.object_id:
        rows = rows.filter(_is_object(wanted.object_id))
    if wanted.workspace_ids is not None:
        rows = rows.filter(workspace_id__in=wanted.workspace_ids)
    if wanted.version is not None:
        name, value = wanted.version
        rows = rows.filter(versions__contains={name: value})
    return rows.select_related("user", "management_key")


def events(organization_id: int, wanted: LogFilter) -> models.QuerySet[AuditEvent]:
    """The organization's events that the filter lets through."""
    rows = AuditEvent.objects.for_organization(organization_id).filter(**wanted.shared)
    if wanted.is_about_objects:
        return rows.none()
    if wanted.action:
        rows = rows.filter(kind=wanted.action)
    return rows.select_related("user", "management_key")


def log_page(organization_id: int, wanted: LogFilter, *, before: str, size: int) -> Page[Entry]:
    """A page of the log; the cursor is the id of the last line shown. Raises UnknownCursor."""
    found: list[Entry] = []
    sources: tuple[Callable[[int, LogFilter], models.QuerySet[Any]], ...] = (revisions, events)
    for rows_of in sources:
        found += map(Entry, newest(rows_of(organization_id, wanted), before=before, size=size + 1))
    found = sorted(found, key=lambda entry: -entry.pk)
    return Page(found[:size], str(found[size - 1].pk) if len(found) > size else None)


def newest(rows: models.QuerySet[M], *, before: str, size: int) -> list[M]:
    """The newest rows, or those before an id. Raises UnknownCursor."""
    if before:
        if not _is_id(before):
            raise UnknownCursor(before[:50])
        rows = rows.filter(pk__lt=int(before))
    return list(rows.order_by("-pk")[:size])


def count(organization_id: int, wanted: LogFilter) -> int:
    """How many lines the filter lets through."""
    return revisions(organization_id, wanted).count() + events(organization_id, wanted).count()


def find_revision(organization_id: int, number: str) -> Revision | None:
    """The organization's revision with this id."""
    if not _is_id(number):
        return None
    rows = Revision.objects.for_organization(organization_id).select_related("user", "management_key")
    found: Revision | None = rows.filter(pk=int(number)).first()
    return found


def find(organization_id: int, number: str) -> Entry | None:
    """The line of the organization's log with this id."""
    revision = find_revision(organization_id, number)
    if revision is not None:
        return Entry(revision)
    rows = AuditEvent.objects.for_organization(organization_id).select_related("user", "management_key")
    event = rows.filter(pk=int(number)).first() if _is_id(number) else None
    return Entry(event) if event is not None else None


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= LONGEST_ID


def _is_object(reference: str) -> Q:
    """By the id that revisions use, or by the one that the API shows where the object has one."""
    by_public_id = Q(after__public_id=reference) | Q(before__public_id=reference)
    return Q(object_id=reference) | by_public_id


@cache
def _kind_names() -> dict[str, str]:
    return {str(model._meta.model_name): str(model._meta.verbose_name) for model in apps.get_models()}
