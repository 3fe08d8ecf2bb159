"""US Social Security numbers: `123-45-6789`, also with spaces, and bare behind the word."""

from __future__ import annotations

from collections.abc import Iterator

import re2

from routing.guardrails.builtin import Span

CANDIDATE = re2.compile(
    r"\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b|\b[0-9]{3} [0-9]{2} [0-9]{4}\b"
    r"|(?i:\bSSNs?\b|\bsocial security)[^0-9\n]{0,24}[0-9]{9}\b"
)


def find(text: bytes) -> Iterator[Span]:
    """Where numbers are that can have been given out (SSA: no area 000, 666 or 9xx, no group 00, no serial 0000)."""
    for candidate in CANDIDATE.finditer(text):
        start, end = candidate.span()
        digits = bytes(letter for letter in candidate.group() if 48 <= letter <= 57)
        if digits == candidate.group()[-9:]:
            start = end - 9
        if _is_given_out(digits) and not _goes_on(text, start, end):
            yield start, end


def _is_given_out(digits: bytes) -> bool:
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    return area not in (b"000", b"666") and area[:1] != b"9" and group != b"00" and serial != b"0000"


def _goes_on(text: bytes, start: int, end: int) -> bool:
    """Whether digits go on behind a dash or a dot, as in a longer number."""
    before, after = text[max(start - 2, 0) : start], text[end : end + 2]
    return (before[-1:] in (b"-", b".") and before[:1].isalnum()) or (
        after[:1] in (b"-", b".") and after[1:].isalnum()
    )
