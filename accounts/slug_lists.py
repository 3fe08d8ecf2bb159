"""Lists of models and providers as privacy settings and guardrails hold them.

Slugs that the catalog does not know are kept: a provider that is ignored must stay so on the day it arrives, and a
model that nobody serves leaves an allowlist as strict as it was.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MOST_SLUGS = 1_000
LONGEST_SLUG = 200
MODEL = re.compile(r"[A-Za-z0-9~][A-Za-z0-9._~-]*/[A-Za-z0-9][A-Za-z0-9._~@+-]*(?::[A-Za-z0-9._-]+)?")
PROVIDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9._-]+)*")
PATTERNS = {
    "allowed_models": MODEL,
    "ignored_models": MODEL,
    "allowed_providers": PROVIDER,
    "ignored_providers": PROVIDER,
}


class NotASlugList(ValueError):
    """A list is empty, too long, or holds what names no model or provider; the message names the field."""


def check_slug_lists(columns: Mapping[str, Any]) -> None:
    """Pass, or raise NotASlugList; None restricts nothing, and an empty list is none (contract: minItems 1)."""
    for field, pattern in PATTERNS.items():
        value = columns.get(field)
        if value is None:
            continue
        if not isinstance(value, list) or not 1 <= len(value) <= MOST_SLUGS:
            raise NotASlugList(f"{field}: must be null or a list of 1 to {MOST_SLUGS} slugs.")
        for slug in value:
            if not isinstance(slug, str) or len(slug) > LONGEST_SLUG or not pattern.fullmatch(slug):
                raise NotASlugList(f"{field}: {str(slug)[:60]!r} names no {_noun(field)}.")


def _noun(field: str) -> str:
    return "model, such as openai/gpt-4o" if field.endswith("models") else "provider, such as openai"
