"""The texts of files and media: what stands beside their data or in its place, and what the data is if it is text."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, unquote

from routing.guardrails.leaves import (
    ATTACHMENT,
    BASE64,
    BASE64_DATA,
    INSIDE,
    WORDS,
    Place,
    Text,
    beside,
    leaves,
)

_NO_TEXT_FILES = ("image/", "audio/", "video/", "application/pdf", "application/zip", "application/vnd.")
_TEXT_FILES = ("text/", "application/json", "application/xml", "application/yaml")
_ADDRESSES = ("http://", "https://")
_OF_FILES = {"filename", "file_data", "file_id", "file_url", "format"}
_OF_MEDIA = {"data", "format", "media_type", "mime_type"}


def of_file(place: Place, file: Any) -> Iterator[Text]:
    """A file's name, and its text where it is one; what a parser reads out of others is looked at by its plugin."""
    if not isinstance(file, dict):
        return
    if isinstance(file.get("filename"), str):
        yield Text((*place, "filename"), ATTACHMENT, file["filename"])
    if isinstance(file.get("file_data"), str):
        yield from _of_data((*place, "file_data"), file["file_data"])
    yield from beside(place, ATTACHMENT, file, _OF_FILES)


def of_medium(place: Place, medium: Any) -> Iterator[Text]:
    """What stands beside a picture, a sound or a film, or in its place."""
    for leaf in leaves(place, ATTACHMENT, medium):
        if leaf.place[-1] == "url" or leaf.place == place:
            yield from _of_data(leaf.place, leaf.text)
        elif leaf.place[-1] not in _OF_MEDIA and leaf.text not in WORDS:
            yield leaf


def _of_data(place: Place, data: str) -> Iterator[Text]:
    """The text that stands where a file's data should, or that the data is."""
    start = data[:8].lower()
    if start.startswith("data:"):
        text = _text_of_data_url(data)
        if text is not None:
            yield Text((*place, INSIDE), ATTACHMENT, text)
    elif not start.startswith(_ADDRESSES) and not BASE64_DATA.fullmatch(data):
        yield Text(place, ATTACHMENT, data)


def _text_of_data_url(url: str) -> str | None:
    """The text of a data URL; None where it is a picture, a sound or the like, or bytes that are no text."""
    head, _, data = url.partition(",")
    kind = head[5:].lower()
    if kind.startswith(_NO_TEXT_FILES):
        return None
    if not kind.endswith(BASE64):
        return unquote(data)
    try:
        found = base64.b64decode(data, validate=False)
        return found.decode("utf-8", "replace" if kind.startswith(_TEXT_FILES) else "strict")
    except (binascii.Error, ValueError):
        return None


def as_data_url(url: str, text: str) -> str:
    """The data URL with another text, encoded as the first was."""
    head = url.partition(",")[0]
    is_base64 = head.lower().endswith(BASE64)
    return (
        f"{head},{base64.b64encode(text.encode('utf-8', 'replace')).decode() if is_base64 else quote(text)}"
    )
