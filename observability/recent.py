"""Waiting for a request that has just been answered: ingest books it a moment later."""

from __future__ import annotations

import time
from collections.abc import Callable

from observability.logs import find
from observability.models import Generation

PATIENCE_SECONDS = 3.0
LOOK_SECONDS = 0.05


def await_generation(
    organization_id: int, public_id: str, *, is_visible: Callable[[Generation], bool]
) -> Generation | None:
    """The organization's request, looked for during three seconds; None when there is none that may be seen.

    A foreign one, an unknown one and one that may not be seen take the same time.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        generation = find(organization_id, public_id)
        if generation is not None and is_visible(generation):
            return generation
        if time.monotonic() >= deadline:
            return None
        time.sleep(LOOK_SECONDS)
