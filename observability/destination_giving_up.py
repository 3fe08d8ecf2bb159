"""Switches off destinations that nothing got through to for a week; what waits for them is kept till its retention."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

import psycopg

from config.lib.registry import Slot
from observability.breaker import GIVEN_UP_AFTER

log = logging.getLogger(__name__)

disable_destination: Slot[[int, str], None] = Slot("disable_destination")
"""Switches a destination off as a change of its settings, with its revision: its id, and why."""

DEAD_SQL = """
SELECT destination_id FROM delivery_state JOIN destination ON destination.id = destination_id
 WHERE failing_since <= %s AND destination.is_enabled AND destination.deleted_at IS NULL ORDER BY destination_id
"""


def give_up(connection: psycopg.Connection[tuple[Any, ...]]) -> list[int]:
    """Switch off what has been failing for a week; returns which."""
    dead = [row[0] for row in connection.execute(DEAD_SQL, [datetime.now(UTC) - GIVEN_UP_AFTER]).fetchall()]
    for destination_id in dead:
        log.warning("destination %s has been failing for a week and is switched off", destination_id)
        disable_destination(destination_id, "Nothing was delivered for seven days.")
    return dead
