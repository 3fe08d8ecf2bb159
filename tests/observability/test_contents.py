"""What was said is stored with its generation, where somebody needs it, and goes when nobody does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.db import connections
from psycopg.errors import LockNotAvailable
from pytest_django import DjangoDbBlocker

from accounts.models import Organization
from config.lib.ids import uuid7
from config.lib.scoping import tenant
from observability import content_retention, settings
from observability.content_retention import (
    drop_days,
    forget_expired_contents,
    forget_some,
    forget_some_contents,
)
from observability.contents import content_of, contents_of, forget_delivered, opened
from observability.ingest_writes import NewDelivery
from observability.journal_records import Content
from observability.models import GenerationContent
from observability.partitions import ensure_partitions
from tests.cast import STAGE
from tests.observability.books import Books, connect, ended
from tests.observability.said import SAID, is_kept, record_of, sealed
from workspaces import workspaces
from workspaces.models import Workspace

LOGGED, WAITING = {"is_logged": True}, {"is_logged": False}
NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def committed(books: Books, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Models read what the books commit."""
    with django_db_blocker.unblock():
        yield
        connections.close_all()


def book(books: Books, *, told: tuple[int, ...] = (), content: Content | None = None, **about) -> str:
    """A request with content, booked; `told` are the destinations that get a delivery."""
    journal = books.process()
    begin = books.begin()
    journal.begin(begin)
    journal.end(ended(begin), content or record_of(begin, **about))

    def matcher(finished):
        return [
            NewDelivery(books.organization_id, 5, number, one.begin.id) for one in finished for number in told
        ]

    books.follower(journal, matcher=matcher).step(books.connection)
    return begin.id


class TestIngest:
    def test_stores_what_is_logged(self, books: Books):
        identifier = book(books, is_logged=True)

        row = GenerationContent.objects.using("owner").unscoped(reason="a test").get(pk=identifier)
        assert (row.organization_id, row.workspace_id, row.is_logged) == (books.organization_id, 5, True)
        assert opened(row) == SAID

    def test_stores_what_a_classifier_will_sort_until_it_has(self, books: Books):
        identifier = book(books, is_logged=False, classifiers=[3, 4])

        rows = "SELECT array_agg(classifier_id ORDER BY 1) FROM classification WHERE generation_id = %s"
        assert books.one(rows, identifier) == [3, 4]
        for number, is_needed in ((3, True), (4, False)):
            books.run("UPDATE classification SET status = 'failed' WHERE classifier_id = %s", number)
            with books.connection.transaction(), books.connection.cursor() as cursor:
                forget_delivered(cursor, [UUID(identifier)])
            assert is_kept(identifier) is is_needed

    def test_sorts_nothing_that_was_not_answered(self, books: Books):
        journal = books.process()
        begin = books.begin()
        journal.begin(begin)
        journal.end(ended(begin, status="error"), record_of(begin, is_logged=False, classifiers=[3]))

        books.ingest(journal)

        assert books.one("SELECT count(*) FROM classification") == 0
        assert not is_kept(begin.id)

    @pytest.mark.parametrize(
        ("wanting", "told", "is_stored"),
        [((), (), False), ((7,), (), False), ((7,), (7,), True), ((7, 8), (8,), True), ((7,), (8,), False)],
    )
    def test_stores_what_a_delivery_will_tell(self, books: Books, wanting, told, is_stored):
        identifier = book(books, is_logged=False, destinations=wanting, told=told)

        assert is_kept(identifier) is is_stored
        assert books.one("SELECT count(*) FROM delivery") == len(told)

    def test_lets_the_matcher_see_what_was_said(self, books: Books):
        journal, begin, seen = books.process(), books.begin(), []
        journal.begin(begin)
        journal.end(ended(begin), record_of(begin, is_logged=False))

        def matcher(finished):
            seen.extend(map(content_of, finished))
            return []

        books.follower(journal, matcher=matcher).step(books.connection)

        assert seen == [SAID]

    def test_books_the_charge_of_what_cannot_be_stored_without_what_was_said(self, books: Books):
        journal = books.process()
        good, strange = books.begin(), books.begin(id="no id")
        for begin in (good, strange):
            journal.begin(begin)
            journal.end(ended(begin, cost=7), record_of(begin))

        books.ingest(journal)

        assert books.one("SELECT count(*), sum(cost_nano) FROM generation") == (2, 14)
        assert books.all("SELECT generation_id::text FROM generation_content") == [good.id]
        assert b"k." not in books.one("SELECT record FROM dead_letter_record")

    def test_keeps_no_content_as_evidence_of_damage(self, books: Books):
        journal, begin = books.process(), books.begin()
        journal.begin(begin)
        content = record_of(begin)
        journal._segment.append(
            b'00000000 ["t","' + begin.id.encode() + b'","' + content.sealed.encode() + b'"]\n'
        )
        journal.end(ended(begin))

        books.ingest(journal)

        record = bytes(books.one("SELECT record FROM dead_letter_record"))
        assert content.sealed[:150].encode() not in record
        assert b"(content)" in record

    def test_opens_nothing_that_belongs_to_another_generation(self, books: Books):
        begin = books.begin()

        identifier = book(books, content=None, is_logged=True)
        books.run("UPDATE generation_content SET sealed = %s", sealed(books.organization_id, begin.id))

        assert contents_of([UUID(identifier)]) == {}


class TestContentsForWorkers:
    def test_are_those_that_are_there(self, books: Books):
        known = [
            UUID(book(books, is_logged=is_logged, destinations=(7,), told=(7,)))
            for is_logged in (True, False)
        ]

        found = contents_of([*known, uuid7()])

        assert found == dict.fromkeys(known, SAID)


