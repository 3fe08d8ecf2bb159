"""The journal keeps what a gateway owes the database, on local disk, whatever becomes of the gateway."""

from __future__ import annotations

import fcntl
import os
import resource
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from observability.journal import Journal, JournalBusy, JournalFull
from observability.journal_reader import JournalReader
from observability.journal_records import (
    Begin,
    Checkpoint,
    End,
    Extend,
    Hold,
    Refusal,
    decode_line,
    encode_line,
)
from observability.journal_segment import segment_numbers, segment_path
from tests.observability.deadline import eventually


def begin(identifier: str = "one", **changes) -> Begin:
    values: dict[str, Any] = {
        "admitted_at": 1_790_000_000_000_000,
        "organization_id": 1,
        "workspace_id": 2,
        "api_key_id": 3,
    }
    values |= {"member_id": None, "subjects": (8, 17), "holds": (Hold(1, 0, 500),), "model": "simulator/echo"}
    return Begin(id=identifier, **values | changes)


def end(identifier: str = "one", **changes) -> End:
    return End(identifier, 100, 0, "completed", **changes)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal.create(tmp_path, uuid.uuid4(), segment_bytes=16_384)


def reader_of(journal: Journal) -> JournalReader:
    return JournalReader(journal.folder, journal.process_id)


def read_all(journal: Journal) -> list[str]:
    """The ids of everything that has ended, in order."""
    reader, found = reader_of(journal), []
    while reader.has_more():
        position = reader.position
        found += [finished.begin.id for finished in reader.read(1000).finished]
        if reader.position == position:
            break
    reader.close()
    return found


class TestARecord:
    @pytest.mark.parametrize(
        "record",
        [
            begin(context={"dialect": "chat", "seed": 7, "nested": {"list": [1, 2.5, None, True]}}),
            Extend("one", (Hold(1, 0, 500, True), Hold(2, 5, 1))),
            Checkpoint("one", 5, 6, 7, 8, "simulator", 9),
            end(finish_reason="stop", latency_ms=12, detail={"attempts": []}),
            Refusal("one", 1, 2, 3, None, 4, "simulator/echo", "payment_required", 402, 12, {"rule": "x"}),
        ],
    )
    def test_is_read_back_as_it_was_written(self, record):
        assert decode_line(encode_line(record)[:-1]) == record

    @pytest.mark.parametrize(
        ("sent", "stored"),
        [
            ("a\x00b", "a\ufffdb"),
            ("a\ud800b", "a\ufffdb"),
            ("\udc00", "\ufffd"),
            ("\ud83d\ude00", "😀"),
            ("tab\tnewline\nreturn\rback\\slash", "tab\tnewline\nreturn\rback\\slash"),
            (r"\u0000 in so many letters", r"\u0000 in so many letters"),
            ("\\\x00", "\\\ufffd"),
        ],
    )
    def test_holds_only_text_that_the_database_takes(self, sent, stored):
        record = decode_line(encode_line(begin(model=sent, context={sent: [sent]}))[:-1])

        assert isinstance(record, Begin)
        assert (record.model, record.context) == (stored, {stored: [stored]})

    def test_holds_no_absurd_nesting_numbers_or_sizes(self):
        nested: dict = {}
        for _ in range(10_000):
            nested = {"deeper": nested}

        line = encode_line(begin(context={"nested": nested, "number": 10**30}))

        assert isinstance(decode_line(line[:-1]), Begin)
        assert len(line) < 1000
        assert len(encode_line(end(detail={"text": "x" * 10**7}))) < 1000

    def test_of_plain_tuples_is_as_good_as_one_of_holds(self):
        record = decode_line(encode_line(begin(holds=((1, 2, 3),)))[:-1])

        assert isinstance(record, Begin)
        assert record.holds == (Hold(1, 2, 3, counts_byok=False),)


class TestAJournal:
    def test_counts_what_is_open(self, journal: Journal):
        journal.begin(begin("one"))
        journal.begin(begin("two"))
        journal.end(end("one"))

        assert journal.open_count == 1
        assert read_all(journal) == ["one"]

    def test_is_locked_for_as_long_as_it_is_open(self, journal: Journal):
        fd = os.open(segment_path(journal.folder, journal.process_id, 0), os.O_RDWR)

        with pytest.raises(BlockingIOError):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        journal.close()
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

        os.close(fd)

    def test_is_not_inherited_by_programs_that_its_process_starts(self, journal: Journal):
        assert not os.get_inheritable(journal._segment.fd)

    def test_refuses_to_close_while_something_is_open(self, journal: Journal):
        journal.begin(begin())

        with pytest.raises(JournalBusy):
            journal.close()

    def test_says_that_it_was_closed(self, journal: Journal):
        journal.begin(begin())
        journal.end(end())
        journal.close()

        assert reader_of(journal).read(10).is_closed

    def test_refuses_the_end_of_what_never_began(self, journal: Journal):
        with pytest.raises(KeyError):
            journal.end(end("nobody"))

    def test_ignores_a_checkpoint_that_comes_after_the_end(self, journal: Journal):
        journal.begin(begin())
        journal.end(end())

        journal.checkpoint(Checkpoint("one", 1, 0, 1, 1))

        assert journal.open_count == 0

    def test_reaches_the_disk_by_itself(self, journal: Journal):
        journal.start_syncing()
        journal.begin(begin())

        eventually(lambda: journal._segment.synced_position == journal._segment.position)

        journal.end(end())
        journal.close()


