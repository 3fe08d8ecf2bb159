"""Paging by key: a page begins after the last row of the one before, however many rows came in between."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from django.db import models
from django.db.models import Q

T = TypeVar("T")
M = TypeVar("M", bound=models.Model)

CURSOR = re.compile(r"(?P<microseconds>[0-9]{1,17})-(?P<pk>[0-9]{1,18})", re.ASCII)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class UnknownCursor(ValueError):
    """The text names no place in a list; nobody gets such a link from us."""


@dataclass(frozen=True)
class Page(Generic[T]):
    """The rows of a page, and where the next one begins: None after the last row."""

    rows: Sequence[T]
    next_cursor: str | None


def newest_first(rows: models.QuerySet[M], *, before: str, size: int) -> Page[M]:
    """The rows that were created before the cursor's, newest first. Raises UnknownCursor.

    The model has `created_at` and an integer key that breaks ties.
    """
    if before:
        created_at, pk = _read(before)
        rows = rows.filter(Q(created_at__lt=created_at) | Q(created_at=created_at, pk__lt=pk))
    found = list(rows.order_by("-created_at", "-pk")[: size + 1])
    return Page(found[:size], _write(found[size - 1]) if len(found) > size else None)


def _write(row: Any) -> str:  # `created_at` is on every model that is listed this way
    microseconds = (row.created_at - EPOCH) // timedelta(microseconds=1)
    return f"{microseconds}-{row.pk}"


def _read(cursor: str) -> tuple[datetime, int]:
    found = CURSOR.fullmatch(cursor)
    if found is None:
        raise UnknownCursor(cursor[:50])
    return EPOCH + timedelta(microseconds=int(found["microseconds"])), int(found["pk"])
