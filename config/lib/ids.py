"""Identifiers: time-ordered UUIDs and the public form of a generation's id."""

from __future__ import annotations

import os
import time
import uuid

import msgspec

GENERATION_PREFIX = "gen-"


def uuid7(at_ms: int | None = None) -> uuid.UUID:
    """A UUIDv7 (RFC 9562 §5.7) of now, or of the given Unix time in milliseconds."""
    return uuid.UUID(int=_uuid7_number(time.time_ns() // 1_000_000 if at_ms is None else at_ms))


def _uuid7_number(milliseconds: int) -> int:
    noise = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80 | 0x7 << 76 | (noise >> 68 & 0xFFF) << 64
    return value | 0b10 << 62 | noise & 0x3FFF_FFFF_FFFF_FFFF


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
