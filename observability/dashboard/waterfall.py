"""The generations of a request below one another: when each began, and how long it took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from observability.logs import duration_ms_of
from observability.models import Generation

WIDTH: Final = 1000
"""Of the whole time, in the units of the drawing."""
NARROWEST: Final = 6
"""What takes no time is seen all the same."""


@dataclass(frozen=True)
class Bar:
    """One generation, and its place in the drawing."""

    generation: Generation
    duration_ms: int | None
    x: int
    width: int

    @property
    def is_below(self) -> bool:
        """Whether a tool asked for it, and not the request's own model."""
        return self.generation.tool is not None


def waterfall_of(generations: Sequence[Generation]) -> list[Bar]:
    """The generations of a request as bars over the time that all of them took."""
    if not generations:
        return []
    start = min(row.admitted_at for row in generations)
    spans = [
        ((row.admitted_at - start) // timedelta(milliseconds=1), duration_ms_of(row)) for row in generations
    ]
    whole = max(1, *(begun + (taken or 0) for begun, taken in spans))
    return [_bar(row, begun, taken, whole) for row, (begun, taken) in zip(generations, spans, strict=True)]


def _bar(row: Generation, begun: int, taken: int | None, whole: int) -> Bar:
    width = max(NARROWEST, (taken or 0) * WIDTH // whole)
    return Bar(row, taken, min(begun * WIDTH // whole, WIDTH - width), width)
