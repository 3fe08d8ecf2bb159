"""Words are the simulator's tokens: how a text is counted, split and made up."""

import re
from itertools import cycle, islice

_WORD_WITH_SPACE = re.compile(r"\S+\s*")
_LOREM = ("lorem", "ipsum", "dolor", "sit", "amet", "consectetur", "adipiscing", "elit", "sed", "eiusmod")


def count_words(text: str) -> int:
    """Return how many tokens a text has: its whitespace-separated words."""
    return len(text.split())


def split_words(text: str) -> tuple[str, ...]:
    """Return the pieces that a text is streamed in: a word each, and joined they are the very text again."""
    words: list[str] = _WORD_WITH_SPACE.findall(text)
    if not words:
        return (text,) if text else ()
    words[0] = text[: len(text) - len(text.lstrip())] + words[0]
    return tuple(words)


def make_words(count: int) -> tuple[str, ...]:
    """Return the pieces of a text of exactly `count` words; always the same text for the same count."""
    words = [f"{word} " for word in islice(cycle(_LOREM), count)]
    if words:
        words[-1] = words[-1].rstrip()
    return tuple(words)
