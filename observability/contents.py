"""What was asked and answered, for whoever may tell it to a destination."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

import psycopg

Connection = psycopg.Connection[tuple[Any, ...]]
Cursor = psycopg.Cursor[tuple[Any, ...]]


def contents_of(_connection: Connection, _ids: Collection[UUID]) -> Mapping[UUID, Mapping[str, Any]]:
    """The contents that are there, opened: `input`, `output` and what else was kept."""
    return {}


def forget_delivered(_cursor: Cursor, _ids: Collection[UUID]) -> None:
    """Delete the contents of these that nobody logs and no destination waits for."""
