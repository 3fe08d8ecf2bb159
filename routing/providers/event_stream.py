"""Reading Amazon's binary event streams (application/vnd.amazon.eventstream), wherever they were cut. Bounded memory.

A frame is: its length and that of its headers (32 bits each), a checksum of these, headers, payload, a checksum of
everything before it (smithy.io, "Amazon Event Stream Specification").
"""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

MAX_FRAME_BYTES = 1 << 22
"""As much as a stream may hold in memory: text comes in small pieces, only a generated image is large."""
PRELUDE_BYTES, CHECKSUM_BYTES = 12, 4
LEAST_FRAME_BYTES = PRELUDE_BYTES + CHECKSUM_BYTES

_PRELUDE = struct.Struct(">III")
_NUMBER = struct.Struct(">I")
_FIXED_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Bytes of a header's value by its type; types 6 (bytes) and 7 (text) say their length themselves."""
_BYTES, _TEXT = 6, 7


class Frame(NamedTuple):
    """One message; of its headers, those that are text."""

    headers: dict[str, str]
    payload: bytes


class FrameDecoder:
    """Takes bytes as they arrive and gives each complete frame; after a corrupt one nothing is read."""

    def __init__(self, limit: int = MAX_FRAME_BYTES) -> None:
        self.is_corrupt = False
        self._limit = limit
        self._held = bytearray()
        self._needed = PRELUDE_BYTES

    @property
    def is_between_frames(self) -> bool:
        """Whether nothing of a further frame has arrived."""
        return not self._held

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that are complete now; sets `is_corrupt` after the last one that was whole."""
        if self.is_corrupt:
            return []
        self._held += data
        if len(self._held) < self._needed:  # do not look at what is held again and again
            return []
        frames: list[Frame] = []
        try:
            start = self._take(frames)
        except (ValueError, struct.error, IndexError):
            self.is_corrupt, start = True, len(self._held)
        del self._held[:start]
        return frames

    def _take(self, frames: list[Frame]) -> int:
        """Add the complete frames, and return where the next one starts. Raises ValueError."""
        start, view = 0, bytes(self._held)
        self._needed = PRELUDE_BYTES
        while len(view) - start >= PRELUDE_BYTES:
            length, headers_length, checksum = _PRELUDE.unpack_from(view, start)
            if zlib.crc32(view[start : start + 8]) != checksum:
                raise ValueError("a prelude's checksum is wrong")
            if not headers_length + LEAST_FRAME_BYTES <= length <= self._limit:
                raise ValueError("a frame's length is absurd")
            if len(view) - start < length:
                self._needed = length
                break
            frames.append(_frame(view[start : start + length], headers_length))
            start += length
        return start


def _frame(data: bytes, headers_length: int) -> Frame:
    end = len(data) - CHECKSUM_BYTES
    if zlib.crc32(data[:end]) != _NUMBER.unpack_from(data, end)[0]:
        raise ValueError("a frame's checksum is wrong")
    payload_at = PRELUDE_BYTES + headers_length
    return Frame(_headers(data[PRELUDE_BYTES:payload_at]), data[payload_at:end])


def _headers(data: bytes) -> dict[str, str]:
    headers, at = {}, 0
    while at < len(data):
        name_end = at + 1 + data[at]
        name, kind = data[at + 1 : name_end].decode(), data[name_end]
        at = name_end + 1
        if kind in (_BYTES, _TEXT):
            size = int.from_bytes(data[at : at + 2], "big")
            at += 2
        elif kind in _FIXED_SIZES:
            size = _FIXED_SIZES[kind]
        else:
            raise ValueError("a header's type is unknown")
        if at + size > len(data):
            raise ValueError("a header is cut off")
        if kind == _TEXT:
            headers[name] = data[at : at + size].decode()
        at += size
    return headers
