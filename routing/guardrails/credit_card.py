"""Card numbers: 13 to 19 digits of a known issuer that pass Luhn's check, bare or in the groups printed on cards."""

from __future__ import annotations

import re
from collections.abc import Iterator

import re2

from routing.guardrails.builtin import Span

CANDIDATE = re2.compile(r"[0-9](?:[ -]?[0-9]){12,}")
DIGITS = re.compile(rb"[0-9]+")
GROUPS = ((4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 4, 4, 3))
LENGTHS = range(13, 20)
DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
ISSUED = re.compile(
    rb"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})"  # Visa
    rb"|5[1-5][0-9]{14}|2(?:22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|720)[0-9]{12}"  # Mastercard
    rb"|3[47][0-9]{13}"  # American Express
    rb"|6(?:011|4[4-9][0-9]|5[0-9]{2})[0-9]{12,15}"  # Discover
    rb"|35(?:2[89]|[3-8][0-9])[0-9]{12,15}"  # JCB
    rb"|3(?:0[0-5]|095|[689][0-9])[0-9]{11,16}"  # Diners Club
    rb"|62[0-9]{14,17}"  # UnionPay
    rb"|(?:5[06-8][0-9]{2}|6304|6759|676[1-3])[0-9]{12,15}"  # Maestro
)


def find(text: bytes) -> Iterator[Span]:
    """Where numbers are."""
    for candidate in CANDIDATE.finditer(text):
        begin, end = candidate.span()
        if _is_word(text[max(begin - 1, 0) : begin]) or _is_word(text[end : end + 1]):
            continue
        for first, last in _numbers(candidate.group()):
            yield begin + first, begin + last


def is_card(digits: bytes) -> bool:
    """Whether the digits are of an issuer and a length that exist, and pass Luhn's check."""
    return ISSUED.fullmatch(digits) is not None and len(set(digits)) > 1 and _passes_luhn(digits)


def _numbers(run: bytes) -> Iterator[Span]:
    """The cards in a run of groups of digits, wherever in it they begin."""
    groups = [found.span() for found in DIGITS.finditer(run)]
    number = 0
    while number < len(groups):
        count = _groups_of_card(run, groups, number)
        if count:
            yield groups[number][0], groups[number + count - 1][1]
        number += count or 1


def _groups_of_card(run: bytes, groups: list[Span], first: int) -> int:
    """How many groups the card that begins with this one has; 0: none begins here."""
    sizes = tuple(end - start for start, end in groups[first : first + 5])
    if sizes[0] in LENGTHS:
        return int(is_card(run[slice(*groups[first])]))
    for shape in GROUPS:
        if sizes[: len(shape)] == shape:
            parts = groups[first : first + len(shape)]
            if is_card(b"".join([run[start:end] for start, end in parts])):
                return len(shape)
    return 0


def _passes_luhn(digits: bytes) -> bool:
    values = [digit - 48 for digit in reversed(digits)]
    return (sum(values[::2]) + sum([DOUBLED[value] for value in values[1::2]])) % 10 == 0


def _is_word(letter: bytes) -> bool:
    return letter.isalnum() or letter == b"_"
