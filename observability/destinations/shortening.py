"""Long texts are cut before a vendor refuses the whole event."""

from __future__ import annotations

from typing import Final

LONGEST_TEXT: Final = 1_000_000
"""Characters. Vendors take 1 MB (Raindrop) to 5 MB (Datadog) for an event."""


def shortened(text: str, most: int = LONGEST_TEXT) -> tuple[str, bool]:
    """The text, cut if it is too long, and whether it is whole."""
    return (text, True) if len(text) <= most else (text[:most], False)
