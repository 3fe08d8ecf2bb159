"""The ingest process follows a folder of journals by itself, through outages, until it is told to stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psycopg
import pytest

from observability.ingest import IDLE_SECONDS, Ingester
from observability.reaper import HeartbeatWatch
from tests.observability.books import Books, checkpoint, connect
from tests.observability.deadline import eventually

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def running(ingester: Ingester) -> Iterator[None]:
    thread = threading.Thread(target=ingester.run)
    thread.start()
    try:
        yield
    finally:
        ingester.stop()
        thread.join(timeout=10)
        assert not thread.is_alive()


def generations(books: Books) -> int:
    return books.one("SELECT count(*) FROM generation")


def has_booked(books: Books, rows: int) -> bool:
    return generations(books) >= rows


class TestFollowing:
    def test_books_what_is_written_while_it_runs_and_journals_that_appear(self, books: Books):
        with running(Ingester(books.folder, connect)):
            first = books.process()
            books.request(first)
            eventually(lambda: generations(books) == 1)

            second = books.process()
            books.request(first)
            books.request(second)
            eventually(lambda: generations(books) == 3)

        books.assert_clean()

    def test_finishes_the_journal_of_a_process_that_dies(self, books: Books):
        with running(Ingester(books.folder, connect)):
            journal, purse = books.process(), books.purse()
            books.lease(journal, purse, 1000)
            begin = books.begin(purses=((purse, 100),))
            journal.begin(begin)
            journal.checkpoint(checkpoint(begin, cost=40))
            books.request(journal)
            eventually(lambda: generations(books) == 1)

            books.kill(journal)
            eventually(lambda: not list(books.folder.glob("*.journal")))

        assert books.purse_state(purse) == (140, 0, 0, 0)
        books.assert_clean()

    def test_finishes_a_closed_journal_at_once(self, books: Books):
        journal = books.process()
        books.request(journal)
        journal.close()
        books.journals.remove(journal)

        with running(Ingester(books.folder, connect)):
            eventually(lambda: books.all("SELECT * FROM gateway_process") == [])

        books.assert_clean()

    def test_fences_a_process_that_shows_no_heartbeat(self, books: Books):
        watch = HeartbeatWatch(patience_seconds=0.5)
        journal, purse = books.process(), books.purse()
        books.lease(journal, purse, 1000)

        with running(Ingester(books.folder, connect, watch=watch)):
            eventually(journal.is_fenced)
            eventually(lambda: books.purse_state(purse)[1] == 0)

        assert books.one("SELECT epoch FROM gateway_process") == 1
        books.assert_clean()

    def test_two_of_them_share_a_folder(self, books: Books):
        with running(Ingester(books.folder, connect)), running(Ingester(books.folder, connect)):
            journals = [books.process(segment_bytes=16_384) for _ in range(3)]
            for number in range(300):
                books.request(journals[number % 3])
            for journal in journals:
                books.kill(journal)
            eventually(lambda: not list(books.folder.glob("*.journal")))

        assert generations(books) == 300
        books.assert_clean()

    def test_costs_next_to_nothing_when_idle(self, books: Books):
        ingester = Ingester(books.folder, connect)
        journal = books.process()
        books.request(journal)
        eventually(lambda: ingester.turn() == IDLE_SECONDS and generations(books) == 1)

        before = time.process_time()
        for _ in range(100):
            ingester.turn()
        used = time.process_time() - before

        ingester.close()
        assert used / 100 < 0.1 * IDLE_SECONDS

    def test_a_journal_in_trouble_holds_up_no_other(self, books: Books, caplog: pytest.LogCaptureFixture):
        broken, healthy = books.process(), books.process()
        books.request(broken, cost=1)
        books.request(healthy, cost=2)

        def matcher(finished):
            if finished[0].end.cost_nano == 1:
                raise RuntimeError("trouble")
            return []

        with running(Ingester(books.folder, connect, matcher=matcher)):
            eventually(lambda: books.all("SELECT cost_nano FROM generation") == [2])
            eventually(lambda: "cannot be booked now" in caplog.text)


class TestOutages:
    def test_the_database_that_is_away_is_waited_for(self, books: Books):
        attempts = []

        def connect_later():
            attempts.append(time.monotonic())
            if len(attempts) < 4:
                raise psycopg.OperationalError("not yet")
            return connect()

        books.request(books.process())
        with running(Ingester(books.folder, connect_later)):
            eventually(lambda: generations(books) == 1)

        assert len(attempts) == 4
        books.assert_clean()

    def test_cut_connections_lose_and_double_nothing(self, books: Books):
        journal, purse = books.process(segment_bytes=16_384), books.purse()
        books.lease(journal, purse, 10**9)
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'cut'"

        def connect_to_be_cut():
            address = os.environ["HEADGATE_OWNER_DATABASE_URL"]
            return psycopg.connect(address, autocommit=True, application_name="cut")

        with running(Ingester(books.folder, connect_to_be_cut)):
            for round_ in range(10):
                for _ in range(30):
                    books.request(journal, purses=((purse, 100),))
                eventually(partial(has_booked, books, round_ * 30))
                books.run(cut)
            eventually(lambda: generations(books) == 300)

        assert books.purse_state(purse)[0] == 30_000
        books.assert_clean()


class TestTheCommand:
    @contextmanager
    def ingest(self, folder: Path) -> Iterator[subprocess.Popen]:
        command = [sys.executable, "manage.py", "ingest", "--folder", str(folder)]
        process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def test_ends_within_two_seconds_of_sigterm_even_when_the_database_hangs(self, books: Books):
        journal, purse = books.process(), books.purse()
        books.request(journal)
        with self.ingest(books.folder) as process:
            eventually(lambda: generations(books) == 1, seconds=30)
            with connect() as other, other.transaction():
                other.execute("SELECT FROM purse WHERE id = %s FOR UPDATE", [purse])
                books.request(journal)
                waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                eventually(lambda: books.one(waiting) == 1)

                told_at = time.monotonic()
                process.send_signal(signal.SIGTERM)
                process.wait(timeout=10)

            assert time.monotonic() - told_at < 2
            assert process.returncode == 0
        books.ingest(journal)
        assert books.purse_state(purse)[0] == 200
        books.assert_clean()
