"""Secrets as answers show them: enough to tell one from another, and never enough to use (spec: broadcast §1.1)."""

from __future__ import annotations

import re
from typing import Any, Final

HIDDEN: Final = "********"
SHORTEST: Final = 16
"""A secret of fewer characters is hidden as a whole."""

_is_plain = re.compile(r"[!-~]+", re.ASCII).fullmatch
_has_prefix = re.compile(r"[A-Za-z0-9]{2,8}[-_]|A[KS]IA", re.ASCII).match
_looks_masked = re.compile(r"\*{8,}|(?:\*{4,}|[!-~]{4})\.\.\.[!-~]{4}", re.ASCII).fullmatch


def masked(secret: Any) -> str:  # a declared field may hold any JSON
    """`sk-l...AbCd` where the beginning names the kind of key, else `****...AbCd`, or `********`."""
    if not isinstance(secret, str) or len(secret) < SHORTEST or not _is_plain(secret):
        return HIDDEN
    beginning = secret[:4] if _has_prefix(secret) else "****"
    return f"{beginning}...{secret[-4:]}"


def is_masked(value: Any) -> bool:  # whatever was sent
    """Whether a value is what `masked` gives, or what OpenRouter does, so that it stands for the one that is kept."""
    return isinstance(value, str) and _looks_masked(value) is not None
