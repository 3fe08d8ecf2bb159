"""What this app does by the clock: check the books, and let go of what nobody wants any more."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta

from config.lib.environment import environment
from config.lib.jobs import Job, deleting
from observability.models import JobRun
from observability.owner_connection import connect_as_owner
from observability.partitions import ensure_partitions
from observability.reconcile import reconcile
from observability.sealing import drop_oldest, oldest_wanted

RECONCILE = "reconcile"
CHECKED_WITHIN = timedelta(hours=48)


class BooksAreWrong(Exception):
    """Reconciling found what must not be; the message names the checks."""


class BooksNotChecked(Exception):
    """Nothing may be dropped: the books were found wrong, or were not looked at lately."""


def check_books() -> int:
    """Reconcile. Raises BooksAreWrong; `manage.py reconcile` says more."""
    with closing(connect_as_owner("headgate reconcile")) as connection:
        outcomes = reconcile(connection)
    wrong = [outcome.check.code for outcome in outcomes if not outcome.is_ok]
    if wrong:
        raise BooksAreWrong(", ".join(wrong))
    return 0


def make_partitions() -> int:
    """Make the partitions of the next days; ingest does so too."""
    with closing(connect_as_owner("headgate partitions")) as connection:
        return len(ensure_partitions(connection, today=datetime.now(UTC).date()))


def drop_generations() -> int:
    """Seal and drop the oldest day that is not wanted. Raises BooksNotChecked: evidence is not thrown away."""
    days = environment().generation_retention_days
    if not days:
        return 0
    _require_clean_books()
    with closing(connect_as_owner("headgate retention")) as connection:
        return drop_oldest(connection, before=oldest_wanted(days))


def _require_clean_books() -> None:
    run = JobRun.objects.using("owner").filter(name=RECONCILE).first()
    if run is None or run.succeeded_at is None or datetime.now(UTC) - run.succeeded_at > CHECKED_WITHIN:
        raise BooksNotChecked("the books were not reconciled in the last 48 hours")
    if run.failed_at is not None and run.failed_at > run.succeeded_at:
        raise BooksNotChecked("the books were found wrong")


def forget_old_feedback() -> int:
    """Feedback goes with the generations that it is about."""
    days = environment().generation_retention_days
    return 0 if not days else deleting("generation_feedback", _older_than(days))()


def _older_than(days: int) -> str:
    return f"created_at < now() - interval '{days:d} days'"


def _drops() -> bool:
    return environment().generation_retention_days > 0


JOBS = (
    Job("generation_partitions", timedelta(hours=6), make_partitions),
    Job(
        "usage_minutes",
        timedelta(minutes=10),
        deleting("usage_minute", "minute < now() - interval '48 hours'"),
    ),
    Job(RECONCILE, timedelta(days=1), check_books, seconds=0.0),
    Job("generations", timedelta(hours=1), drop_generations, seconds=600.0, is_needed=_drops),
    Job("feedback", timedelta(days=1), forget_old_feedback, is_needed=_drops),
)
