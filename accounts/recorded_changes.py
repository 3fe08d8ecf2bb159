"""What a revision changed, as people read it: names without prefixes, amounts in dollars."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from accounts.audit_log import column_name
from accounts.models import Revision
from accounts.revisions import diff
from config.lib.display import exact_money_text

NOTHING = "—"
UNTOLD = frozenset({"updated_at", "public_id", "organization_id", "id"})
"""Columns that say nothing about what was changed."""


@dataclass(frozen=True)
class ColumnChange:
    """One column: its name, what it was and what it is."""

    name: str
    before: str
    after: str


def changes_of(revision: Revision) -> list[ColumnChange]:
    """What the revision changed."""
    return changes_between(revision.before, revision.after)


def changes_between(before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[ColumnChange]:
    """What differs between two states of an object."""
    return [
        ColumnChange(column_name(name), value_text(name, old), value_text(name, new))
        for name, (old, new) in diff(before, after).items()
        if name not in UNTOLD
    ]


def value_text(column: str, value: Any) -> str:  # a recorded column may hold any JSON
    """A recorded value for reading."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if column.endswith("_nano") and isinstance(value, int):
        return exact_money_text(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def newest_of(revision: Revision) -> Revision:
    """The newest revision of the object that the revision is about."""
    rows = Revision.objects.for_organization(revision.organization_id or 0)
    of_object = rows.filter(object_type=revision.object_type, object_id=revision.object_id)
    newest: Revision | None = of_object.order_by("-pk").first()
    return newest or revision
