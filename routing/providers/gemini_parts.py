"""The parts of a message as Gemini's parts: text, and media inside of the request or by address.

(ai.google.dev/gemini-api/docs/file-input-methods; Vertex AI: generative-ai/docs/model-reference/inference)
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from routing.providers.wire_format import Unsupported

Json = dict[str, Any]  # JSON may be anything

YOUTUBE = ("youtube.com", "www.youtube.com", "m.youtube.com", "youtu.be")
FILES_OF_THE_ACCOUNT = "generativelanguage.googleapis.com"
"""Addresses there are files of the operator's account, which no caller may name."""

AUDIO_TYPES = {"mp3": "audio/mp3", "m4a": "audio/mp4", "pcm16": "audio/pcm", "pcm24": "audio/pcm"}
_DATA_URL = re.compile(r"data:([a-z0-9.+-]+/[a-z0-9.+-]+)?((?:;[^,;]*)*?)(;base64)?,", re.IGNORECASE)
_AUDIO_FORMAT = re.compile(r"[a-z0-9.+-]{1,20}")
_TYPES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "heic": "image/heic",
    "heif": "image/heif",
    "bmp": "image/bmp",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/markdown",
    "html": "text/html",
    "htm": "text/html",
    "csv": "text/csv",
    "json": "application/json",
    "xml": "text/xml",
    "mp3": "audio/mp3",
    "wav": "audio/wav",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "aiff": "audio/aiff",
    "m4a": "audio/mp4",
    "mp4": "video/mp4",
    "mpeg": "video/mpeg",
    "mpg": "video/mpg",
    "mov": "video/mov",
    "avi": "video/avi",
    "webm": "video/webm",
    "wmv": "video/wmv",
    "flv": "video/x-flv",
    "3gp": "video/3gpp",
}


def text_part(text: str) -> Json:
    """A part of text."""
    return {"text": text}


def parts_of(content: Any, *, needs_type: bool) -> Iterator[Json]:
    """The parts of a message's content; empty text is none. Raises Unsupported.

    `needs_type`: media by address is refused unless its type is known (Vertex AI).
    """
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    for part in content if isinstance(content, list) else ():
        found = _part(part, needs_type)
        if found is not None:
            yield found


def _part(part: Any, needs_type: bool) -> Json | None:
    kind = part.get("type") if isinstance(part, dict) else None
    kind = "video_url" if kind == "input_video" else kind
    if kind in ("text", "refusal"):
        text = part.get(kind)
        if not isinstance(text, str):
            raise Unsupported("messages", f"must have a string as the {kind} of a part")
        return text_part(text) if text else None
    read = _MEDIA.get(kind) if isinstance(kind, str) else None
    if read is None:
        raise Unsupported("messages", "has a content part of a type that this provider does not know")
    holder = part.get(kind)
    return read(holder if isinstance(holder, dict) else {"url": holder, "data": holder}, needs_type)


def _image(holder: Json, needs_type: bool) -> Json:
    return media_part(holder.get("url"), "image_url", needs_type=needs_type)


def _video(holder: Json, needs_type: bool) -> Json:
    return media_part(holder.get("url"), "video_url", needs_type=needs_type)


def _audio(holder: Json, needs_type: bool) -> Json:
    data, form = holder.get("data"), holder.get("format")
    if isinstance(data, str) and data.startswith("data:"):
        return media_part(data, "input_audio", needs_type=needs_type)
    if not isinstance(data, str) or not isinstance(form, str) or not _AUDIO_FORMAT.fullmatch(form.lower()):
        raise Unsupported("messages", "must have audio as base64 data with its format")
    return _inline(AUDIO_TYPES.get(form.lower(), f"audio/{form.lower()}"), data)


def _file(holder: Json, needs_type: bool) -> Json:
    data, name = holder.get("file_data"), holder.get("filename")
    if not isinstance(data, str) or not data:
        raise Unsupported("messages", "must have a file as data or address: no files are kept here")
    guessed = _type_of(name) if isinstance(name, str) else None
    if ":" not in data[:10] and guessed:
        return _inline(guessed, data)
    return media_part(data, "file", guessed, needs_type=needs_type)


_MEDIA: dict[str, Callable[[Json, bool], Json]] = {
    "image_url": _image,
    "input_audio": _audio,
    "file": _file,
    "video_url": _video,
}


def media_part(url: Any, kind: str, guessed: str | None = None, *, needs_type: bool) -> Json:
    """Media out of a data URL, or by its https address. Raises Unsupported."""
    if not isinstance(url, str):
        raise Unsupported("messages", f"must have an address in {kind}")
    if url[:5].lower() == "data:":
        return _inline(*_read_data_url(url, kind, guessed))
    return {"fileData": _file_data(url, kind, guessed, needs_type)}


def _file_data(url: str, kind: str, guessed: str | None, needs_type: bool) -> Json:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
    except ValueError:
        raise Unsupported("messages", f"has an address in {kind} that is none") from None
    if parts.scheme != "https" or not host or host == FILES_OF_THE_ACCOUNT:
        raise Unsupported("messages", f"must have in {kind} a data URL or a public https address")
    found = "video/mp4" if host in YOUTUBE else guessed or _type_of(parts.path)
    if found is None and needs_type:
        raise Unsupported(
            "messages", f"has an address in {kind} that does not show the type of what is there"
        )
    return {"fileUri": url} | ({"mimeType": found} if found else {})


def _read_data_url(url: str, kind: str, guessed: str | None) -> tuple[str, str]:
    head = _DATA_URL.match(url)
    mime = (head.group(1) or guessed) if head else None
    if head is None or mime is None:
        raise Unsupported("messages", f"must have in {kind} a data URL that names its media type")
    data = url[head.end() :]
    if head.group(3) is None:
        data = base64.b64encode(unquote_to_bytes(data.encode("utf-8", "replace"))).decode()
    return mime.lower(), data


def _inline(mime: str, data: str) -> Json:
    if not data:
        raise Unsupported("messages", "has media that is empty")
    return {"inlineData": {"mimeType": mime, "data": data}}


def _type_of(name: str) -> str | None:
    return _TYPES.get(name.rpartition(".")[2].lower())
