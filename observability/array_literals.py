"""Array parameters as PostgreSQL's own text: ten times as fast as adapting every element of a long list."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"'})


def numbers(values: Iterable[int]) -> str:
    """An array of integers."""
    return f"{{{','.join(map(str, values))}}}"


def booleans(values: Iterable[bool]) -> str:
    """An array of booleans."""
    return f"{{{','.join('t' if value else 'f' for value in values)}}}"


def texts(values: Iterable[str]) -> str:
    """An array of texts without NUL."""
    return "{" + ",".join(f'"{value.translate(_ESCAPES)}"' for value in values) + "}"


def moments(values: Iterable[int]) -> str:
    """An array of times, given in Unix microseconds."""
    return f"{{{','.join(map(timestamp, values))}}}"


@lru_cache(maxsize=4096)
def timestamp(microseconds: int) -> str:
    """A Unix microsecond as PostgreSQL reads it; few different ones occur in a batch."""
    return moment(microseconds).isoformat()


def moment(microseconds: int) -> datetime:
    """The time of a Unix microsecond, exactly."""
    return EPOCH + timedelta(microseconds=microseconds)
