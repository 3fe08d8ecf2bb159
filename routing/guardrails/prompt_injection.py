"""Prompt injection: phrases that try to take the model over, also in disguise.

Phrases of the allowlist are masked before the patterns run. What sees through disguises (scrambled letters, letters
apart, Base64, hexadecimal) looks at the text as it is, because a phrase that is allowed has no reason to hide.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import re2

from routing.guardrails import injection_disguises as disguises
from routing.guardrails.injection_patterns import PATTERNS
from routing.guardrails.pattern_set import PatternSet

_patterns = PatternSet([(re2.compile(one.pattern), one.name) for one in PATTERNS])


@dataclass(frozen=True, slots=True)
class Injection:
    """Where an attempt is, in bytes, and the name of what gave it away; never the text itself."""

    start: int
    end: int
    name: str


class Allowlist:
    """Phrases that are no attempt, whatever their letter case."""

    def __init__(self, phrases: Iterable[str] = ()) -> None:
        options = re2.Options()
        options.literal, options.case_sensitive = True, False
        kept = sorted({phrase for phrase in phrases if phrase}, key=len, reverse=True)
        self._phrases = PatternSet(
            [(re2.compile(phrase.encode("utf-8", "replace").decode(), options), None) for phrase in kept]
        )

    def masked(self, text: bytes) -> bytes:
        """The text with every phrase made meaningless, as long as before."""
        masked = None
        for phrase, _ in self._phrases.candidates(text):
            for found in phrase.finditer(text):
                masked = masked or bytearray(text)
                start, end = found.span()
                masked[start:end] = b"_" * (end - start)
        return text if masked is None else bytes(masked)


NOTHING_ALLOWED = Allowlist()


def find(text: bytes, allowlist: Allowlist = NOTHING_ALLOWED) -> list[Injection]:
    """Every attempt in a UTF-8 text; one may be found in more than one way."""
    return [Injection(start, end, name) for start, end, name in _find(text, allowlist)]


def phrases_in(text: str) -> list[str]:
    """The attempts in a text as they stand there, each once, the longest first."""
    content = text.encode("utf-8", "replace")
    found = {content[one.start : one.end].decode(errors="replace").strip() for one in find(content)}
    return sorted(found - {""}, key=lambda phrase: (-len(phrase), phrase))


def _find(text: bytes, allowlist: Allowlist) -> Iterator[disguises.Hit]:
    masked = allowlist.masked(text)
    yield from spoken(masked)
    plain = disguises.plain(masked)
    if plain is not None:
        yield from _translated_back(plain, spoken(plain.text))
    bare = plain if masked is text else disguises.plain(text)
    for disguise in (disguises.scrambled, disguises.apart, disguises.encoded):
        if bare is None:
            yield from disguise(text, spoken)
        else:
            yield from _translated_back(bare, disguise(bare.text, spoken))


def spoken(text: bytes) -> Iterator[disguises.Hit]:
    """Where the patterns match."""
    for pattern, name in _patterns.candidates(text):
        for found in pattern.finditer(text):
            yield (*found.span(), name)


def _translated_back(plain: disguises.Plain, hits: Iterable[disguises.Hit]) -> Iterator[disguises.Hit]:
    for start, end, name in hits:
        yield (*plain.original(start, end), name)