class TestADelivery:
    def settle(self, books: Books, destination: int, status: str = "sent") -> None:
        books.run("UPDATE delivery SET status = %s WHERE destination_id = %s", status, destination)

    def forget(self, books: Books, identifier: str) -> int:
        with books.connection.transaction(), books.connection.cursor() as cursor:
            return forget_delivered(cursor, [UUID(identifier)])

    def test_that_was_the_last_takes_the_content_along(self, books: Books):
        identifier = book(books, is_logged=False, destinations=(7, 8), told=(7, 8))

        self.settle(books, 7)
        assert (self.forget(books, identifier), is_kept(identifier)) == (0, True)

        self.settle(books, 8, "dead")
        assert (self.forget(books, identifier), is_kept(identifier)) == (1, False)

    def test_leaves_what_is_logged(self, books: Books):
        identifier = book(books, is_logged=True, destinations=(7,), told=(7,))

        self.settle(books, 7)

        assert (self.forget(books, identifier), is_kept(identifier)) == (0, True)

    def test_of_two_at_once_the_second_takes_it_along(self, books: Books):
        identifier = book(books, is_logged=False, destinations=(7, 8), told=(7, 8))
        with connect() as other, connect() as third, other.transaction(), other.cursor() as cursor:
            cursor.execute("UPDATE delivery SET status = 'sent' WHERE destination_id = 7")
            assert forget_delivered(cursor, [UUID(identifier)]) == 0

            third.execute("SET lock_timeout = '100ms'")
            with third.cursor() as late, pytest.raises(LockNotAvailable):
                forget_delivered(late, [UUID(identifier)])  # it waits for the first

        self.settle(books, 8)
        assert self.forget(books, identifier) == 1


@pytest.fixture
def aged(books: Books) -> Callable[..., UUID]:
    """Stores a content of so many days ago."""

    def store(days: float, *, workspace: int = 5, is_logged: bool = True) -> UUID:
        at = NOW - timedelta(days=days)
        identifier = uuid7(int(at.timestamp() * 1000))
        GenerationContent.objects.using("owner").unscoped(reason="a test").create(
            generation_id=identifier,
            organization_id=books.organization_id,
            workspace_id=workspace,
            sealed="k.x",
            is_logged=is_logged,
        )
        return identifier

    return store


class TestRetention:
    def test_is_thirty_days_where_nobody_said_anything(self, books: Books, aged):
        old, young = aged(30.01), aged(29.99)

        assert forget_expired_contents(NOW) == 1
        assert (is_kept(old), is_kept(young)) == (False, True)

    def test_is_what_a_workspace_says(self, books: Books, aged):
        short, long = a_workspace(books, keeps=1), a_workspace(books, keeps=90)
        kept = [aged(0.9, workspace=short.pk), aged(89, workspace=long.pk), aged(29)]
        gone = [aged(1.1, workspace=short.pk), aged(91, workspace=long.pk), aged(31)]

        assert forget_expired_contents(NOW) == 3
        assert [is_kept(one) for one in (*kept, *gone)] == [True] * 3 + [False] * 3

    def test_of_what_is_not_logged_is_three_days_whatever_is_pending(self, books: Books, aged):
        old, young = aged(3.01, is_logged=False), aged(2.99, is_logged=False)
        books.run(
            "INSERT INTO delivery (organization_id, workspace_id, destination_id, generation_id) "
            "VALUES (1, 5, 7, %s)",
            old,
        )

        assert forget_expired_contents(NOW) == 1
        assert (is_kept(old), is_kept(young)) == (False, True)

    def test_goes_in_batches(self, books: Books, aged, monkeypatch):
        for _ in range(5):
            aged(40)
        monkeypatch.setattr(
            content_retention, "EXPIRED_SQL", content_retention.EXPIRED_SQL.replace("2000", "2")
        )

        counts = [forget_some(books.connection, NOW) for _ in range(4)]

        assert counts == [2, 2, 1, 0]

    def test_is_kept_by_pieces_too(self, books: Books, aged):
        old, _ = aged(40), aged(29)

        assert [forget_some_contents(), forget_some_contents()] == [1, 0]
        assert not is_kept(old)

    def test_leaves_a_row_that_somebody_has_locked_for_the_next_time(self, books: Books, aged):
        identifier = aged(40)
        with connect() as other, other.transaction():
            other.execute("SELECT FROM generation_content FOR UPDATE")

            assert forget_some(books.connection, NOW) == 0

        assert forget_some(books.connection, NOW) == 1
        assert not is_kept(identifier)

    def test_drops_the_days_that_nobody_keeps(self, books: Books, aged):
        a_workspace(books, keeps=90)
        for days in (200, 91, 89):
            ensure_partitions(books.connection, today=(NOW - timedelta(days=days)).date(), days_ahead=0)
        old, young = aged(200), aged(89)

        dropped = drop_days(books.connection, NOW)

        assert dropped == [f"generation_content_{NOW - timedelta(days=days):%Y%m%d}" for days in (200, 91)]
        assert (is_kept(old), is_kept(young)) == (False, True)


def a_workspace(books: Books, *, keeps: int) -> Workspace:
    """A workspace that keeps what it logs for so many days."""
    with tenant(books.organization_id):
        organization = Organization.objects.get()
        slug = f"keeps-{uuid7()}"
        workspace = workspaces.create(organization=organization, name=slug, slug=slug, by=STAGE)
        settings.change(workspace=workspace, retention_days=keeps, by=STAGE)
    return workspace
