"""Jobs run by the clock: each is bounded, runs once at a time, may be repeated, and says what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.jobs import forget_old_audit_entries
from config.jobs import BY_NAME, JOBS
from config.lib.environment import environment
from config.lib.jobs import ROWS_AT_ONCE, Job
from observability.job_runs import Outcome, run
from observability.jobs import BooksAreWrong, BooksNotChecked, drop_generations
from observability.models import JobRun
from observability.partitions import ensure_partitions, existing_days, partition_name
from tests.observability.books import Books

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _clean(books: Books) -> Iterator[None]:
    """Each test finds empty tables, and may use both aliases."""
    yield
    books.run("TRUNCATE job_run")


pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


@contextmanager
def setting(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> Iterator[None]:
    """The environment with one setting more."""
    monkeypatch.setenv(name, value)
    environment.cache_clear()
    try:
        yield
    finally:
        monkeypatch.delenv(name)
        environment.cache_clear()


def noted(name: str) -> JobRun:
    return JobRun.objects.using("owner").get(name=name)


class TestAJob:
    def test_does_its_pieces_until_nothing_is_left(self):
        left = [3, 2, 0]

        outcome = run(Job("three", DAY, lambda: left.pop(0)))

        assert (outcome, left, noted("three").rows) == (Outcome.DONE, [], 5)

    def test_stops_when_its_time_is_up(self):
        outcome = run(Job("endless", DAY, lambda: 1, seconds=0.0))

        assert (outcome, noted("endless").rows) == (Outcome.UNFINISHED, 1)

    def test_runs_once_at_a_time(self):
        inner: list[Outcome] = []

        def piece() -> int:
            inner.append(run(Job("alone", DAY, piece)))
            return 0

        assert run(Job("alone", DAY, piece)) is Outcome.DONE
        assert inner == [Outcome.BUSY]

    def test_that_nobody_asks_for_leaves_no_trace(self):
        assert run(Job("idle", DAY, lambda: 1, is_needed=lambda: False)) is Outcome.NOT_NEEDED
        assert not JobRun.objects.using("owner").filter(name="idle").exists()

    def test_that_fails_says_so_and_keeps_when_it_last_succeeded(self):
        run(Job("shaky", DAY, lambda: 0))

        with pytest.raises(ZeroDivisionError):
            run(Job("shaky", DAY, lambda: 1 // 0))

        row = noted("shaky")
        assert row.succeeded_at is not None
        assert row.failed_at is not None
        assert row.failed_at > row.succeeded_at
        assert row.error.startswith("ZeroDivisionError")


class TestTheList:
    def test_has_one_job_of_a_name(self):
        assert len(BY_NAME) == len(JOBS)

    def test_is_run_by_hand_as_well_and_again_without_harm(self):
        for _ in range(2):
            out = StringIO()
            call_command("run_jobs", stdout=out)
            said = dict(line.split(": ") for line in out.getvalue().splitlines())

            assert said.keys() == BY_NAME.keys()
            assert set(said.values()) <= {"done", "not_needed"}

    def test_knows_no_other_names(self):
        with pytest.raises(CommandError, match="unknown: nothing"):
            call_command("run_jobs", "nothing")


class TestForgetting:
    def test_minutes_after_48_hours(self, books: Books):
        for hours in (47, 49):
            books.run(
                """INSERT INTO usage_minute (organization_id, workspace_id, api_key_id, member_id, model, provider,
                   minute) VALUES (%s, 5, 6, 0, 'm', 'p', %s)""",
                *(books.organization_id, datetime.now(UTC) - timedelta(hours=hours)),
            )

        run(BY_NAME["usage_minutes"])

        assert books.one("SELECT count(*) FROM usage_minute") == 1

    def test_receipts_of_deliveries_after_a_month(self, books: Books):
        for days in (29, 31):
            books.run(
                """INSERT INTO delivery_receipt (organization_id, workspace_id, destination_id, outcome, traces, error,
                   created_at) VALUES (%s, 5, 6, 'sent', 1, '', %s)""",
                *(books.organization_id, datetime.now(UTC) - timedelta(days=days)),
            )

        run(BY_NAME["deliveries"])

        assert books.one("SELECT count(*) FROM delivery_receipt") == 1

    def test_goes_in_pieces(self, books: Books):
        books.run(
            """INSERT INTO usage_minute (organization_id, workspace_id, api_key_id, member_id, model, provider,
               minute) SELECT %s, 5, n, 0, 'm', 'p', now() - interval '3 days' FROM generate_series(1, %s) n""",
            *(books.organization_id, ROWS_AT_ONCE + 1),
        )

        first = BY_NAME["usage_minutes"].piece()

        assert first == ROWS_AT_ONCE
        assert books.one("SELECT count(*) FROM usage_minute") == 1

    @pytest.mark.parametrize(
        ("job", "table", "row"),
        [
            ("sessions", "django_session", "('{0}', '', now() - interval '{1}')"),
            (
                "shared_counters",
                "shared_counter",
                "('{0}', extract(epoch FROM now() - interval '{1}') / 60, 1)",
            ),
        ],
    )
    def test_what_has_expired(self, books: Books, job: str, table: str, row: str):
        for name, age in (("old", "11 minutes"), ("new", "-1 minutes")):
            books.run(f"INSERT INTO {table} VALUES {row.format(name, age)}")

        run(BY_NAME[job])

        assert books.one(f"SELECT count(*) FROM {table}") == 1
        books.run(f"DELETE FROM {table}")

    def test_the_audit_log_only_where_the_operator_says_so(
        self, books: Books, monkeypatch: pytest.MonkeyPatch
    ):
        for age in (1, 400):
            books.run(
                """INSERT INTO revision (object_type, object_id, action, door, created_at)
                   VALUES ('test', 'aged', 'update', 'shell', now() - make_interval(days => %s))""",
                age,
            )

        by_default = forget_old_audit_entries()
        with setting(monkeypatch, "HEADGATE_AUDIT_RETENTION_DAYS", "365"):
            told = forget_old_audit_entries()

        assert (by_default, told) == (0, 1)
        assert books.one("SELECT count(*) FROM revision WHERE object_id = 'aged'") == 1


class TestDroppingGenerations:
    @pytest.fixture
    def old_day(self, books: Books) -> Iterator[date]:
        """A day that is long gone has a partition."""
        day = datetime.now(UTC).date() - timedelta(days=40)
        ensure_partitions(books.connection, today=day, days_ahead=0)
        yield day
        books.run(f"DROP TABLE IF EXISTS {partition_name(day)}")

    def test_reconciles_first_where_nobody_did_lately(
        self, books: Books, old_day: date, monkeypatch: pytest.MonkeyPatch
    ):
        with setting(monkeypatch, "HEADGATE_GENERATION_RETENTION_DAYS", "30"):
            dropped = drop_generations()

        assert dropped == 1
        assert old_day not in existing_days(books.connection)
        assert noted("reconcile").succeeded_at is not None

    def test_is_refused_while_the_books_are_wrong(
        self, books: Books, old_day: date, monkeypatch: pytest.MonkeyPatch
    ):
        run(BY_NAME["reconcile"])
        books.run("INSERT INTO journal_position (process_id) VALUES (gen_random_uuid())")

        with pytest.raises(BooksAreWrong, match="R7"):
            run(BY_NAME["reconcile"])
        with (
            setting(monkeypatch, "HEADGATE_GENERATION_RETENTION_DAYS", "30"),
            pytest.raises(BooksNotChecked, match="wrong"),
        ):
            drop_generations()

        assert old_day in existing_days(books.connection)

    def test_looks_at_no_books_where_there_is_nothing_to_drop(self, monkeypatch: pytest.MonkeyPatch):
        with setting(monkeypatch, "HEADGATE_GENERATION_RETENTION_DAYS", "30"):
            assert drop_generations() == 0

        assert not JobRun.objects.using("owner").filter(name="reconcile").exists()

    def test_does_not_happen_by_default(self):
        assert run(BY_NAME["generations"]) is Outcome.NOT_NEEDED
