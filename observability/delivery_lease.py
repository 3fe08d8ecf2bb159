"""Who drains a destination: a lease on its state, which also says what and how (spec: broadcast §5)."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from config.lib.crypto import SealingError, sealing_ring
from observability.breaker import Breaker
from observability.destinations import DESTINATIONS
from observability.destinations.destination import DestinationKind
from observability.traces import Telling

log = logging.getLogger(__name__)

LEASE: Final = timedelta(seconds=60)
"""Longer than any one batch may take, so that nobody else begins while somebody is at it."""

Connection = psycopg.Connection[tuple[Any, ...]]

# A destination that somebody has changed since its breaker opened is tried at once.
TAKE_SQL = """
UPDATE delivery_state state SET leased_until = now() + %(lease)s
  FROM destination JOIN workspace ON workspace.id = destination.workspace_id
 WHERE state.destination_id = %(id)s AND destination.id = %(id)s
   AND destination.deleted_at IS NULL AND destination.is_enabled AND workspace.is_broadcast_enabled
   AND (leased_until IS NULL OR leased_until <= now())
   AND (open_until IS NULL OR open_until <= now() OR destination.updated_at > opened_at)
RETURNING state.leased_until, state.organization_id, destination.workspace_id, destination.public_id,
          destination.name, destination.type, destination.config, destination.sealed_secrets,
          destination.is_private, destination.metadata_groups, state.is_slow, state.most_traces,
          state.failures, state.recent, state.openings, state.opened_at, state.open_until, state.failing_since
"""
GIVE_BACK_SQL = """
UPDATE delivery_state SET leased_until = NULL WHERE destination_id = %s AND leased_until = %s
"""


class Unusable(Exception):
    """The destination cannot be sent to as it stands; the text is for administrators."""


@dataclass(frozen=True, slots=True)
class Leased:
    """A destination that is ours to drain until `until`, unless somebody takes long."""

    destination_id: int
    organization_id: int
    workspace_id: int
    public_id: str
    name: str
    type: str
    until: datetime
    is_slow: bool
    most_traces: int | None
    telling: Telling
    breaker: Breaker
    config: Mapping[str, Any]
    sealed_secrets: str

    @property
    def kind(self) -> DestinationKind:
        """The vendor. Raises Unusable."""
        kind = DESTINATIONS.get(self.type)
        if kind is None:
            raise Unusable(f"There is no destination of the type {self.type}.")
        return kind

    def opened_config(self) -> Mapping[str, Any]:
        """The configuration with its secrets. Raises Unusable."""
        if not self.sealed_secrets:
            return self.config
        identity = f"destination:{self.organization_id}:{self.public_id}:{self.type}"
        try:
            secrets = json.loads(sealing_ring().open(self.sealed_secrets, identity=identity))
        except (SealingError, ValueError):
            log.error("the secrets of destination %s cannot be opened", self.public_id)
            raise Unusable("The secrets cannot be opened with this installation's keys.") from None
        return {**self.config, **secrets}


def take(connection: Connection, destination_id: int) -> Leased | None:
    """Lease a destination; None: somebody has it, or nothing may be sent there now."""
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(TAKE_SQL, {"id": destination_id, "lease": LEASE}).fetchone()
    if row is None:
        return None
    breaker = Breaker(
        row["failures"],
        row["recent"],
        row["openings"],
        row["opened_at"],
        row["open_until"],
        row["failing_since"],
    )
    return Leased(
        destination_id=destination_id,
        organization_id=row["organization_id"],
        workspace_id=row["workspace_id"],
        public_id=str(row["public_id"]),
        name=row["name"],
        type=row["type"],
        until=row["leased_until"],
        is_slow=row["is_slow"],
        most_traces=row["most_traces"],
        telling=Telling(row["is_private"], frozenset(row["metadata_groups"])),
        breaker=breaker,
        config=row["config"],
        sealed_secrets=row["sealed_secrets"],
    )


def give_back(connection: Connection, leased: Leased) -> None:
    """End a lease early; does nothing when it is another's by now."""
    connection.execute(GIVE_BACK_SQL, [leased.destination_id, leased.until])
