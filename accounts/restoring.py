"""Rolling a setting back to what a revision says it was (SPEC §13.4).

Every kind of object that has revisions fills `restorers` with a function that brings one object back to a recorded
state through its own domain functions, so that today's rules hold for yesterday's settings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from accounts.revisions import Actor
from config.lib.registry import KeyedSlot


class CannotRestore(Exception):
    """Today's rules, or a secret that was wiped, forbid the recorded state; the message says why."""


@dataclass(frozen=True)
class Recorded:
    """An object as a revision recorded it: columns as `accounts.revisions.snapshot` wrote them; None: not there."""

    organization_id: int
    object_id: str
    state: dict[str, Any] | None


restorers: KeyedSlot[[Recorded, Actor], None] = KeyedSlot("restorers")
"""By a revision's `object_type`. Called in a transaction, within the organization's scope. Raises CannotRestore."""
