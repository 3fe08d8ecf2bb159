"""The content of a generation at rest: JSON, compressed, and sealed to the generation that it belongs to.

Whoever opens it needs the key ring that the gateway had. No Django here: the gateway seals.
"""

from __future__ import annotations

import zlib
from typing import Any

import msgspec

from config.lib.crypto import KeyRing, SealingError

MOST_BYTES = 1 << 20
"""Of the JSON, before it is compressed."""
LEVEL = 1
"""Prompts compress well at any level, and this one costs the gateway least."""
SMALL_BYTES = 1 << 12
SMALL_WINDOW_BITS, SMALL_MEMORY_LEVEL = 12, 5
"""With 32 KiB of memory; the usual 256 would push all else out of the processor's cache at every request."""

_decode = msgspec.json.Decoder().decode


def seal_content(ring: KeyRing, data: bytes, *, organization_id: int, generation_id: str) -> str:
    """The JSON as it is written down; `generation_id` is the UUID as text."""
    return ring.seal(_compressed(data), identity=_identity(organization_id, generation_id))


def open_content(ring: KeyRing, sealed: str, *, organization_id: int, generation_id: str) -> dict[str, Any]:
    """The content. Raises SealingError when the key is unknown, or the text was moved or changed."""
    packed = ring.open(sealed, identity=_identity(organization_id, generation_id))
    try:
        content = _decode(zlib.decompressobj().decompress(packed, 2 * MOST_BYTES))
    except (zlib.error, msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise SealingError("the content is damaged") from error
    if not isinstance(content, dict):
        raise SealingError("the content is damaged")
    return content


def _compressed(data: bytes) -> bytes:
    if len(data) > SMALL_BYTES:
        return zlib.compress(data, LEVEL)
    small = zlib.compressobj(LEVEL, zlib.DEFLATED, SMALL_WINDOW_BITS, SMALL_MEMORY_LEVEL)
    return small.compress(data) + small.flush()


def _identity(organization_id: int, generation_id: str) -> str:
    return f"generation_content:{organization_id}:{generation_id}"
