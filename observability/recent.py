"""Waiting for a request that has just been answered: ingest books it a moment later."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

from observability.logs import find
from observability.models import Generation

PATIENCE_SECONDS = 3.0
LOOK_SECONDS = 0.05
MOST_WAITING = 16
MOST_OF_ORGANIZATION = 8

_lock = Lock()
_waiting: Counter[int] = Counter()
"""Lookups of this process that wait, by organization: each of them holds a thread and a database connection."""


class TooManyWaiting(Exception):
    """So many lookups wait already that another one would keep other people's requests out."""


def await_generation(
    organization_id: int, public_id: str, *, is_visible: Callable[[Generation], bool]
) -> Generation | None:
    """The organization's request, looked for during three seconds; None when there is none that may be seen.

    A foreign one, an unknown one and one that may not be seen take the same time. Raises TooManyWaiting.
    """

    def look() -> Generation | None:
        generation = find(organization_id, public_id)
        return generation if generation is not None and is_visible(generation) else None

    return look() or _wait(organization_id, look)


def _wait(organization_id: int, look: Callable[[], Generation | None]) -> Generation | None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    with _place(organization_id):
        while time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)
            if (generation := look()) is not None:
                return generation
    return None


@contextmanager
def _place(organization_id: int) -> Iterator[None]:
    with _lock:
        if _waiting.total() >= MOST_WAITING or _waiting[organization_id] >= MOST_OF_ORGANIZATION:
            raise TooManyWaiting
        _waiting[organization_id] += 1
    try:
        yield
    finally:
        with _lock:
            _waiting[organization_id] -= 1
            if not _waiting[organization_id]:
                del _waiting[organization_id]
