"""What a dead process left is settled once; a silent one is fenced and never over-spends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import uuid
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from observability.journal_follower import JournalFollower
from observability.journal_records import Extend, Hold
from observability.reaper import HeartbeatWatch, adopt, fence, forfeit, raise_fence
from tests.observability.books import LIFETIME, Books, checkpoint, connect, ended
from tests.observability.deadline import eventually

ROOT = Path(__file__).resolve().parents[2]


class TestADeadProcess:
    def test_is_not_one_that_only_waits(self, books: Books):
        journal = books.process()
        books.request(journal)

        assert adopt(books.connection, books.follower(journal)) is False
        assert books.one("SELECT count(*) FROM gateway_process") == 1

    def test_has_its_open_requests_settled_at_their_last_checkpoint(self, books: Books):
        journal, purse = books.process(), books.purse()
        books.lease(journal, purse, 1000)
        started, streamed = (books.begin(purses=((purse, 200),)) for _ in range(2))
        for begin in (started, streamed):
            journal.begin(begin)
        journal.checkpoint(checkpoint(streamed, cost=40))
        books.request(journal, cost=100, purses=((purse, 200),))
        books.kill(journal)

        assert adopt(books.connection, books.follower(journal)) is True

        rows = books.all(
            "SELECT id::text, status, is_interrupted, cost_nano FROM generation ORDER BY cost_nano"
        )
        assert rows[0] == (started.id, "interrupted", True, 0)
        assert rows[1] == (streamed.id, "interrupted", True, 40)
        assert rows[2][1:] == ("completed", False, 100)
        assert books.purse_state(purse) == (140, 0, 0, 0)
        books.assert_clean()

    def test_leaves_no_lease_no_row_and_no_file(self, books: Books):
        journal, purse = books.process(segment_bytes=16_384), books.purse()
        books.lease(journal, purse, 1000)
        for _ in range(50):
            books.request(journal)
        (books.folder / f"{journal.process_id}.9.new").write_bytes(b"")
        books.kill(journal)

        adopt(books.connection, books.follower(journal))

        assert books.all("SELECT * FROM lease") == books.all("SELECT * FROM gateway_process") == []
        assert books.all("SELECT is_closed FROM journal_position") == [True]
        assert list(books.folder.iterdir()) == []
        assert books.one("SELECT count(*) FROM generation") == 50
        books.assert_clean()

    def test_is_adopted_once_by_two_reapers(self, books: Books):
        journal, purse = books.process(segment_bytes=16_384), books.purse()
        books.lease(journal, purse, 10**6)
        for _ in range(200):
            books.request(journal, purses=((purse, 100),))
        begin = books.begin(purses=((purse, 500),))
        journal.begin(begin)
        journal.checkpoint(checkpoint(begin, cost=5))
        books.kill(journal)
        barrier, adopted = threading.Barrier(2), []

        def reap():
            with connect() as connection:
                follower = books.follower(journal, limit=7)
                barrier.wait()
                adopted.append(self.until_gone(connection, follower))

        reapers = [threading.Thread(target=reap) for _ in range(2)]
        for reaper in reapers:
            reaper.start()
        for reaper in reapers:
            reaper.join()

        assert sorted(adopted) == [False, True]
        assert books.one("SELECT count(*), sum(cost_nano)::int FROM generation") == (201, 20_005)
        assert books.purse_state(purse) == (20_005, 0, 0, 0)
        books.assert_clean()

    def until_gone(self, connection, follower: JournalFollower) -> bool:
        while list(follower.folder.glob("*.journal")):
            try:
                if adopt(connection, follower):
                    return True
            except FileNotFoundError:
                return False
        return False

    def test_is_not_charged_again_when_the_reaper_dies_before_deleting_the_files(self, books: Books):
        journal, purse = books.process(), books.purse()
        books.lease(journal, purse, 1000)
        begin = books.begin(purses=((purse, 100),))
        journal.begin(begin)
        journal.checkpoint(checkpoint(begin, cost=40))
        path = journal._segment.path
        content = path.read_bytes()
        books.kill(journal)
        adopt(books.connection, books.follower(journal))

        path.write_bytes(content)
        assert adopt(books.connection, books.follower(journal)) is True

        assert books.all("SELECT cost_nano FROM generation") == [40]
        assert not path.exists()
        books.assert_clean()

    def test_is_settled_as_a_whole_or_not_at_all(self, books: Books):
        journal, purse = books.process(), books.purse()
        books.lease(journal, purse, 1000)
        begin = books.begin(purses=((purse, 100),))
        journal.begin(begin)
        journal.checkpoint(checkpoint(begin, cost=40))
        books.kill(journal)

        def broken(_finished):
            raise RuntimeError("the matcher broke")

        with pytest.raises(RuntimeError, match="broke"):
            adopt(books.connection, books.follower(journal, matcher=broken))
        assert books.purse_state(purse) == (0, 1000, 1, 1)
        adopt(books.connection, books.follower(journal))

        assert books.purse_state(purse) == (40, 0, 0, 0)
        books.assert_clean()

    def test_that_cannot_be_stored_is_sanitised(self, books: Books):
        journal = books.process()
        begin = books.begin(context={"endpoint_id": "nonsense"})
        journal.begin(begin)
        journal.checkpoint(checkpoint(begin, cost=40))
        books.kill(journal)

        assert adopt(books.connection, books.follower(journal)) is True

        assert books.one("SELECT cost_nano, status FROM generation") == (40, "interrupted")
        assert books.one("SELECT count(*) FROM dead_letter_record") == 1
        books.assert_clean()

    def test_that_closed_in_good_order_is_finished_the_same_way(self, books: Books):
        journal, purse = books.process(), books.purse()
        books.lease(journal, purse, 1000)
        books.request(journal, purses=((purse, 100),))
        journal.close()
        books.journals.remove(journal)

        assert adopt(books.connection, books.follower(journal)) is True

        assert books.purse_state(purse) == (100, 0, 0, 0)
        books.assert_clean()


class TestASilentProcess:
    def test_keeps_only_what_its_open_requests_hold(self, books: Books):
        journal, purse = books.process(), books.purse()
        books.lease(journal, purse, 1000)
        begin = books.begin(purses=((purse, 200),))
        journal.begin(begin)
        journal.extend(Extend(begin.id, (Hold(purse, LIFETIME, 50),)))
        books.request(journal, cost=100, purses=((purse, 150),))

        assert fence(books.connection, books.follower(journal)) is True

        assert journal.is_fenced()
        assert books.one("SELECT granted_nano, consumed_nano, is_loose FROM lease") == (350, 100, False)
        assert books.purse_state(purse) == (100, 250, 1, 0)
        assert books.one("SELECT epoch FROM gateway_process") == 1
        books.assert_clean()

    def test_is_charged_for_what_ends_after_it_woke_up(self, books: Books):
        journal, purse = books.process(), books.purse()
        books.lease(journal, purse, 1000)
        begin = books.begin(purses=((purse, 200),))
        journal.begin(begin)
        fence(books.connection, books.follower(journal))

        journal.end(ended(begin, cost=180))
        late = books.begin(purses=((purse, 200),))
        journal.begin(late)
        assert journal.is_fenced()
        journal.end(ended(late, cost=0, status="error"))
        books.ingest(journal)

        assert books.purse_state(purse) == (180, 20, 1, 0)
        books.assert_clean()

    def test_that_never_registered_is_left_alone(self, books: Books):
        journal = books.process()
        books.request(journal)
        books.run("DELETE FROM gateway_process")

        assert fence(books.connection, books.follower(journal)) is False

        assert not journal.is_fenced()

    def test_is_fenced_in_the_segment_that_it_has_just_begun(self, books: Books):
        journal = books.process(segment_bytes=16_384)
        while journal._segment.number < 3:
            books.request(journal)

        raise_fence(books.folder, journal.process_id)

        assert journal.is_fenced()


PROCESS = """
import sys
from pathlib import Path
from uuid import UUID
import msgspec
from observability.journal import Journal
from observability.journal_records import Begin, End

