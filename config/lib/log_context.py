"""Whose request, generation or task a log line is about, and which ids from outside are believed."""

from __future__ import annotations

import re
import uuid
from contextvars import ContextVar
from typing import Protocol

SANE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+=@-]{0,127}")


class Speaker(Protocol):
    """Something that log lines can be about."""

    def log_fields(self) -> dict[str, object]:
        """What lines about it carry; asked only when there is a line."""


current: ContextVar[Speaker | None] = ContextVar("headgate_log_context", default=None)


class Fields:
    """Fields that are known beforehand."""

    def __init__(self, **fields: object) -> None:
        self.fields = fields

    def log_fields(self) -> dict[str, object]:
        """Those."""
        return self.fields


def log_fields() -> dict[str, object]:
    """What a line that is written here carries."""
    speaker = current.get()
    return {} if speaker is None else speaker.log_fields()


def sane_request_id(given: bytes | None) -> bytes | None:
    """An `X-Request-Id` that may be repeated in a header and in logs, or None."""
    if given is None or not given.isascii() or SANE.fullmatch(given.decode()) is None:
        return None
    return given


def new_request_id() -> bytes:
    """An id for a request that brought none."""
    return uuid.uuid4().hex.encode()
