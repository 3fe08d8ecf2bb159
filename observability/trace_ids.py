"""The ids of a trace, derived so that a repeated delivery is recognized (spec: broadcast, "Decided")."""

from __future__ import annotations

import hashlib
import re
from typing import Final

TRACE_DIGITS: Final = 32
SPAN_DIGITS: Final = 16

_is_trace_id = re.compile(r"(?!0+\Z)[0-9a-f]{32}").fullmatch
_is_span_id = re.compile(r"(?!0+\Z)[0-9a-f]{16}").fullmatch


def trace_id_of(given: str | None, generation_id: str) -> str:
    """The caller's own id, as it is if it is one of OpenTelemetry's; else one derived from it or the generation's."""
    if given and _is_trace_id(given.lower()):
        return given.lower()
    return _digest(given or generation_id, TRACE_DIGITS)


def span_id_of(generation_id: str) -> str:
    """The span of a generation."""
    return _digest(generation_id, SPAN_DIGITS)


def parent_span_id_of(given: str | None, trace_id: str, span_name: str | None) -> str | None:
    """The caller's own span above; else the one that is made for `span_name`; else none."""
    if given:
        return given.lower() if _is_span_id(given.lower()) else _digest(given, SPAN_DIGITS)
    return _digest(f"{trace_id}:span:{span_name}", SPAN_DIGITS) if span_name else None


def _digest(text: str, digits: int) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:digits]
