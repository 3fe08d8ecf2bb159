"""Waiting for another session without sleeping for luck."""

from __future__ import annotations

import threading

from django.db import connections


def until_somebody_waits() -> None:
    """Return once another session waits for a lock."""
    with connections["owner"].cursor() as cursor:
        for _ in range(3000):
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
            threading.Event().wait(0.01)
    raise AssertionError("nobody waits")
