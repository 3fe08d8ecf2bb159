"""The parts of a message, one by one, as content blocks of Converse."""

from __future__ import annotations

import base64
import re
from typing import Any
from urllib.parse import unquote_to_bytes

from routing.providers.wire_format import Unsupported

Block = dict[str, Any]  # a content block: whatever JSON the API has

IMAGES = {
    "image/png": "png",
    "image/jpeg": "jpeg",
    "image/jpg": "jpeg",
    "image/gif": "gif",
    "image/webp": "webp",
}
VIDEOS = {
    "video/x-matroska": "mkv",
    "video/quicktime": "mov",
    "video/mov": "mov",
    "video/mp4": "mp4",
    "video/webm": "webm",
    "video/x-flv": "flv",
    "video/mpeg": "mpeg",
    "video/x-ms-wmv": "wmv",
    "video/3gpp": "three_gp",
}
DOCUMENTS = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "text/plain": "txt",
    "text/markdown": "md",
}
SOUNDS = frozenset({"mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv", "m4a", "mpeg", "mpga", "webm"})
NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9()\[\]-]+")
MAX_NAME = 100


def block_of_part(part: Block) -> Block:
    """The content block of one part. Raises Unsupported."""
    kind = part.get("type")
    make = _MAKERS.get(kind) if isinstance(kind, str) else None
    if make is None:
        raise Unsupported("messages", "has a part of a kind that this provider does not take")
    return make(part)


def is_marked(part: Block) -> bool:
    """Whether the prompt shall be cached up to this part (or tool, or request)."""
    return bool(part.get("cache_control") or part.get("prompt_cache_breakpoint"))


def cache_point(part: Block, *, has_ttl: bool) -> Block:
    """The mark after a part; how long it lasts can be said to models for which `has_ttl`."""
    marker = part.get("cache_control")
    ttl = marker.get("ttl") if isinstance(marker, dict) else None
    return {"cachePoint": {"type": "default"} | ({"ttl": "1h"} if has_ttl and ttl == "1h" else {})}


def base64_of(data: str) -> bytes | None:
    """What base64 stands for, or None where it is none."""
    try:
        return base64.b64decode(data, validate=True)
    except ValueError:
        return None


def _text(part: Block) -> Block:
    name = "refusal" if part.get("type") == "refusal" else "text"
    text = part.get(name)
    if not isinstance(text, str):
        raise Unsupported("messages", f"has a part whose {name} is no string")
    return {"text": text}


def _image(part: Block) -> Block:
    media, data = _data_of(_inner(part, "image_url", "url"))
    if media not in IMAGES:
        raise Unsupported(
            "messages",
            "has an image of a kind that this provider does not take",
            kind="unsupported_image_format",
        )
    return {"image": {"format": IMAGES[media], "source": {"bytes": data}}}


def _video(part: Block) -> Block:
    media, data = _data_of(_inner(part, "video_url", "url"))
    if media not in VIDEOS:
        raise Unsupported("messages", "has a video of a kind that this provider does not take")
    return {"video": {"format": VIDEOS[media], "source": {"bytes": data}}}


def _sound(part: Block) -> Block:
    data, kind = _inner(part, "input_audio", "data"), _inner(part, "input_audio", "format").lower()
    if kind not in SOUNDS:
        raise Unsupported("messages", "has audio of a kind that this provider does not take")
    return {"audio": {"format": kind, "source": {"bytes": data}}}


def _document(part: Block) -> Block:
    media, data = _data_of(_inner(part, "file", "file_data"))
    name = part["file"].get("filename")
    stem, _, extension = name.rpartition(".") if isinstance(name, str) else ("", "", "")
    kind = DOCUMENTS.get(media)
    if kind is None and extension.lower() in DOCUMENTS.values():
        kind = extension.lower()
    if kind is None:
        raise Unsupported("messages", "has a file of a kind that this provider does not take")
    shown = NOT_IN_A_NAME.sub(" ", stem).strip()[:MAX_NAME].strip()
    return {"document": {"format": kind, "name": shown or "document", "source": {"bytes": data}}}


def _inner(part: Block, name: str, field: str) -> str:
    holder = part.get(name)
    value = holder if isinstance(holder, str) and field == "url" else None
    if isinstance(holder, dict):
        value = holder.get(field)
    if not isinstance(value, str):
        raise Unsupported("messages", f"has a part without {name}.{field}, which this provider needs")
    return value


def _data_of(url: str) -> tuple[str, str]:
    """The media type and the base64 of a data: URL. Raises Unsupported.

    Other addresses stay unread: Amazon fetches none but s3:, and that with the rights of whoever owns the credential.
    """
    head, comma, data = url.partition(",")
    if not comma or not head[:5].lower() == "data:":
        raise Unsupported("messages", "must hold files as data: URLs for this provider")
    media, *parameters = [word.strip().lower() for word in head[5:].split(";")]
    if parameters and parameters[-1] == "base64":
        return media, data
    return media, base64.b64encode(unquote_to_bytes(data.encode("utf-8", "replace"))).decode()


_MAKERS = {
    "text": _text,
    "refusal": _text,
    "image_url": _image,
    "video_url": _video,
    "input_video": _video,
    "input_audio": _sound,
    "file": _document,
}
