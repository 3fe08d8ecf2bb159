"""Telephone numbers: North American ones however they are written, others with their country code.

North American numbers have neither an area nor an exchange that begins with 0 or 1 (NANP), others 8 to 15 digits
behind a country code that ITU-T E.164 has given out. Numbers that are a part of something longer are none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import re2

from routing.guardrails.builtin import Span

CANDIDATE = re2.compile(
    r"\+[1-9](?:[ .()/-]{0,3}[0-9]){6,}"
    r"|(?:\b1[ .-]?)?(?:\([2-9][0-9]{2}\) ?|\b[2-9][0-9]{2}[ .-]?)[2-9][0-9]{2}[ .-]?[0-9]{4}\b"
)
COUNTRY_CODE = re.compile(
    r"1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]"
    r"|21[12368]|2[2346]\d|25[0-8]|29[01789]|35\d|37\d|38[0-35-79]|42[013]|50\d|59\d|67[02-9]|68\d|69[0-2]"
    r"|80[08]|85[02356]|87[08]|88[0-368]|96[0-8]|97[0-79]|99[2-68]"
)
GROUP = re.compile(rb"[0-9]+(?![0-9])")
LONGEST = 60
FEWEST_DIGITS, MOST_DIGITS = 8, 15
SEPARATORS = b" .-()/+"
NO_NUMBER_BEFORE = b"#$/\xc2\xa3\xe2\x82\xac"
"""A number behind one of these (an issue, a sum, a path) is not bare for being called."""


def find(text: bytes) -> Iterator[Span]:
    """Where numbers are."""
    for candidate in CANDIDATE.finditer(text):
        start, end = candidate.span()
        if candidate.group().startswith(b"+"):
            end = start + _international_length(candidate.group())
            if end > start and not _is_part_of_more(text, start, end):
                yield start, end
        elif _is_north_american(text, start, end) and not _is_part_of_more(text, start, end):
            yield start, end


def _is_part_of_more(text: bytes, start: int, end: int) -> bool:
    """Whether letters or digits go on at once, or behind a dot or a dash (a decimal, a version, an id)."""
    before, after = text[max(start - 2, 0) : start], text[end : end + 2]
    if before[-1:].isalnum() or before[-1:] == b"_" or after[:1].isalnum() or after[:1] == b"_":
        return True
    if before[-1:] in (b".", b"-", b"+") and before[:1].isalnum() and len(before) == 2:
        return True
    return after[:1] in (b".", b"-", b":", b",") and after[1:].isdigit()


def _international_length(run: bytes) -> int:
    """Up to where a run of groups of digits is one number, as long as may be; 0: it is none."""
    ends = [group.end() for group in GROUP.finditer(run, 0, LONGEST)]
    return next((end for end in reversed(ends) if _is_international(run[:end])), 0)


def _is_international(number: bytes) -> bool:
    digits = number.translate(None, SEPARATORS).decode()
    if not FEWEST_DIGITS <= len(digits) <= MOST_DIGITS or number.count(b"(") != number.count(b")"):
        return False
    if digits[0] == "1":
        return len(digits) == 11 and digits[1] in "23456789" and digits[4] in "23456789"
    return COUNTRY_CODE.match(digits) is not None


def _is_north_american(text: bytes, start: int, end: int) -> bool:
    number, before = text[start:end], text[max(start - 1, 0) : start]
    digits = number.translate(None, SEPARATORS)
    area, exchange = digits[-10:-7], digits[-7:-4]
    if area[1:] == b"11" or exchange[1:] == b"11" or len(set(digits)) == 1:
        return False
    return not (number.isdigit() and before and before in NO_NUMBER_BEFORE)
