"""Tells workers, from a thread of its own, that something waits for a destination.

It begins with what was told before the last beat, so that the transaction that wrote it is over, and once for all that
was told in between. What is lost, the sweep finds; ingest never waits for a broker.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from observability.ingest_writes import Matcher, NewDelivery
from observability.journal_reader import Finished

log = logging.getLogger(__name__)

BEAT_SECONDS: Final = 0.5


class WakeUps:
    """Collects destinations and wakes workers for each at most once a beat."""

    def __init__(self, wake: Callable[[int], None], *, beat_seconds: float = BEAT_SECONDS) -> None:
        self._wake, self._beat_seconds = wake, beat_seconds
        self._told: set[int] = set()
        self._ripe: set[int] = set()
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="wake-ups", daemon=True)

    def start(self) -> None:
        """Begin to wake."""
        self._thread.start()

    def stop(self) -> None:
        """End, with what was told left to the sweep."""
        self._is_over.set()

    def tell(self, destination_ids: Iterable[int]) -> None:
        """Something is being written for these."""
        with self._lock:
            self._told.update(destination_ids)

    def beat(self) -> None:
        """Wake for what was told before the last beat."""
        with self._lock:
            ripe, self._ripe, self._told = self._ripe, self._told, set()
        for destination_id in sorted(ripe):
            self._wake(destination_id)

    def _run(self) -> None:
        while not self._is_over.wait(self._beat_seconds):
            try:
                self.beat()
            except Exception:  # it must not end: whoever is not woken waits for the sweep
                log.exception("workers could not be woken")


def waking(matcher: Matcher, wake_ups: WakeUps) -> Matcher:
    """The same matcher, which also tells who has got something."""

    def match(finished: Sequence[Finished]) -> list[NewDelivery]:
        rows = list(matcher(finished))
        wake_ups.tell({row.destination_id for row in rows})
        return rows

    return match
