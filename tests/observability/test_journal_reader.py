"""A journal is read to the last whole record, whatever a crash or a bad disk made of it."""

from __future__ import annotations

import zlib
from pathlib import Path

import msgspec
import pytest

from observability.journal import Journal
from observability.journal_reader import JournalReader, Position
from observability.journal_records import Checkpoint, Extend, Hold
from observability.journal_segment import HEADER_BYTES, segment_path
from tests.observability.test_journal import begin, end, journal, reader_of

__all__ = ["journal"]


def file_of(journal: Journal, number: int = 0) -> Path:
    return segment_path(journal.folder, journal.process_id, number)


def overwrite(path: Path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    assert data.count(old) == 1
    with path.open("r+b") as file:
        file.seek(data.index(old))
        file.write(new)


def append_raw(journal: Journal, record: object) -> None:
    body = msgspec.json.encode(record)
    journal._segment.append(b"%08x %b\n" % (zlib.crc32(body), body))


class TestReading:
    def test_gives_each_end_its_begin_and_all_holds(self, journal: Journal):
        journal.begin(begin())
        journal.extend(Extend("one", (Hold(2, 0, 5),)))
        journal.end(end())

        (finished,) = reader_of(journal).read(10).finished

        assert (finished.begin.id, finished.end.cost_nano) == ("one", 100)
        assert finished.holds == (Hold(1, 0, 500), Hold(2, 0, 5))

    def test_goes_on_where_it_stopped(self, journal: Journal):
        reader = reader_of(journal)
        for number in range(5):
            journal.begin(begin(str(number)))
            journal.end(end(str(number)))

        portions = [reader.read(2) for _ in range(3)]

        assert [[f.begin.id for f in portion.finished] for portion in portions] == [
            ["0", "1"],
            ["2", "3"],
            ["4"],
        ]
        assert not reader.has_more()

    def test_at_a_committed_position_knows_what_is_open(self, journal: Journal):
        journal.begin(begin("open"))
        journal.begin(begin("done"))
        journal.end(end("done"))
        position = reader_of(journal).read(1).end
        journal.checkpoint(Checkpoint("open", 9, 0, 1, 1))

        reader = JournalReader(journal.folder, journal.process_id, position)

        assert set(reader.open) == {"open"}
        assert reader.open["open"].checkpoint is None

    def test_can_go_back_and_forth(self, journal: Journal):
        reader = reader_of(journal)
        while journal._segment.number < 2:
            journal.begin(begin(identifier := str(journal._segment.position)))
            journal.end(end(identifier))
        first = reader.read(1).end
        reader.seek(Position(1, HEADER_BYTES))

        reader.seek(first)
        again = reader.read(1).start

        assert again == first

    def test_settles_an_open_request_at_its_last_checkpoint(self, journal: Journal):
        journal.begin(begin("silent"))
        journal.begin(begin("stream"))
        for cost in (10, 25):
            journal.checkpoint(Checkpoint("stream", cost, 3, 7, cost, "simulator", 4))

        reader = reader_of(journal)
        reader.read(10)

        silent, stream = reader.interrupted()
        assert (silent.end.cost_nano, silent.end.status) == (0, "interrupted")
        assert (stream.end.cost_nano, stream.end.byok_nano, stream.end.completion_tokens) == (25, 3, 25)
        assert (stream.end.provider, stream.end.endpoint_id, stream.end.is_usage_estimated) == (
            "simulator",
            4,
            True,
        )


class TestATornLine:
    def test_at_the_end_is_not_read_until_it_is_whole(self, journal: Journal):
        journal.begin(begin())
        path, reader = file_of(journal), reader_of(journal)
        position = journal._segment.position
        journal.end(end())
        line = path.read_bytes()[position : journal._segment.position]
        for length in (1, 8, 20, len(line) - 1):
            with path.open("r+b") as file:
                file.seek(position)
                file.write(line[:length] + b"\0" * (len(line) - length))

            assert reader.read(10).finished == []

        with path.open("r+b") as file:
            file.seek(position)
            file.write(line)

        assert len(reader.read(10).finished) == 1

    def test_of_a_dead_process_is_kept_as_evidence(self, journal: Journal):
        journal.begin(begin())
        journal._segment.append(b'0badc0de ["e","one"')
        reader = reader_of(journal)
        reader.read(10)

        torn = reader.torn_tail()

        assert torn is not None
        assert torn.record == b'0badc0de ["e","one"'
        assert [finished.begin.id for finished in reader.interrupted()] == ["one"]


class TestADamagedLine:
    def test_is_skipped_and_kept_when_whole_ones_follow(self, journal: Journal):
        journal.begin(begin("lost"))
        journal.begin(begin("one"))
        journal.end(end())
        overwrite(file_of(journal), b'"lost"', b'"lOst"')

        portion = reader_of(journal).read(10)

        assert [finished.begin.id for finished in portion.finished] == ["one"]
        (damaged,) = portion.damaged
        assert (damaged.segment, damaged.offset) == (0, HEADER_BYTES)
        assert b'"lOst"' in damaged.record

    def test_is_skipped_again_by_who_comes_back_to_a_later_position(self, journal: Journal):
        journal.begin(begin("open"))
        journal.begin(begin("lost"))
        journal.begin(begin("one"))
        journal.end(end())
        overwrite(file_of(journal), b'"lost"', b'"lOst"')
        position = reader_of(journal).read(10).end

        reader = JournalReader(journal.folder, journal.process_id, position)

        assert reader.position == position
        assert set(reader.open) == {"open"}

    def test_that_was_a_begin_leaves_its_end_as_evidence_of_the_charge(self, journal: Journal):
        journal.begin(begin("lost"))
        journal.end(end("lost"))
        overwrite(file_of(journal), b'["b","lost"', b'["b","lOst"')

        portion = reader_of(journal).read(10)

        assert portion.finished == []
        assert [damaged.error for damaged in portion.damaged] == [
            "the checksum does not match",
            "an end without a begin",
        ]
        assert b'["e","lost",100' in portion.damaged[1].record

    def test_that_was_an_end_leaves_its_request_to_be_settled_at_the_rotation(self, journal: Journal):
        journal.begin(begin("lost"))
        journal.checkpoint(Checkpoint("lost", 30, 0, 1, 1))
        journal.begin(begin("carried"))
        journal.end(end("lost", finish_reason="here"))
        while journal._segment.number == 0:
            journal.begin(begin(identifier := str(journal._segment.position)))
            journal.end(end(identifier))
        overwrite(file_of(journal), b'"here"', b'"HERE"')

        reader = reader_of(journal)
        portion = reader.read(1000)
        reader.read(1000)

        settled = {finished.begin.id: finished.end for finished in portion.finished}
        assert (settled["lost"].status, settled["lost"].cost_nano) == ("interrupted", 30)
        assert "carried" not in settled
        assert "carried" in reader.open


class TestARecordOfTheWrongShape:
    def test_is_repaired_so_that_its_charge_is_booked(self, journal: Journal):
        journal.begin(begin())
        append_raw(journal, ["e", "one", 12.0, "7", "completed", 3, None, None, "200", "m", "p", "x"])

        portion = reader_of(journal).read(10)

        (finished,) = portion.finished
        assert (finished.end.cost_nano, finished.end.byok_nano, finished.end.http_status) == (12, 7, 200)
        assert len(portion.damaged) == 1

    @pytest.mark.parametrize("record", [[], {}, ["?", 1], "text", None, ["b"]])
    def test_that_means_nothing_is_kept_and_skipped(self, journal: Journal, record: object):
        append_raw(journal, record)
        journal.begin(begin())
        journal.end(end())

        portion = reader_of(journal).read(10)

        assert (len(portion.finished), len(portion.damaged)) == (1, 1)


class TestACrashDuringRotation:
    def test_before_the_new_segment_is_shown_changes_nothing(self, journal: Journal):
        journal.begin(begin())
        file_of(journal, 1).with_suffix(".new").write_bytes(b"\0" * 8192)

        reader = reader_of(journal)
        reader.read(10)

        assert set(reader.open) == {"one"}

    def test_before_the_old_segment_says_so_is_seen_by_the_new_one(self, journal: Journal):
        journal.begin(begin())
        while journal._segment.number == 0:
            journal.begin(begin(identifier := str(journal._segment.position)))
            journal.end(end(identifier))
        overwrite(file_of(journal), b'["z"]\n', b"\0\0\0\0\0\0")
        data = file_of(journal).read_bytes()
        last = data.rindex(b"\n") + 1
        with file_of(journal).open("r+b") as file:
            file.seek(last)
            file.write(b"\0" * 32)
        journal.end(end())

        reader = reader_of(journal)
        reader.read(1000)
        portion = reader.read(1000)

        assert "one" in {finished.begin.id for finished in portion.finished}
