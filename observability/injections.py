"""What a guardrail may have taken for a prompt injection, found again in what was logged of a request."""

from __future__ import annotations

from typing import Final

from config.lib.registry import Slot
from observability.contents import logged_content
from observability.models import Generation
from observability.passages import asked_in

MOST_LETTERS: Final = 50_000
"""Of each passage; whoever allows a phrase waits for it."""
MOST_PASSAGES: Final = 20
MOST_PHRASES: Final = 10

injections_in: Slot[[str], list[str]] = Slot("injections_in")
"""Answers the phrases of a text that look like a prompt injection, as they stand there."""


def phrases_in(generation: Generation) -> list[str]:
    """Those of the last passages, each once; nothing where I/O logging kept nothing."""
    content = logged_content(generation)
    passages = asked_in(content)[-MOST_PASSAGES:] if content else []
    found = [
        phrase
        for passage in passages
        for phrases in injections_in(passage.text[:MOST_LETTERS])
        for phrase in phrases
    ]
    return list(dict.fromkeys(found))[:MOST_PHRASES]
