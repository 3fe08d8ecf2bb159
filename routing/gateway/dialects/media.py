"""What the parts of a prompt that are no text come to: the most tokens that they can have, told by their size.

The figures are what providers document (Anthropic: a PDF page is up to 3,000 tokens of text and a picture of 1,600,
100 pages a request, 1,000 at the most of any provider; Gemini: 32 tokens per second of audio, 300 of video with its
sound) over the fewest bytes that a page or a second is stored in. Nothing is decoded.
"""

from __future__ import annotations

from typing import Any, NamedTuple

TOKENS_PER_IMAGE = 1600
IMAGE = "image_url"
UNCOMPRESSED = frozenset({"wav", "pcm16", "pcm24", "aiff"})
UNCOMPRESSED_BYTES_PER_SECOND = 8_000


class Medium(NamedTuple):
    """A kind of part: where it keeps its data, and what one unit of it, a page or a second, comes to."""

    holder: str
    field: str
    tokens: int
    least_bytes: int
    most_units: int
    unknown_units: int
    """Taken for a part whose size nobody knows before its provider has fetched it."""


VIDEO = Medium("video_url", "url", 300, 16_000, 6 * 3600, 20 * 60)
MEDIA = {
    "file": Medium("file", "file_data", 4_600, 4_096, 1_000, 100),
    "input_audio": Medium("input_audio", "data", 32, 2_000, 12 * 3600, 10 * 60),
    "video_url": VIDEO,
    "input_video": VIDEO,
}


class Seen(NamedTuple):
    """What a part, or all of them, holds: pictures, tokens of everything else, and characters that are no text."""

    images: int = 0
    tokens: int = 0
    characters: int = 0


NOTHING = Seen()


def look_at(part: dict[str, Any]) -> Seen:
    """What a content part holds; nothing for text and for what only a provider can judge."""
    kind = part.get("type")
    if kind == IMAGE:
        url = _data_of(part, IMAGE, "url")
        return Seen(1, 0, len(url) if len(url) > TOKENS_PER_IMAGE else 0)
    medium = MEDIA.get(kind) if isinstance(kind, str) else None
    if medium is None:
        return NOTHING
    data = _data_of(part, medium.holder, medium.field)
    if not data or data[:8].lower().startswith(("http://", "https://")):
        return Seen(0, medium.unknown_units * medium.tokens, 0)
    size = len(data) * 3 // 4  # base64
    units = size // _least_bytes(part, medium) + 1
    return Seen(0, min(units, medium.most_units) * medium.tokens, len(data))


def _data_of(part: dict[str, Any], holder: str, field: str) -> str:
    held = part.get(holder)
    data = held.get(field) if isinstance(held, dict) else None
    return data if isinstance(data, str) else ""


def _least_bytes(part: dict[str, Any], medium: Medium) -> int:
    said = part[medium.holder].get("format")
    is_uncompressed = isinstance(said, str) and said in UNCOMPRESSED
    return UNCOMPRESSED_BYTES_PER_SECOND if is_uncompressed else medium.least_bytes
