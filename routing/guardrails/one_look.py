"""One pass over all texts of a request at once, which nearly always says that no pattern is found in any of them.

Where it does not say so, each text is looked at by itself. It may be wrong in that direction only: a pattern that
matches within a text matches within all of them joined, unless it asks where the text begins or ends.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import re2

from routing.guardrails.dearness import are_dear_together
from routing.guardrails.fields import ELSEWHERE, MOST_HAVE, STAYS_HERE
from routing.guardrails.leaves import WORDS
from routing.guardrails.texts import texts_of

MOST_PATTERNS = 40
MOST_WORK = 4_000_000
"""Bytes times instructions of RE2, twenty milliseconds at the very worst; larger texts are looked at by themselves."""
BETWEEN = "\n"
"""No part of a word, so that a text's ends stay ends of words."""
ASKS_FOR_ENDS = re.compile(r"[\^$]|\\[AzZ]")
PLAIN_ROLES = frozenset({"system", "developer", "user", "assistant", "model"})
"""Those whose strings are looked at as they stand; what tools say may be JSON."""
NOT_LOOKED_AT = ELSEWHERE | STAYS_HERE
NO_TEXTS = (bool, int, float, type(None))
HOLDERS_OF_TEXT = ELSEWHERE - {"messages", "model", "stream"}


class OneLook:
    """Patterns as one; made by `one_look`."""

    __slots__ = ("_most_bytes", "_pattern")

    def __init__(self, pattern: Any) -> None:  # re2 has no types
        self._pattern = pattern
        self._most_bytes = MOST_WORK // pattern.programsize

    def finds_nothing(self, body: Mapping[str, Any]) -> bool:
        """Whether no pattern matches anywhere in a request, for certain. Raises TooManyTexts."""
        texts = plain_texts(body)
        if texts is None:
            texts = [text.text for text in texts_of(body)]
        if sum(map(len, texts)) > self._most_bytes:
            return False
        content = BETWEEN.join(texts).encode("utf-8", "replace")
        return len(content) <= self._most_bytes and self._pattern.search(content) is None


def one_look(patterns: Sequence[Any]) -> OneLook | None:
    """These patterns as one; None where they cannot be, or are dear together though none of them is."""
    sources = [pattern.pattern for pattern in patterns]
    if not 0 < len(sources) <= MOST_PATTERNS or any(map(ASKS_FOR_ENDS.search, sources)):
        return None
    options = re2.Options()
    options.log_errors, options.never_capture = False, True  # names of groups may occur twice
    try:
        joined = re2.compile("|".join([f"(?:{source})" for source in sources]), options)
    except re2.error:
        return None
    return None if joined.search(b"") or are_dear_together(joined, patterns) else OneLook(joined)


def plain_texts(body: Mapping[str, Any]) -> list[str] | None:
    """The texts of a request of plain messages, as most are; None where it has to be searched for texts."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not HOLDERS_OF_TEXT.isdisjoint(body):
        return None
    found = []
    for message in messages:
        if not isinstance(message, dict) or not message.keys() <= MOST_HAVE:
            return None
        content = message.get("content")
        if not isinstance(content, str) or message.get("role") not in PLAIN_ROLES:
            return None
        found.append(content)
    for field, value in body.items():
        if field in NOT_LOOKED_AT or isinstance(value, NO_TEXTS):
            continue
        if not isinstance(value, str) or value not in WORDS:
            return None
    return found
