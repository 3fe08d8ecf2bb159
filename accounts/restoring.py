"""Rolling a setting back to what a revision says it was (SPEC §13.4).

Every kind of object that has revisions fills `restorers` with a function that brings one object back to a recorded
state through its own domain functions, so that today's rules hold for yesterday's settings.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import models

from accounts.revisions import Actor, snapshot
from config.lib.registry import KeyedSlot


class CannotRestore(Exception):
    """Today's rules, or a secret that was wiped, forbid the recorded state; the message says why."""


@dataclass(frozen=True)
class Recorded:
    """An object as a revision recorded it: columns as `accounts.revisions.snapshot` wrote them; None: not there.

    `changed` names the columns that this very revision changed: what was done since to others may have been done
    for safety's sake, and is not undone by the way.
    """

    organization_id: int
    object_id: str
    state: dict[str, Any] | None
    changed: frozenset[str] = frozenset()

    @property
    def pk(self) -> int:
        """The object's key; 0, which no object has, where the recorded one is no number."""
        return int(self.object_id) if self.object_id.isascii() and self.object_id.isdecimal() else 0


restorers: KeyedSlot[[Recorded, Actor], None] = KeyedSlot("restorers")
"""By a revision's `object_type`. Called in a transaction, within the organization's scope. Raises CannotRestore."""


def keep_disabled(row: Any, recorded: Recorded, what: str) -> None:
    """Pass, unless the object, which is disabled now, would be enabled by the way. Raises CannotRestore."""
    is_enabling = row.is_disabled and (recorded.state or {}).get("is_disabled") is False
    if is_enabling and "is_disabled" not in recorded.changed:
        raise CannotRestore(f"The {what} was disabled since; enable it first if that is what you want.")


def differing(row: models.Model, state: dict[str, Any], columns: Iterable[str]) -> dict[str, Any]:
    """The recorded values of these columns, of those that are something else today; what was not recorded stays."""
    today, wanted = snapshot(row), frozenset(columns)
    return {
        column.attname: column.to_python(state[column.attname])
        for column in row._meta.concrete_fields
        if column.attname in wanted & state.keys() and state[column.attname] != today[column.attname]
    }
