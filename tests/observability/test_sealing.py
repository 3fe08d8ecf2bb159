"""Generations can be dropped, and the books still know what they came to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from config.lib.subjects import organization_subject
from observability.partitions import ensure_partitions, existing_days, partition_name
from observability.reconcile import reconcile
from observability.sealing import drop_oldest, oldest_wanted
from tests.observability.books import Books, connect

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
OLD, NEXT = NOON - timedelta(days=40), NOON - timedelta(days=39)
TODAY = NOON.date()


@pytest.fixture
def old_books(books: Books) -> Iterator[Books]:
    """Books of two days that are long gone, and of today, each with a charge, a BYOK charge and refusals."""
    ensure_partitions(books.connection, today=OLD.date(), days_ahead=1)
    ensure_partitions(books.connection, today=TODAY, days_ahead=0)
    journal, purse = books.process(), books.purse(limit_nano=100_000)
    credit = books.purse(subject=organization_subject(books.organization_id), limit_nano=None)
    for which in (purse, credit):
        books.lease(journal, which, 50_000)
    subjects = (42, organization_subject(books.organization_id), 42)
    for number, at in enumerate((OLD, OLD, NEXT, NOON)):
        holds = ((purse, 500), (credit, 500))
        books.request(journal, cost=100 + number, purses=holds, subjects=subjects, at=at)
        books.request(journal, cost=0, byok=7, purses=((purse, 10),), subjects=subjects, at=at)
        books.ingest(journal)
    yield books
    for day in existing_days(books.connection):
        books.run(f"DROP TABLE {partition_name(day)}")


def violated(books: Books) -> set[str]:
    return {outcome.check.code for outcome in reconcile(books.connection) if outcome.violations}


def drop_all(books: Books) -> list[int]:
    """Everything before today, piece by piece."""
    dropped = []
    while count := drop_oldest(books.connection, before=TODAY):
        dropped.append(count)
    return dropped


class TestDroppingGenerations:
    def test_keeps_the_books_clean_day_by_day(self, old_books: Books):
        old_books.assert_clean()

        assert drop_oldest(old_books.connection, before=TODAY) == 1
        old_books.assert_clean()
        assert drop_oldest(old_books.connection, before=TODAY) == 1
        old_books.assert_clean()
        assert drop_oldest(old_books.connection, before=TODAY) == 0

        assert old_books.one("SELECT count(*) FROM generation") == 2
        assert old_books.all("SELECT generations, cost_nano FROM sealed_day ORDER BY day") == [
            (4, 201),
            (2, 102),
        ]

    def test_leaves_the_days_that_are_wanted(self, old_books: Books):
        dropped = drop_oldest(old_books.connection, before=NEXT.date())
        again = drop_oldest(old_books.connection, before=NEXT.date())

        assert (dropped, again) == (1, 0)
        assert existing_days(old_books.connection) == [NEXT.date(), TODAY]

    def test_says_what_each_subject_spent_on_which_day(self, old_books: Books):
        drop_all(old_books)

        spent = "SELECT day, cost_nano, byok_nano FROM sealed_spend WHERE subject = 42 ORDER BY day"
        assert old_books.all(spent) == [(OLD.date(), 201, 14), (NEXT.date(), 102, 7)]

    def test_counts_what_a_partition_holds_of_the_next_day(self, old_books: Books):
        late = NEXT.replace(hour=0, minute=0, second=1)
        early_id = f"{(int(OLD.timestamp()) * 1000 << 80) | 0x7 << 76 | 0b10 << 62 | 99:032x}"
        purse = old_books.purse(subject=77, interval="d")
        old_books.run("UPDATE purse SET window_start = %s WHERE id = %s", NEXT.replace(hour=0), purse)
        old_books.lease(old_books.journals[0], purse, 500, window=NEXT.replace(hour=0))
        window = int(NEXT.replace(hour=0).timestamp()) * 10**6
        old_books.request(
            old_books.journals[0],
            cost=3,
            at=late,
            id=early_id,
            subjects=(77,),
            purses=((purse, 500),),
            window=window,
        )
        old_books.ingest(old_books.journals[0])
        old_books.assert_clean()

        drop_all(old_books)

        old_books.assert_clean()
        assert old_books.all("SELECT day FROM sealed_spend WHERE subject = 77") == [NEXT.date()]

    def test_takes_what_comes_after_its_day_had_gone(self, old_books: Books):
        drop_all(old_books)
        old_books.request(old_books.journals[0], cost=5, at=OLD)
        old_books.ingest(old_books.journals[0])
        old_books.assert_clean()

        dropped = drop_all(old_books)

        assert dropped == [1]
        assert old_books.one("SELECT count(*) FROM generation_default") == 0
        old_books.assert_clean()

    @pytest.mark.parametrize(
        ("damage", "codes"),
        [
            (
                "UPDATE ledger_entry SET amount_nano = amount_nano * 2 WHERE kind = 'usage' AND batch = 1",
                {"R2"},
            ),
            ("DELETE FROM ledger_entry WHERE kind = 'usage' AND batch = 1", {"R2"}),
            (
                "UPDATE usage_hour SET cost_nano = cost_nano + 1 WHERE hour < now() - interval '39 days'",
                {"R3", "R13"},
            ),
            ("DELETE FROM usage_hour WHERE hour < now() - interval '39 days'", {"R3", "R13"}),
            ("UPDATE purse SET spent_nano = spent_nano - 1 WHERE subject = 42", {"R5"}),
            ("UPDATE purse SET byok_nano = 0 WHERE subject = 42", {"R5"}),
            ("UPDATE sealed_usage SET requests = requests + 1", {"R3"}),
            ("UPDATE sealed_spend SET cost_nano = cost_nano + 1", {"R5"}),
            ("DELETE FROM sealed_batch", {"R2"}),
        ],
    )
    def test_leaves_reconcile_able_to_find(self, old_books: Books, damage: str, codes: set[str]):
        drop_all(old_books)

        old_books.connection.execute(damage)

        assert violated(old_books) == codes

    def test_gives_way_to_a_long_query_and_changes_nothing(self, old_books: Books):
        with connect() as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM generation")

            with pytest.raises(psycopg.errors.LockNotAvailable):
                drop_oldest(old_books.connection, before=TODAY)

        assert existing_days(old_books.connection) == [OLD.date(), NEXT.date(), TODAY]
        assert old_books.one("SELECT count(*) FROM sealed_usage") == 0
        old_books.assert_clean()

    def test_is_seen_whole_or_not_at_all_by_who_reconciles(self, old_books: Books):
        with connect() as auditor:
            auditor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            before = auditor.execute("SELECT count(*) FROM sealed_batch").fetchone()
            drop_all(old_books)
            after = auditor.execute("SELECT count(*) FROM sealed_batch").fetchone()

        assert before == after == (0,)


class TestTheDaysToKeep:
    def test_are_counted_back_from_today(self):
        assert oldest_wanted(30) == datetime.now(UTC).date() - timedelta(days=30)
