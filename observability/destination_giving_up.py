"""Switches off destinations that nothing got through to for a week; what waits for them is kept till its retention."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

import psycopg

from accounts.revisions import Actor
from config.lib.scoping import tenant
from observability import destination_settings
from observability.breaker import GIVEN_UP_AFTER
from observability.destination_alerts import tell_disabled
from observability.destination_rows import DestinationGone
from observability.models import Destination

log = logging.getLogger(__name__)

REASON = "Nothing was delivered for seven days."
DEAD_SQL = """
SELECT destination_id, destination.organization_id, source_id IS NOT NULL
  FROM delivery_state JOIN destination ON destination.id = destination_id
 WHERE failing_since <= %s AND destination.is_enabled AND destination.deleted_at IS NULL ORDER BY destination_id
"""


def give_up(connection: psycopg.Connection[tuple[Any, ...]]) -> list[int]:
    """Switch off what has been failing for a week; returns which."""
    dead = connection.execute(DEAD_SQL, [datetime.now(UTC) - GIVEN_UP_AFTER]).fetchall()
    return [
        destination_id
        for destination_id, organization_id, is_copy in dead
        if _switch_off(destination_id, organization_id, is_copy=is_copy)
    ]


def _switch_off(destination_id: int, organization_id: int, *, is_copy: bool) -> bool:
    by = Actor(door="shell", reason=REASON)
    try:
        with tenant(organization_id):
            destination = Destination.objects.for_organization(organization_id).get(pk=destination_id)
            if is_copy:
                destination = destination_settings.detach(destination=destination, by=by)
            destination_settings.change(destination=destination, by=by, is_enabled=False)
            tell_disabled(destination, REASON)
    except (Destination.DoesNotExist, DestinationGone, destination_settings.IsCopy):
        return False  # somebody has changed it meanwhile
    log.warning("destination %s has been failing for a week and is switched off", destination_id)
    return True
