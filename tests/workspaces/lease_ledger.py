"""What no process knows: all that is spent or held on a purse at this moment, by which the simulation is judged."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field


def now() -> float:
    """The simulated time."""
    return asyncio.get_running_loop().time()


@dataclass
class Book:
    """What is really spent and held on one purse, and what was so a while ago."""

    limit: int | None
    is_strict: bool
    counted: int = 0
    claimed: int = 0
    """What requests that wait for another purse may have set aside in this one."""
    largest_cost: int = 0
    holds: Counter[int] = field(default_factory=Counter)
    settled: list[tuple[float, int]] = field(default_factory=list)
    rooms: list[tuple[float, int, int]] = field(default_factory=list)
    overs: list[tuple[float, int]] = field(default_factory=list)
    limits: list[tuple[float, int]] = field(default_factory=list)

    def note(self, change: int) -> None:
        """Count what is spent, held or stuck more or less."""
        self.counted += change
        if self.limit is not None:
            self.rooms.append((now(), self.limit - self.counted, self.claimed))

    def claim(self, change: int) -> None:
        """Count more or less that is set aside for requests that wait."""
        self.claimed += change
        self.note(0)

    def set_limit(self, limit: int) -> None:
        """Another limit from now on."""
        if self.limit is not None:
            self.limits.append((now(), self.limit))
        self.limit = limit
        self.note(0)

    def admit(self, hold: int, since: float) -> str:
        """Take a hold; say what is wrong with that, even for somebody who has heard of nothing since then."""
        most_room = max((room for room, _ in self._rooms_since(since)), default=hold)
        self.note(hold)
        self.holds[hold] += 1
        if self.limit is None or not hold:
            return ""
        limit = max([self.limit, *(old for at, old in self.limits if at >= since)])
        beyond = self.counted - limit - sum(over for at, over in self.overs if at >= since)
        if (self.is_strict and max(beyond, hold - most_room) > 0) or beyond > self._largest_since(since):
            return f"{beyond} beyond {limit} with a hold of {hold}, room {most_room}"
        return ""

    def settle(self, hold: int, cost: int) -> None:
        """Replace a hold by its cost."""
        self.note(cost - hold)
        self.holds[hold] -= 1
        self.settled.append((now(), hold))
        self.largest_cost = max(self.largest_cost, cost)
        if cost > hold:
            self.overs.append((now(), cost - hold))

    def _largest_since(self, since: float) -> int:
        """The largest hold since then, or charge ever: what one request may take beyond the limit."""
        recent = [hold for at, hold in self.settled if at >= since]
        return max([self.largest_cost, *recent, *(+self.holds)])

    def has_had_room(self, hold: int, since: float) -> bool:
        """Whether at every moment since then the central rule would have let the hold in."""
        least = min((room - claimed for room, claimed in self._rooms_since(since)), default=hold + 1)
        return least >= hold if self.is_strict else least > 0

    def _rooms_since(self, since: float) -> list[tuple[int, int]]:
        first = max(0, bisect_left(self.rooms, since, key=lambda seen: seen[0]) - 1)
        return [(room, claimed) for _, room, claimed in self.rooms[first:]]


@dataclass
class Outcome:
    """What a simulation came to."""

    admitted: int = 0
    refused: int = 0
    unavailable: int = 0
    waited: int = 0
    longest_wait: float = 0.0
    excesses: list[str] = field(default_factory=list)
    wrong_refusals: list[tuple[int, float]] = field(default_factory=list)
    calls: int = 0

    def __str__(self) -> str:
        return (
            f"{self.admitted} admitted, {self.refused} refused ({len(self.wrong_refusals)} wrongly),"
            f" {self.unavailable} unavailable, {self.waited} waited, {self.longest_wait * 1000:.0f} ms at most,"
            f" {self.calls} lease calls, {len(self.excesses)} beyond the promise"
        )
