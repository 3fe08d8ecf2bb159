"""The text of what was behind an address: HTML as Markdown without its frame, PDF, plain text. Done in a worker."""

from __future__ import annotations

import re
from email.message import Message
from typing import Any

import trafilatura
from lxml import etree, html

from routing.plugins.heavy_work import MOST_CHARACTERS, CannotRead, read_pdf
from routing.plugins.page_envelope import About, opened

LONGEST_TITLE = 300
HTML = frozenset({"text/html", "application/xhtml+xml"})
PDF = "application/pdf"
TEXTS = re.compile(r"text/.+|(application|image)/(.+\+)?(json|xml|yaml|x-yaml|javascript|x-ndjson|toml)")
HEAD_BYTES = 2_048
"""Where a page says in which encoding it is (WHATWG HTML, 13.2.3.2; there the first 1,024)."""
MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
SAID_INSIDE = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]{1,40})""", re.IGNORECASE)
LATIN = "windows-1252"
AS_LATIN = frozenset({"ascii", "iso8859-1", "latin-1"})
"""Encodings that the web calls windows-1252 (WHATWG Encoding)."""
LONG = 500_000
"""Longer pages are read without second opinions, which take long."""
UNSEEN = ("script", "style", "noscript", "template", "svg", "head")
FAULTS = (etree.LxmlError, AssertionError, AttributeError, LookupError, TypeError, ValueError)
LOOKS_LIKE_HTML = re.compile(rb"\s*(<!doctype html|<html|<head|<body|<!--)", re.IGNORECASE)


def read_page(given: bytes) -> dict[str, str]:
    """Title and text of what an envelope holds. Raises CannotRead, also where there is no text."""
    about, data = opened(given)
    title, text = _read(about, data)
    if not text.strip():
        raise CannotRead("it holds no text")
    return {"title": _fit(title)[:LONGEST_TITLE], "text": _fit(text)}


def _read(about: About, data: bytes) -> tuple[str, str]:
    kind, charset = _told(about.type)
    if kind == PDF or data.startswith(b"%PDF-"):
        return "", "\n\n".join(read_pdf(data))
    if kind in HTML or (not kind and LOOKS_LIKE_HTML.match(data[:HEAD_BYTES])):
        return _from_html(_decoded(data, charset, is_html=True), about.url)
    is_binary = b"\0" in data[:HEAD_BYTES] and not _mark(data) and not charset.startswith("utf-")
    if (kind and not TEXTS.fullmatch(kind)) or is_binary:
        raise CannotRead("it is no text")
    return "", _decoded(data, charset)


def _told(content_type: str) -> tuple[str, str]:
    """Type and charset of a Content-Type, in lower case; empty where there is none."""
    message = Message()
    message["content-type"] = content_type
    kind = message.get_content_type() if "/" in content_type else ""
    charset = message.get_param("charset", "")
    return kind, charset.lower() if isinstance(charset, str) else ""


def _mark(data: bytes) -> str:
    return next((encoding for mark, encoding in MARKS if data.startswith(mark)), "")


def _decoded(data: bytes, charset: str, *, is_html: bool = False) -> str:
    """The text: in the encoding of its mark, of its server, of itself, in UTF-8, or in what is left."""
    said = SAID_INSIDE.search(data[:HEAD_BYTES]) if is_html else None
    inside = said[1].decode("ascii", "replace").lower() if said else ""
    for encoding in filter(None, (_mark(data), charset, inside)):
        text = _tried(data, encoding)
        if text is not None:
            return text
    try:
        return data.decode("utf-8")[:MOST_CHARACTERS]
    except UnicodeDecodeError:
        return data.decode(LATIN, "replace")[:MOST_CHARACTERS]


def _tried(data: bytes, encoding: str) -> str | None:
    """The text in an encoding whose name a stranger gave; None where there is no such, or nearly nothing fits it."""
    try:
        known = "".encode(encoding) if encoding else None  # codecs that are no encodings of text raise here
        text = data.decode(LATIN if encoding in AS_LATIN else encoding, "replace")
    except (LookupError, UnicodeError, ValueError, TypeError):
        return None
    is_misfit = known is None or text.count("\ufffd") * 10 > len(text)
    return None if is_misfit else text.removeprefix("\ufeff")[:MOST_CHARACTERS]


def _from_html(text: str, url: str) -> tuple[str, str]:
    """Markdown of what the page is about; where nothing is recognized as that, all of its text."""
    try:
        tree = trafilatura.load_html(text)
        if tree is None:  # too little, or too odd, to look for what it is about
            return "", _all_text(html.document_fromstring(text)) if text.strip() else ""
        title = " ".join(tree.findtext(".//title", "").split())
        found: Any = trafilatura.bare_extraction(
            tree,
            url=url or None,
            fast=len(text) > LONG,
            include_comments=False,
            include_formatting=True,
            include_links=True,
            favor_recall=True,
        )
        content = getattr(found, "text", None) or _all_text(tree)
    except FAULTS as error:
        raise CannotRead("it is broken") from error
    return title, content


def _all_text(tree: html.HtmlElement) -> str:
    etree.strip_elements(tree, *UNSEEN, with_tail=False)
    return "\n".join(filter(None, (" ".join(piece.split()) for piece in tree.itertext())))


def _fit(text: str) -> str:
    """A text that JSON can hold, without half characters."""
    return text.encode("utf-8", "replace").decode().strip()