class TestTheFence:
    def test_is_seen_after_the_begin_that_follows_it(self, journal: Journal):
        assert not journal.fence.is_set()

        with segment_path(journal.folder, journal.process_id, 0).open("r+b") as file:
            file.write(b"\x01")

        assert journal.fence.is_set()
        journal.fence.clear()
        assert not journal.is_fenced()

    def test_stays_up_when_the_segment_is_rotated(self, journal: Journal):
        journal._segment.header[0] = 1

        while journal._segment.number == 0:
            journal.begin(begin(str(uuid.uuid4())))

        assert journal.is_fenced()


class TestRotation:
    def test_carries_open_requests_with_all_that_is_known_of_them(self, journal: Journal):
        journal.begin(begin("open"))
        journal.extend(Extend("open", (Hold(2, 0, 70),)))
        journal.checkpoint(Checkpoint("open", 1, 0, 1, 1))
        journal.checkpoint(Checkpoint("open", 2, 0, 1, 1))
        for number in range(100):
            journal.begin(begin(str(number)))
            journal.end(end(str(number)))

        newest = segment_numbers(journal.folder, journal.process_id)[-1]
        assert newest > 1
        reader = reader_of(journal)
        reader.seek((type(reader.position))(newest, 0))
        reader.read(10_000)

        opened = reader.open["open"]
        assert opened.holds == (Hold(1, 0, 500), Hold(2, 0, 70))
        assert opened.checkpoint is not None
        assert opened.checkpoint.cost_nano == 2
        assert read_all(journal) == [str(number) for number in range(100)]

    def test_makes_a_larger_segment_when_the_open_requests_need_it(self, journal: Journal):
        for number in range(300):
            journal.begin(begin(str(number)))

        for number in range(300):
            journal.end(end(str(number)))

        assert read_all(journal) == [str(number) for number in range(300)]

    def test_happens_for_checkpoints_and_ends_too(self, journal: Journal):
        journal.begin(begin())

        for cost in range(2000):
            journal.checkpoint(Checkpoint("one", cost, 0, 1, 1))
        journal.end(end())

        assert journal._segment.number > 2
        assert read_all(journal) == ["one"]

    def test_leaves_one_lock_and_no_other_open_file(self, journal: Journal):
        open_files = Path("/proc/self/fd")
        before = len(list(open_files.iterdir()))
        while journal._segment.number < 5:
            journal.begin(begin(str(uuid.uuid4())))
            journal.end(end(next(iter(journal._open))))

        assert len(list(open_files.iterdir())) == before


FULL_DISK = """
import resource, sys, uuid
from pathlib import Path
from typing import Any
from observability.journal import Journal, JournalFull
from tests.observability.test_journal import begin, end, read_all
from observability.journal_records import Checkpoint

journal = Journal.create(Path(sys.argv[1]), uuid.uuid4(), segment_bytes=1 << 20)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
begun = []
try:
    while True:
        identifier = str(len(begun))
        journal.begin(begin(identifier))
        begun.append(identifier)
except JournalFull:
    pass
for identifier in begun:
    journal.checkpoint(Checkpoint(identifier, 1, 0, 1, 1))
for identifier in begun:
    journal.end(end(identifier))
waiting = journal.open_count
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
journal._retry_at = 0
journal.close()
print(len(begun), waiting, read_all(journal) == begun, len(list(Path(sys.argv[1]).glob("*.new"))))
"""


class TestAFullDisk:
    """RLIMIT_FSIZE makes the kernel refuse space, in a process of its own."""

    def run(self, folder: Path, limit: int) -> list[str]:
        command = [sys.executable, "-W", "error", "-c", FULL_DISK, str(folder), str(limit)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    def test_refuses_new_requests_and_loses_no_end(self, tmp_path: Path):
        begun, _, is_all_read, leftovers = self.run(tmp_path, 1 << 19)

        assert int(begun) > 500
        assert (is_all_read, leftovers) == ("True", "0")

    def test_keeps_ends_in_memory_when_even_the_reserve_is_refused(self, tmp_path: Path):
        _, waiting, is_all_read, _ = self.run(tmp_path, 300_000)

        assert int(waiting) > 0
        assert is_all_read == "True"

    @pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small file system")
    def test_on_a_small_volume_all_ends_are_written_and_read_back(self, tmp_path: Path):
        volume = tmp_path / "volume"
        volume.mkdir()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=600k", "none", str(volume)], check=False
        )
        if mounted.returncode:
            pytest.skip("may not mount here")
        try:
            journal = Journal.create(volume, uuid.uuid4(), segment_bytes=1 << 18)
            begun, open_requests = self.fill(journal)

            for identifier in open_requests:
                journal.end(end(identifier))

            assert journal.open_count == 0
            assert sorted(read_all(journal)) == sorted(begun)
            journal.refuse(Refusal("r", 1, 1, 1, None, None, "m", "x", 402))
            assert journal.dropped_refusals == 1
            journal.close()
        finally:
            subprocess.run(["umount", str(volume)], check=True)

    def fill(self, journal: Journal) -> tuple[list[str], list[str]]:
        """Keep up to 200 requests open until there is no more room."""
        begun: list[str] = []
        open_requests: list[str] = []
        while True:
            identifier = str(len(begun))
            try:
                journal.begin(begin(identifier))
            except JournalFull:
                return begun, open_requests
            begun.append(identifier)
            open_requests.append(identifier)
            if len(open_requests) > 200:
                journal.end(end(open_requests.pop(0)))

    def test_at_the_start_is_said_clearly(self, tmp_path: Path):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
        try:
            with pytest.raises(JournalFull, match="no journal can be started"):
                Journal.create(tmp_path, uuid.uuid4())
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

        assert list(tmp_path.iterdir()) == []
