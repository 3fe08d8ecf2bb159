"""E-mail addresses: `ann@example.com`, `name+tag@mail.example.co`, `jörg@müller.de`."""

from __future__ import annotations

from collections.abc import Iterator

import re2

from routing.guardrails.builtin import Span

CANDIDATE = re2.compile(r"[\p{L}\p{N}._%+'-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+")
LONGEST_LOCAL_PART = 64
LONGEST_LABEL = 63
FILE_ENDINGS = frozenset(
    {"png", "jpg", "jpeg", "gif", "svg", "webp", "css", "js", "json", "html", "md", "py"}
)
"""`icon@2x.png` is a picture."""


def find(text: bytes) -> Iterator[Span]:
    """Where addresses are."""
    if b"@" not in text:
        return
    for candidate in CANDIDATE.finditer(text):
        start, end = candidate.span()
        local, _, domain = candidate.group().decode().partition("@")
        stripped = local.lstrip(".'-%+")
        if _is_address(stripped, domain) and not _is_remote(stripped, text[end : end + 1]):
            yield start + len(local.encode()) - len(stripped.encode()), end


def _is_address(local: str, domain: str) -> bool:
    if not 0 < len(local) <= LONGEST_LOCAL_PART or local.endswith(".") or ".." in local:
        return False
    labels = domain.split(".")
    if any(label.startswith("-") or label.endswith("-") or len(label) > LONGEST_LABEL for label in labels):
        return False
    last = labels[-1].lower()
    return len(last) >= 2 and (last.isalpha() or last.startswith("xn--")) and last not in FILE_ENDINGS


def _is_remote(local: str, following: bytes) -> bool:
    """Whether it is where Git finds a repository: git@github.com:acme/site."""
    return local == "git" and following == b":"
