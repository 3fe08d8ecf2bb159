"""Taking `cache_control` off a conversation, for providers that know no such thing: the strict ones refuse it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

MARKER = "cache_control"
MARKED = ("messages", "tools")
WITHIN = ("content", "tool_calls")


def without_markers(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body without markers on its messages, their parts and calls, and its tools."""
    return {name: _plain(value) if name in MARKED else value for name, value in body.items()}


def _plain(value: Any) -> Any:  # the caller's JSON, large fields as text
    if isinstance(value, msgspec.Raw):
        value = msgspec.json.decode(value)
    if not isinstance(value, list):
        return value
    return [_unmarked(item) if isinstance(item, dict) else item for item in value]


def _unmarked(item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _plain(value) if name in WITHIN else value for name, value in item.items() if name != MARKER
    }