journal = Journal.create(Path(sys.argv[1]), UUID(sys.argv[2]), segment_bytes=1 << 20)
for line in sys.stdin:
    begin = msgspec.json.decode(line, type=Begin)
    journal.begin(begin)
    print("fenced" if journal.fence.is_set() else "called", flush=True)
"""


class TestARealProcess:
    @contextmanager
    def started(self, books: Books):
        process_id = uuid.uuid4()
        command = [sys.executable, "-c", PROCESS, str(books.folder), str(process_id)]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, bufsize=1
        )
        try:
            eventually(lambda: list(books.folder.glob("*.journal")))
            books.register(process_id)
            yield process, process_id
        finally:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.communicate()

    def asked(self, process, begin) -> str:
        process.stdin.write(msgspec.json.encode(begin).decode() + "\n")
        process.stdin.flush()
        return process.stdout.readline().strip()

    def test_that_is_stopped_is_not_adopted_but_fenced_and_calls_nobody_when_it_goes_on(self, books: Books):
        purse = books.purse(limit_nano=1000)
        with self.started(books) as (process, process_id):
            follower = JournalFollower(books.folder, process_id)
            assert self.asked(process, books.begin(purses=((purse, 100),))) == "called"
            process.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)

            assert adopt(books.connection, follower) is False
            assert fence(books.connection, follower) is True
            process.send_signal(signal.SIGCONT)

            assert self.asked(process, books.begin(purses=((purse, 100),))) == "fenced"

    def test_that_is_killed_is_adopted(self, books: Books):
        with self.started(books) as (process, process_id):
            begin = books.begin()
            assert self.asked(process, begin) == "called"
            process.kill()
            process.wait()

            assert adopt(books.connection, JournalFollower(books.folder, process_id)) is True

        assert books.all("SELECT id::text, status FROM generation") == [(begin.id, "interrupted")]
        books.assert_clean()


class TestAForfeitedJournal:
    def test_frees_the_leases_without_settling_them(self, books: Books):
        journal, purse = books.process(), books.purse()
        books.lease(journal, purse, 1000)
        books.request(journal, cost=100, purses=((purse, 150),))
        books.ingest(journal)

        assert forfeit(books.connection, journal.process_id) is True

        assert books.purse_state(purse) == (100, 0, 0, 0)
        assert books.all("SELECT * FROM gateway_process") == []
        books.assert_clean()

    def test_is_charged_after_all_when_it_comes_back(self, books: Books):
        journal, purse = books.process(), books.purse()
        books.lease(journal, purse, 1000)
        books.request(journal, cost=100, purses=((purse, 150),))
        books.ingest(journal)
        begin = books.begin(purses=((purse, 100),))
        journal.begin(begin)
        journal.checkpoint(checkpoint(begin, cost=30))
        books.request(journal, cost=7)
        forfeit(books.connection, journal.process_id)
        books.kill(journal)

        assert adopt(books.connection, books.follower(journal)) is True

        assert books.purse_state(purse) == (137, 0, 0, 0)
        assert list(books.folder.iterdir()) == []
        books.assert_clean()

    def test_of_nobody_is_nothing(self, books: Books):
        assert forfeit(books.connection, uuid.uuid4()) is False


class TestPatience:
    """A process is silent after ten seconds of an unbroken view, and only then."""

    ONE = UUID(int=1)
    BEAT = datetime(2026, 11, 23, tzinfo=UTC)

    def look(self, watch: HeartbeatWatch, seconds, beat: datetime = BEAT) -> list[list[UUID]]:
        return [watch.look({self.ONE: beat}, float(now)) for now in seconds]

    def test_ends_after_ten_seconds_without_a_heartbeat(self):
        looks = self.look(HeartbeatWatch(), range(12))

        assert looks == [[]] * 10 + [[self.ONE]] * 2

    def test_begins_again_with_every_heartbeat(self):
        watch = HeartbeatWatch()
        self.look(watch, range(10))

        assert self.look(watch, range(10, 20), self.BEAT + timedelta(seconds=1)) == [[]] * 10

    def test_begins_again_when_the_database_was_away(self):
        watch = HeartbeatWatch()
        self.look(watch, range(10))

        watch.lose_sight()

        assert self.look(watch, range(10, 20)) == [[]] * 10

    def test_begins_again_when_the_reaper_itself_was_paused(self):
        watch = HeartbeatWatch()
        self.look(watch, range(9))

        assert self.look(watch, range(100, 110)) == [[]] * 10

    def test_is_over_for_a_fenced_process_only_after_another_heartbeat(self):
        watch = HeartbeatWatch()
        self.look(watch, range(11))
        watch.note_fenced(self.ONE)

        assert self.look(watch, range(11, 30)) == [[]] * 19
        assert self.look(watch, range(30, 41), self.BEAT + timedelta(seconds=9))[-1] == [self.ONE]
