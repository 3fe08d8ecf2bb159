"""Which thresholds were crossed: a pure function of what was marked before and what is read now.

A threshold that is reached is marked and told of once. The mark goes when the window of its budget rolls, or when the
reading has left the threshold by a margin; jitter around a threshold is less than the margin and tells nobody anything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

MARGIN_PERCENT = 5


@dataclass(frozen=True)
class Reading:
    """What something stands at: of `limit`, if there is one, in the window that began at `window`.

    `facts` are what the notification will say; `workspace` is the public id of the workspace that it is about.
    """

    organization_id: int
    subject: str
    value: int
    limit: int = 0
    window: datetime | None = None
    workspace: str | None = None
    facts: dict[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Mark:
    """A threshold of a subject that is not to be told of again in this window."""

    subject: str
    threshold: int
    window: datetime | None


@dataclass(frozen=True)
class Crossing:
    """The severest threshold that a reading has newly reached."""

    reading: Reading
    threshold: int


class Scale(Protocol):
    """How readings compare with thresholds."""

    def is_reached(self, reading: Reading, threshold: int) -> bool:
        """Whether the threshold is to be told of."""

    def is_left(self, reading: Reading, threshold: int) -> bool:
        """Whether the reading is so far from the threshold that reaching it again is news."""

    def severity(self, threshold: int) -> int:
        """What orders thresholds: the greatest is told of when several are reached at once."""


class Percent:
    """Spent, in percent of a limit; a limit of nothing is meant and tells nobody anything."""

    def is_reached(self, reading: Reading, threshold: int) -> bool:
        return reading.limit > 0 and reading.value * 100 >= threshold * reading.limit

    def is_left(self, reading: Reading, threshold: int) -> bool:
        least_times_two = max(2 * (threshold - MARGIN_PERCENT), threshold)  # half of it, for small ones
        return reading.limit <= 0 or reading.value * 200 < least_times_two * reading.limit

    def severity(self, threshold: int) -> int:
        return threshold


class Remaining:
    """What is left of something that is used up: reached below the threshold, left a tenth above it."""

    def is_reached(self, reading: Reading, threshold: int) -> bool:
        return reading.value < threshold

    def is_left(self, reading: Reading, threshold: int) -> bool:
        return reading.value * 10 >= threshold * 11

    def severity(self, threshold: int) -> int:
        return -threshold


class DaysLeft:
    """Days until a date, which only become fewer."""

    def is_reached(self, reading: Reading, threshold: int) -> bool:
        return reading.value <= threshold

    def is_left(self, reading: Reading, threshold: int) -> bool:
        return reading.value > threshold

    def severity(self, threshold: int) -> int:
        return -threshold


def crossings(
    scale: Scale, thresholds: Collection[int], marks: Collection[Mark], readings: Iterable[Reading]
) -> tuple[list[Crossing], frozenset[Mark]]:
    """What is to be told, at most one thing per reading, and the marks that are there from now on.

    What has no reading and no threshold any more has no mark either.
    """
    told: list[Crossing] = []
    kept: set[Mark] = set()
    for reading in readings:
        reached = {each for each in thresholds if scale.is_reached(reading, each)}
        held = {
            each
            for each in thresholds
            if Mark(reading.subject, each, reading.window) in marks and not scale.is_left(reading, each)
        }
        kept |= {Mark(reading.subject, each, reading.window) for each in reached | held}
        severest = max(reached - held, key=scale.severity, default=None)
        # A threshold that was added below one that was told of is no news.
        if severest is not None and all(scale.severity(severest) > scale.severity(each) for each in held):
            told.append(Crossing(reading, severest))
    return told, frozenset(kept)
