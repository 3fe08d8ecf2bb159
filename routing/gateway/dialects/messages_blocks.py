"""Anthropic's content blocks as the parts of a Chat Completions message (platform.claude.com/docs/en/api/messages)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from routing.gateway.dialects.chunks import a_text, an_object, objects
from routing.gateway.dialects.parameters import is_objects, refused

CACHED = "cache_control"
PDF = "application/pdf"
UNNAMED = "document.pdf"

Block = Mapping[str, Any]  # the caller's JSON
Part = dict[str, Any]


def blocks_of(content: Any, where: str) -> list[dict[str, Any]]:  # JSON of any kind
    """The blocks of a content; a string is one block of text. Raises RefusedError."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if not is_objects(content):
        raise refused(where, "must be a string or a list of blocks")
    return list(content)


def parts_of(block: Block, where: str) -> list[Part]:
    """What a block of text, of a picture or of a document is in a message. Raises RefusedError."""
    kind = block.get("type")
    read = READERS.get(kind) if isinstance(kind, str) else None
    if read is None:
        raise refused(where, f"has a type that is not supported: {str(kind)[:100]}")
    parts = read(block, where)
    if parts and isinstance(block.get(CACHED), dict):
        parts[-1] = {**parts[-1], CACHED: block[CACHED]}
    return parts


def content_of_parts(parts: list[Part]) -> str | list[Part]:
    """The parts as a content: a string where they are one plain text, which every provider takes."""
    return parts[0]["text"] if len(parts) == 1 and is_plain(parts[0]) else parts


def is_plain(part: Part) -> bool:
    """Whether a part is nothing but text."""
    return part.keys() == {"type", "text"}


def text_part(text: str) -> Part:
    """A part of text."""
    return {"type": "text", "text": text}


def _text(block: Block, where: str) -> list[Part]:
    if not isinstance(block.get("text"), str):
        raise refused(f"{where}.text", "must be a string")
    return [text_part(block["text"])]


def _image(block: Block, where: str) -> list[Part]:
    return [{"type": "image_url", "image_url": {"url": _url(block, where, "image/png")}}]


def _document(block: Block, where: str) -> list[Part]:
    source = an_object(block, "source")
    title = a_text(block, "title")
    about = [text_part(text) for text in (a_text(block, "context"),) if text]
    if source.get("type") == "text":
        named = f"{title}\n\n" if title else ""
        return [*about, text_part(named + a_text(source, "data"))]
    if source.get("type") == "content":
        inner = blocks_of(source.get("content"), f"{where}.source.content")
        named_parts = [text_part(title)] if title else []
        return [*about, *named_parts, *[part for one in inner for part in parts_of(one, f"{where}.source")]]
    file = {"filename": title or UNNAMED, "file_data": _url(block, where, PDF)}
    return [*about, {"type": "file", "file": file}]


def _search_result(block: Block, where: str) -> list[Part]:
    texts = [a_text(one, "text") for one in objects(block, "content")]
    return [text_part("\n".join([a_text(block, "title"), a_text(block, "source"), *texts]))]


def _url(block: Block, where: str, usual: str) -> str:
    """The address of a source; base64 data as a data URL. Raises RefusedError."""
    source = an_object(block, "source")
    kind = source.get("type")
    if kind == "base64" and (data := a_text(source, "data")):
        return f"data:{a_text(source, 'media_type') or usual};base64,{data}"
    if kind == "url" and (url := a_text(source, "url")):
        return url
    raise refused(f"{where}.source", "must be base64 data or a URL")


READERS: dict[str, Callable[[Block, str], list[Part]]] = {
    "text": _text,
    "image": _image,
    "document": _document,
    "search_result": _search_result,
}
