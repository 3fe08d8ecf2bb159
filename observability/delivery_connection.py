"""The connection of what delivers: the owner role, with statements that end."""

from __future__ import annotations

from typing import Final

from observability.journal_follower import Connection
from observability.owner_connection import connect_as_owner

LIMITS: Final = (
    "SET statement_timeout = '20s'; SET lock_timeout = '5s'; SET idle_in_transaction_session_timeout = '30s'"
)


def connect() -> Connection:
    """A connection in autocommit mode. Raises psycopg.OperationalError."""
    connection = connect_as_owner("headgate broadcast")
    connection.execute(LIMITS)
    return connection
