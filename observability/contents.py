"""What was asked and answered, for whoever may tell it to a destination."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import psycopg


def contents_of(_generation_ids: Iterable[UUID]) -> dict[UUID, dict[str, Any]]:
    """The contents that are there, opened: `input`, `output` and what else was kept."""
    return {}


def forget_delivered(_cursor: psycopg.Cursor[tuple[Any, ...]], _generation_ids: Sequence[UUID]) -> int:
    """Delete what nobody logs and no destination waits for; how many contents that were."""
    return 0
