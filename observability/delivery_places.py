"""How many of a worker process's threads one organization's deliveries may have at once.

A vendor that is now quick and now slow escapes the places for slow ones. Whoever has many such destinations must
still leave threads to others.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

MOST_OF_ONE: Final = 6
"""Of eight threads: more than slow destinations may have, so that its quick ones go on, too."""


class Places:
    """Counts who is inside; any thread may ask."""

    def __init__(self, most: int = MOST_OF_ONE) -> None:
        self._most = most
        self._inside: Counter[int] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def place_for(self, organization_id: int) -> Iterator[bool]:
        """Whether there is a place for one more delivery of the organization, kept while the block runs."""
        with self._lock:
            has_place = self._inside[organization_id] < self._most
            self._inside[organization_id] += has_place
        try:
            yield has_place
        finally:
            with self._lock:
                self._inside[organization_id] -= has_place
                if not self._inside[organization_id]:
                    del self._inside[organization_id]
