"""Many patterns at once: one pass over a text says which of them may match it at all.

RE2's filter looks for the literals that a pattern cannot do without; patterns without any are always candidates. One
automaton for all patterns (re2.Set) was as fast for harmless ones, but its states explode for others, and it then
says that nothing matched.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Generic, TypeVar

import re2

Label = TypeVar("Label")

CANARY = "headgate~is~looking"
"""Found at every pass. When it is not, the pass has failed, and every pattern is a candidate."""
FEW = 2


class PatternSet(Generic[Label]):
    """Compiled patterns, each with a label of the caller's."""

    def __init__(self, patterns: Sequence[tuple[Any, Label]]) -> None:  # re2 has no types
        self._patterns = tuple(patterns)
        self._filter = _filter([pattern for pattern, _ in self._patterns]) if len(patterns) > FEW else None

    def __len__(self) -> int:
        return len(self._patterns)

    def candidates(self, text: bytes) -> Iterator[tuple[Any, Label]]:
        """The patterns that are worth searching the text for, in their order."""
        if self._filter is None:
            yield from self._patterns
            return
        numbers = self._filter.Match(text + CANARY.encode(), potential=True)
        if not numbers or numbers[-1] != len(self._patterns):
            yield from self._patterns
            return
        for number in numbers[:-1]:
            yield self._patterns[number]


def _filter(patterns: Sequence[Any]) -> Any:
    made = re2.Filter()
    for pattern in patterns:
        made.Add(pattern.pattern, pattern.options)
    made.Add(CANARY)
    made.Compile()
    return made
