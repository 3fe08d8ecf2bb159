"""The strings at any depth of JSON: where each one is, and who speaks it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

Place = tuple[str | int, ...]

OPERATOR, USER, ASSISTANT, TOOL_RESULT, ATTACHMENT = (
    "operator",
    "user",
    "assistant",
    "tool_result",
    "attachment",
)
INSIDE = "()"
BASE64 = ";base64"
BASE64_DATA = re.compile(r"[A-Za-z0-9+/=_-]{64,}")
MEDIA = ("data:image/", "data:audio/", "data:video/")
HOLDERS_OF_DATA = frozenset({"data", "b64_json"})
LEAST_DIGITS = 7
"""Numbers inside JSON with fewer digits are nobody's telephone or card."""

WORDS = frozenset(
    {
        "auto",
        "none",
        "required",
        "any",
        "minimal",
        "low",
        "medium",
        "high",
        "max",
        "default",
        "flex",
        "priority",
        "text",
        "json_object",
        "function",
    }
)
"""Values that say nothing, of parameters that have a few."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text, where it is, and who speaks it."""

    place: Place
    kind: str
    text: str


def leaves(place: Place, kind: str, value: Any) -> Iterator[Text]:
    """The strings and long numbers at any depth; a stack of its own, because JSON may be deep."""
    waiting: list[tuple[Place, Any]] = [(place, value)]
    while waiting:
        where, value = waiting.pop()
        if isinstance(value, str):
            yield Text(where, kind, value)
        elif isinstance(value, dict):
            waiting += [((*where, name), value[name]) for name in reversed(value)]
        elif isinstance(value, list):
            waiting += [((*where, number), value[number]) for number in reversed(range(len(value)))]
        elif _is_long_number(value):
            yield Text(where, kind, str(value))


def _is_long_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return bool(abs(value) >= 10 ** (LEAST_DIGITS - 1))


def said(place: Place, kind: str, value: Any) -> Iterator[Text]:
    """The same without pictures and sounds that stand in strings."""
    return (leaf for leaf in leaves(place, kind, value) if not _is_medium(leaf))


def _is_medium(leaf: Text) -> bool:
    if leaf.text[:11].lower().startswith(MEDIA):
        return True
    return leaf.place[-1] in HOLDERS_OF_DATA and BASE64_DATA.fullmatch(leaf.text) is not None


def beside(place: Place, kind: str, holder: Mapping[str, Any], known: Set[str]) -> Iterator[Text]:
    """What an object says in fields that nobody knows."""
    for name, value in holder.items():
        if name not in known:
            yield from said((*place, name), kind, value)
