"""Turns at a few processes, dealt out in rotation among organizations: who asks for much waits behind itself."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from contextlib import suppress

from routing.errors import Refusal, unavailable
from routing.gateway.client import RefusedError

Turn = asyncio.Future[None]


class Turns:
    """So many at a time; `most_waiting` may wait, half of them of one organization. Belongs to the running loop."""

    def __init__(self, places: int, most_waiting: int, what: str) -> None:
        self._free = places
        self._most = most_waiting
        self._most_of_organization = max(1, most_waiting // 2)
        self._what = what
        self._running: Counter[int] = Counter()
        self._queues: dict[int, deque[Turn]] = {}
        """Who waits, by organization, in rotation: the one that was served last is the last."""
        self._waiting = 0

    async def take(self, organization: int) -> None:
        """Wait for a turn, to be given back with `leave`. Raises RefusedError (429, 503) when too many wait."""
        if self._free:
            self._free -= 1
            self._running[organization] += 1
            return
        turn = self._enqueue(organization)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._forget(organization, turn)
            else:  # it came at that very moment
                self.leave(organization)
            raise

    def leave(self, organization: int) -> None:
        """Let the next have it: of the organizations that wait with the fewest at work, the next in rotation."""
        self._running[organization] -= 1
        if not self._running[organization]:
            del self._running[organization]
        while self._queues:
            following = min(self._queues, key=self._running.__getitem__)
            queue = self._queues.pop(following)
            turn = queue.popleft()
            self._waiting -= 1
            if queue:
                self._queues[following] = queue
            if not turn.cancelled():
                self._running[following] += 1
                turn.set_result(None)
                return
        self._free += 1

    def _enqueue(self, organization: int) -> Turn:
        queue = self._queues.get(organization)
        if self._waiting >= self._most:
            raise RefusedError(unavailable(f"Too many {self._what} at once."))
        if queue is not None and len(queue) >= self._most_of_organization:
            raise RefusedError(share_exceeded(self._what))
        turn = asyncio.get_running_loop().create_future()
        self._queues.setdefault(organization, deque()).append(turn)
        self._waiting += 1
        return turn

    def _forget(self, organization: int, turn: Turn) -> None:
        queue = self._queues.get(organization, deque())
        with suppress(ValueError):  # `leave` may have come upon it first
            queue.remove(turn)
            self._waiting -= 1
        if not queue:
            self._queues.pop(organization, None)


def share_exceeded(what: str) -> Refusal:
    """The 429 of an organization that has its share of what waits."""
    message = f"Rate limit exceeded: too many {what} of this organization at once."
    return Refusal(429, "rate_limit_exceeded", message, "fair_share", "organization", 1)
