"""Generations are partitioned by day on their ids, and nobody reads a partition past its parent."""

from __future__ import annotations

import itertools
import os
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from config.lib.ids import uuid7
from observability.partitions import DAYS_AHEAD, PARTITIONED, ensure_partitions, partition_name
from tests.observability.books import Books

TODAY = date(2031, 5, 6)


@pytest.fixture
def partitions(books: Books):
    yield ensure_partitions(books.connection, today=TODAY)
    for table, number in itertools.product(PARTITIONED, range(DAYS_AHEAD + 3)):
        books.run(f"DROP TABLE IF EXISTS {partition_name(TODAY + timedelta(days=number), table)}")


class TestPartitions:
    def insert(self, books: Books, identifier: UUID) -> None:
        books.run(
            """INSERT INTO generation (id, admitted_at, organization_id, workspace_id, subjects, process_id,
                                       batch, model, provider, dialect, is_streamed, status)
               VALUES (%s, now(), 1, 1, '{}', %s, 1, '', '', '', false, 'completed')""",
            *(identifier, identifier),
        )

    def test_exist_for_today_and_the_days_ahead(self, partitions: list[str]):
        assert len(partitions) == len(PARTITIONED) * (DAYS_AHEAD + 1)
        assert partitions[0] == "generation_20310506"

    def test_are_made_once(self, books: Books, partitions: list[str]):
        again = ensure_partitions(books.connection, today=TODAY + timedelta(days=1))

        assert again == ["generation_20310514", "generation_content_20310514", "delivery_20310514"]

    def test_are_made_for_the_other_days_when_a_clock_ran_ahead(self, books: Books, partitions: list[str]):
        ahead = datetime(2031, 5, 14, 12, tzinfo=UTC)
        self.insert(books, uuid7(int(ahead.timestamp() * 1000)))

        with pytest.raises(psycopg.errors.CheckViolation):
            ensure_partitions(books.connection, today=TODAY + timedelta(days=2))

        assert books.one("SELECT to_regclass('generation_20310514')") is None
        assert books.one("SELECT to_regclass('generation_20310515')::text") == "generation_20310515"
        books.run("DROP TABLE generation_20310515")

    @pytest.mark.parametrize(
        ("moment", "name"),
        [
            (datetime(2031, 5, 6, tzinfo=UTC), "generation_20310506"),
            (datetime(2031, 5, 6, 23, 59, 59, 999_000, tzinfo=UTC), "generation_20310506"),
            (datetime(2031, 5, 7, tzinfo=UTC), "generation_20310507"),
            (datetime(2031, 1, 1, tzinfo=UTC), "generation_default"),
        ],
    )
    def test_hold_the_ids_of_their_day(
        self, books: Books, partitions: list[str], moment: datetime, name: str
    ):
        identifier = uuid7(int(moment.timestamp() * 1000))
        self.insert(books, identifier)

        assert books.one("SELECT tableoid::regclass::text FROM generation") == name

    def test_show_nothing_to_the_control_plane_directly(self, books: Books, partitions: list[str]):
        with psycopg.connect(os.environ["DATABASE_URL"]) as app:
            app.execute("SELECT count(*) FROM generation")

            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute(f"SELECT count(*) FROM {partitions[0]}")
