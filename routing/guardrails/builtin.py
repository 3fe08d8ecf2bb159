"""What a built-in check of guardrails declares about itself, whether or not it can run here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.util import find_spec

ACTIONS = ("flag", "redact", "block")
"""From the mildest to the strictest; of several for one thing, the strictest wins."""

SCAN_SCOPES = ("user_only", "all_messages")

Span = tuple[int, int]
Find = Callable[[bytes], Iterable[Span]]
"""Where a UTF-8 text holds what a check looks for, in bytes, in order and without overlaps."""


@dataclass(frozen=True, kw_only=True)
class Needs:
    """An extra that is installed apart, and the module that comes with it."""

    extra: str
    module: str

    @property
    def is_installed(self) -> bool:
        """Whether it can be imported here."""
        return find_spec(self.module) is not None


@dataclass(frozen=True, kw_only=True)
class Builtin:
    """A built-in check: its slug, what stands for what it redacts, and the extra that it needs.

    `scan_scopes` are which messages it may be told to look at, the default last; empty: it looks at all texts.
    `find` is how it looks at a text; None: it is not done on one text by itself.
    """

    slug: str
    name: str
    placeholder: str
    find: Find | None = None
    needs: Needs | None = None
    scan_scopes: tuple[str, ...] = ()
