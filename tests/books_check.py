"""The books of a test, held against every invariant."""

from __future__ import annotations

from contextlib import closing

from observability.owner_connection import connect_as_owner
from observability.reconcile import reconcile


def violations() -> dict[str, list[dict[str, object]]]:
    """What `manage.py reconcile` would find in what was committed, by check."""
    with closing(connect_as_owner("test")) as connection:
        return {
            outcome.check.code: outcome.violations for outcome in reconcile(connection) if outcome.violations
        }
