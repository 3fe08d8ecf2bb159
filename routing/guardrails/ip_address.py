"""IP addresses, both versions: `192.168.0.1`, `2001:db8::1`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address, IPv6Address

import re2

from routing.guardrails.builtin import Span

CANDIDATE = re2.compile(
    r"\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b|[0-9A-Fa-f:]*::[0-9A-Fa-f:.]*|(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}"
)
VERSION = re.compile(
    rb"(?:version|release|firmware|\bver\.?|\bv\.?|section|chapter|\xc2\xa7)[\s:=]*$", re.IGNORECASE
)
LOOK_BACK = 16


def find(text: bytes) -> Iterator[Span]:
    """Where addresses are; four numbers behind the word version are none."""
    for candidate in CANDIDATE.finditer(text):
        start, end = candidate.span()
        if b":" in candidate.group():
            end = start + len(_without_sentence(candidate.group()))
            is_address = _is_version_6(text[start:end].decode()) and not _goes_on(text, start, end, b":")
        else:
            is_address = _is_version_4(candidate.group().decode()) and not _goes_on(text, start, end, b".")
        if is_address and not VERSION.search(text, max(start - LOOK_BACK, 0), start):
            yield start, end


def _is_version_4(text: str) -> bool:
    try:
        IPv4Address(text)
    except AddressValueError:
        return False
    return True


def _is_version_6(text: str) -> bool:
    """Whether it is one; `a::b` without a digit is a name in a program."""
    if not any(letter.isdigit() for letter in text):
        return False
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return True


def _without_sentence(candidate: bytes) -> bytes:
    """The candidate without the colon or full stop of the sentence that it ends."""
    bare = candidate.rstrip(b".")
    return bare[:-1] if bare.endswith(b":") and not bare.endswith(b"::") else bare


def _goes_on(text: bytes, start: int, end: int, mark: bytes) -> bool:
    """Whether it is part of something longer: a version of five numbers, a name, a hash."""
    before, after = text[max(start - 2, 0) : start], text[end : end + 2]
    if before[-1:].isalnum() or before[-1:] in (b"_", b":") or after[:1].isalnum() or after[:1] == b"_":
        return True
    return (before[-1:] == mark and before[:1].isalnum()) or (after[:1] == mark and after[1:].isalnum())
