"""Identifiers: time-ordered UUIDs and the public form of a generation's id."""

from __future__ import annotations

import os
import struct
import time
import uuid
from collections.abc import Iterator
from typing import Any

import msgspec

GENERATION_PREFIX = "gen-"
NOISE = struct.Struct(">HQ")
NOISES_AT_ONCE = 400
"""Random bits are fetched for so many ids: a call of the kernel for each would cost more than all the rest of it."""


def uuid7(at_ms: int | None = None) -> uuid.UUID:
    """A UUIDv7 (RFC 9562 §5.7) of now, or of the given Unix time in milliseconds."""
    return uuid.UUID(int=_uuid7_number(time.time_ns() // 1_000_000 if at_ms is None else at_ms))


def _uuid7_number(milliseconds: int) -> int:
    high, low = _random_bits()
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80 | 0x7 << 76 | (high & 0xFFF) << 64
    return value | 0b10 << 62 | low & 0x3FFF_FFFF_FFFF_FFFF


_noise: Iterator[Any] = iter(())


def _random_bits() -> tuple[int, int]:
    global _noise
    try:
        bits: tuple[int, int] = next(_noise)
    except StopIteration:  # should two threads come here at once, each fetches its own
        fresh = NOISE.iter_unpack(os.urandom(NOISES_AT_ONCE * NOISE.size))
        bits, _noise = next(fresh), fresh
    return bits


def _forget_noise() -> None:
    global _noise
    _noise = iter(())


os.register_at_fork(after_in_child=_forget_noise)  # or parent and child would make the same ids


class NewId(msgspec.Struct, frozen=True):
    """A new generation's id: its number, its text as a UUID, and its public form."""

    number: int
    text: str
    public: str


def new_id() -> NewId:
    """A UUIDv7 of now in all the forms that a request needs, for less than a UUID object alone would cost."""
    number = _uuid7_number(time.time_ns() // 1_000_000)
    digits = f"{number:032x}"
    text = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
    return NewId(number, text, GENERATION_PREFIX + digits)


def first_uuid7(at_ms: int) -> uuid.UUID:
    """The smallest UUIDv7 of a millisecond: a partition's bound, or the start of a time range of ids."""
    return uuid.UUID(int=(at_ms & 0xFFFF_FFFF_FFFF) << 80 | 0x7 << 76 | 0b10 << 62)


def milliseconds_of(identifier: uuid.UUID) -> int:
    """The Unix time in milliseconds that a UUIDv7 carries."""
    return identifier.int >> 80


def generation_id(identifier: uuid.UUID) -> str:
    """The public form of a generation's id: `gen-` and 32 hex digits."""
    return GENERATION_PREFIX + identifier.hex


def parse_generation_id(text: str) -> uuid.UUID | None:
    """The UUID behind a public generation id, or None when it is not one."""
    try:
        return (
            uuid.UUID(hex=text.removeprefix(GENERATION_PREFIX))
            if text.startswith(GENERATION_PREFIX)
            else None
        )
    except ValueError:
        return None
