"""Stacked bars as an SVG that needs no script and no style: where each rectangle stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from observability.usage_page import Bar

WIDTH, HEIGHT = 960, 220
GAP: Final = 0.2
"""What of a bar's place is left empty."""
COLOURS: Final = ("#2f8fb0", "#d9822b", "#4f9d69", "#b5577f", "#7a6fd0", "#b59a2d", "#3fa39b", "#c2604f")
REST: Final = "#8b93a0"


@dataclass(frozen=True)
class Rectangle:
    """A part of a bar, in the SVG's units."""

    x: str
    y: str
    width: str
    height: str
    colour: str


@dataclass(frozen=True)
class Stack:
    """A bar: its parts from the bottom up, and what it says when it is pointed at."""

    begins_at: datetime
    whole: int
    x: str
    width: str
    parts: list[Rectangle]


def stacks_of(bars: list[Bar]) -> list[Stack]:
    """Where the bars stand; the highest reaches the top."""
    highest = max((bar.whole for bar in bars), default=0) or 1
    place = WIDTH / max(len(bars), 1)
    return [_stack(bar, number * place, place, highest) for number, bar in enumerate(bars)]


def _stack(bar: Bar, left: float, place: float, highest: int) -> Stack:
    x, width = f"{left + place * GAP / 2:.2f}", f"{place * (1 - GAP):.2f}"
    rest = max(bar.whole - sum(bar.parts), 0)
    parts, bottom = [], float(HEIGHT)
    for value, colour in (*zip(bar.parts, COLOURS, strict=False), (rest, REST)):
        if value > 0:
            height = value / highest * HEIGHT
            bottom -= height
            parts.append(Rectangle(x, f"{bottom:.2f}", width, f"{height:.2f}", colour))
    return Stack(bar.begins_at, bar.whole, x, width, parts)
