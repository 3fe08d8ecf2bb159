"""Parts of Chat Completions messages as Anthropic's content blocks (docs.anthropic.com/en/api/messages)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from routing.providers.wire_format import Unsupported

Block = dict[str, Any]
IMAGES = {
    "image/jpeg": "image/jpeg",
    "image/jpg": "image/jpeg",
    "image/png": "image/png",
    "image/gif": "image/gif",
    "image/webp": "image/webp",
}
PDF = "application/pdf"


def blocks_of(content: Any) -> list[Block]:
    """The blocks of a message's content; empty texts, which the API refuses, are left out. Raises Unsupported."""
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    if not isinstance(content, list):
        return []
    return [block for part in content if (block := _block(part)) is not None]


def texts_of(content: Any) -> list[Block]:
    """The text blocks of a content that may hold nothing else. Raises Unsupported."""
    blocks = blocks_of(content)
    if any(block["type"] != "text" for block in blocks):
        raise Unsupported("messages", "may hold images and files in user and tool messages only")
    return blocks


def cache_control(holder: Mapping[str, Any]) -> dict[str, Any]:
    """The cache marker of a part or tool, to be merged into its block; one of OpenAI's counts as well."""
    marker = holder.get("cache_control")
    if isinstance(marker, dict) and marker.get("type") == "ephemeral":
        return {"cache_control": {name: marker[name] for name in ("type", "ttl") if marker.get(name)}}
    return {"cache_control": {"type": "ephemeral"}} if holder.get("prompt_cache_breakpoint") else {}


def lift_cache_control(blocks: Iterable[Block]) -> dict[str, Any]:
    """The last marker among blocks that will lie within another, taken off them: only outer ones may have it."""
    markers = [block.pop("cache_control") for block in blocks if "cache_control" in block]
    return {"cache_control": markers[-1]} if markers else {}


def _block(part: Any) -> Block | None:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind == "text":
        block = _text(part.get("text"))
    elif kind == "image_url":
        block = _image(_field(part, "image_url", "url"))
    elif kind == "file":
        block = _file(part)
    else:
        raise Unsupported("messages", f"may not hold parts of type {str(kind)[:50]!r} at this provider")
    return None if block is None else block | cache_control(part)


def _text(text: Any) -> Block | None:
    if not isinstance(text, str):
        raise Unsupported("messages", "must have a string as the text of a part")
    return {"type": "text", "text": text} if text and not text.isspace() else None


def _field(part: Mapping[str, Any], holder: str, name: str) -> str:
    """A string within a part; `image_url` may also be just the URL."""
    value = part.get(holder)
    found = value.get(name) if isinstance(value, dict) else value
    if not isinstance(found, str):
        raise Unsupported("messages", f"must have a string as {holder}.{name}")
    return found


def _image(url: str) -> Block:
    if _is_web(url):
        return {"type": "image", "source": {"type": "url", "url": url}}
    data = _Data.read(url)
    kind = IMAGES.get(data.kind) if data else None
    if data is None or kind is None or not data.is_base64:
        raise Unsupported(
            "messages", "may hold images as https or base64 data URLs of JPEG, PNG, GIF or WebP"
        )
    return {"type": "image", "source": {"type": "base64", "media_type": kind, "data": data.payload}}


def _file(part: Mapping[str, Any]) -> Block:
    url = _field(part, "file", "file_data")
    data = _Data.read(url)
    if data is not None and data.kind in IMAGES:
        return _image(url)
    if _is_web(url):
        source = {"type": "url", "url": url}
    elif data is not None and data.kind == PDF and data.is_base64:
        source = {"type": "base64", "media_type": PDF, "data": data.payload}
    elif data is not None and data.is_text:
        source = {"type": "text", "media_type": "text/plain", "data": data.text()}
    else:
        raise Unsupported("messages", "may hold files as https or base64 data URLs of PDF or text")
    title = part["file"].get("filename") if isinstance(part["file"], dict) else None
    named = {"title": title[:500]} if isinstance(title, str) and title.strip() else {}
    return {"type": "document", "source": source} | named


def _is_web(url: str) -> bool:
    return url[:8].lower() == "https://"


class _Data(NamedTuple):
    """A data: URL (RFC 2397)."""

    kind: str
    is_base64: bool
    payload: str

    @classmethod
    def read(cls, url: str) -> _Data | None:
        if url[:5].lower() != "data:":
            return None
        head, comma, payload = url[5:].partition(",")
        kind, *attributes = [one.strip().lower() for one in head.split(";")]
        return cls(kind, "base64" in attributes, payload) if comma else None

    @property
    def is_text(self) -> bool:
        return self.is_base64 and (self.kind.startswith("text/") or self.kind == "application/json")

    def text(self) -> str:
        try:
            return base64.b64decode(self.payload, validate=True).decode()
        except (binascii.Error, ValueError) as error:
            raise Unsupported("messages", "must hold text files in UTF-8 and base64") from error
