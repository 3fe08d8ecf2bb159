"""What this app does by the clock: check the books, and let go of what nobody wants any more."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta

from config.lib.environment import environment
from config.lib.jobs import Job, deleting
from observability import classifying, delivery_retention, destination_giving_up
from observability.content_retention import forget_some_contents
from observability.delivery_connection import connect
from observability.ingest_rollups import MINUTES_KEPT
from observability.job_runs import run
from observability.models import JobRun
from observability.owner_connection import connect_as_owner
from observability.partitions import ensure_partitions
from observability.reconcile import reconcile
from observability.sealing import drop_oldest, has_older, oldest_wanted

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
    before = oldest_wanted(days)
    with closing(connect_as_owner("headgate retention")) as connection:
        if not has_older(connection, before=before):
            return 0
        _require_clean_books()
        return drop_oldest(connection, before=before)


def _require_clean_books() -> None:
    """Raise BooksNotChecked unless the books were clean lately; they are looked at now where nobody did."""
    if _checked_at() is None:
        run(RECONCILE)
    checked_at, state = _checked_at(), _state_of_books()
    if checked_at is None or state is None:
        raise BooksNotChecked("the books were not reconciled in the last 48 hours")
    if state.failed_at is not None and state.failed_at > checked_at:
        raise BooksNotChecked("the books were found wrong")


def _checked_at() -> datetime | None:
    """When the books were last found clean, if that was lately."""
    state = _state_of_books()
    at = state.succeeded_at if state else None
    return at if at is not None and datetime.now(UTC) - at <= CHECKED_WITHIN else None


def _state_of_books() -> JobRun | None:
    return JobRun.objects.using("owner").filter(name=RECONCILE.name).first()


def retire_deliveries() -> int:
    """End what is too old: deliveries, receipts, partitions; switch off destinations that are dead for a week."""
    with closing(connect()) as connection:
        delivery_retention.retire(connection)
        destination_giving_up.give_up(connection)
    return 0


def forget_classifications() -> int:
    """Labels go with the generations that they are about."""
    with closing(connect()) as connection:
        return classifying.forget_old(connection)


def forget_old_feedback() -> int:
    """Feedback goes with the generations that it is about."""
    days = environment().generation_retention_days
    return 0 if not days else deleting("generation_feedback", _older_than(days))()


def _older_than(days: int) -> str:
    return f"created_at < now() - interval '{days:d} days'"


def _drops() -> bool:
    return environment().generation_retention_days > 0


RECONCILE = Job("reconcile", timedelta(days=1), check_books)
JOBS = (
    Job("generation_partitions", timedelta(hours=6), make_partitions),
    Job(
        "usage_minutes",
        timedelta(minutes=10),
        deleting("usage_minute", f"minute < now() - interval '{MINUTES_KEPT.total_seconds():.0f} seconds'"),
    ),
    RECONCILE,
    Job("contents", timedelta(hours=1), forget_some_contents),
    Job("deliveries", timedelta(hours=1), retire_deliveries),
    Job("classifications", timedelta(days=1), forget_classifications, is_needed=_drops),
    Job("generations", timedelta(hours=1), drop_generations, seconds=600.0, is_needed=_drops),
    Job("feedback", timedelta(days=1), forget_old_feedback, is_needed=_drops),
)
