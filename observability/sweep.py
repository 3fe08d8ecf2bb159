"""Finds the destinations that a worker should look after, whatever became of the message that said so."""

from __future__ import annotations

from typing import Any

import psycopg

DUE_SQL = """
SELECT destination_id FROM delivery_state state JOIN destination ON destination.id = destination_id
  JOIN workspace ON workspace.id = destination.workspace_id AND workspace.is_broadcast_enabled
 WHERE accepted > sent + dead AND destination.deleted_at IS NULL AND destination.is_enabled
   AND (leased_until IS NULL OR leased_until <= now())
   AND (open_until IS NULL OR open_until <= now() OR destination.updated_at > opened_at)
   AND EXISTS (SELECT FROM delivery due WHERE due.destination_id = state.destination_id
                AND due.status = 'pending' AND due.next_at <= now())
 ORDER BY last_delivered_at NULLS FIRST, destination_id
"""


def due_destinations(connection: psycopg.Connection[tuple[Any, ...]]) -> list[int]:
    """Destinations with something due that nobody is at; whoever has waited longest comes first."""
    return [destination for (destination,) in connection.execute(DUE_SQL)]
