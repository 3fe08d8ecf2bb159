"""Waiting for another session without sleeping for luck."""

from __future__ import annotations

import threading

from django.db import connections


def until_somebody_waits(*, at_least: int = 1) -> None:
    """Return once so many other sessions wait for a lock."""
    with connections["owner"].cursor() as cursor:
        for _ in range(3000):
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0] >= at_least:
                return
            threading.Event().wait(0.01)
    raise AssertionError("nobody waits")
