"""Two texts line by line: what went, what came, and a little of what stayed around it."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

AROUND: Final = 3
MOST_LINES: Final = 2_000
"""Of either side; longer texts are shown one after the other, as comparing takes the square of that."""
HUNK: Final = "@@"


@dataclass(frozen=True)
class Line:
    """A line of a comparison. `mark`: `+` came, `-` went, a space stayed, `…` some are left out."""

    mark: str
    text: str = ""

    @property
    def kind(self) -> str:
        """`came`, `went`, `gap` or `same`."""
        return {"+": "came", "-": "went", "…": "gap"}.get(self.mark, "same")


def compared(before: Any, after: Any) -> list[Line]:  # JSON of any kind
    """What became of a value, line by line; None is no lines."""
    old, new = _lines(before), _lines(after)
    if max(len(old), len(new)) > MOST_LINES:
        return [*(Line("-", text) for text in old), *(Line("+", text) for text in new)]
    return list(_told(old, new))


def _told(old: list[str], new: list[str]) -> Iterator[Line]:
    for number, line in enumerate(difflib.unified_diff(old, new, lineterm="", n=AROUND)):
        if number < 2:  # the names of two files
            continue
        if line.startswith(HUNK):
            if number > 2:
                yield Line("…")
            continue
        yield Line(line[0], line[1:])


def _lines(value: Any) -> list[str]:  # JSON of any kind
    if value is None:
        return []
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    return text.split("\n")
