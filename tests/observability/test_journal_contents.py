"""What was said is in the journal just before its request's end; whatever becomes of it, no charge depends on it."""

from __future__ import annotations

import os

import pytest

from observability.journal import Journal
from observability.journal_reader import CHUNK_BYTES, JournalReader
from observability.journal_records import MAX_CONTENT_BYTES, Content, without_content
from observability.journal_segment import HEADER_BYTES
from tests.observability.test_journal import begin, end, journal, reader_of
from tests.observability.test_journal_reader import append_raw, file_of, overwrite

__all__ = ["journal"]

SHORT = Content("one", "k.AAAA", is_logged=True, destinations=(1, 2))
LONG = Content("one", "k." + "A" * (CHUNK_BYTES + 300_000))


def ended(journal: Journal, content: Content | None) -> None:
    journal.begin(begin())
    journal.end(end(), content)


def read_all(reader: JournalReader) -> list[tuple[str, Content | None]]:
    """The requests that have ended, with what was said."""
    found = []
    while reader.has_more():
        found += reader.read(10).finished
    return [(one.begin.id, one.content) for one in found]


class TestContent:
    @pytest.mark.parametrize("content", [None, SHORT, LONG], ids=["none", "short", "long"])
    def test_is_read_with_its_request(self, journal: Journal, content: Content | None):
        ended(journal, content)
        journal.begin(begin("two"))
        journal.end(end("two"))

        assert read_all(reader_of(journal)) == [("one", content), ("two", None)]

    def test_longer_than_a_segment_makes_a_larger_one(self, journal: Journal):
        reader = reader_of(journal)
        ended(journal, LONG)

        assert read_all(reader) == [("one", LONG)]
        assert journal.dropped_contents == 0

    def test_is_read_again_from_a_position_before_it(self, journal: Journal):
        journal.begin(begin())
        reader = reader_of(journal)
        position = reader.read(10).end
        journal.end(end(), LONG)

        again = JournalReader(journal.folder, journal.process_id, position)
        assert read_all(again) == [("one", LONG)]

    def test_that_is_too_long_is_left_out(self, journal: Journal):
        ended(journal, Content("one", "k." + "A" * MAX_CONTENT_BYTES))

        [finished] = reader_of(journal).read(10).finished
        assert (finished.content, journal.dropped_contents) == (None, 1)

    def test_is_kept_of_a_request_whose_end_was_torn_off(self, journal: Journal):
        journal.begin(begin())
        append_raw(journal, ["t", "one", "k.AAAA", True])
        journal._segment.append(b'12345678 ["e","one",')

        reader = reader_of(journal)
        reader.read(10)

        [finished] = reader.interrupted()
        assert (finished.end.status, finished.content) == ("interrupted", Content("one", "k.AAAA", True))

    def test_of_nobodys_request_is_ignored(self, journal: Journal):
        append_raw(journal, ["t", "nobody", "k.AAAA"])
        ended(journal, None)

        portion = reader_of(journal).read(10)

        assert (len(portion.finished), portion.damaged) == (1, [])


class TestDamage:
    @pytest.mark.parametrize("size", [100, CHUNK_BYTES - 100, CHUNK_BYTES + 300_000])
    def test_costs_the_content_and_not_the_charge(self, journal: Journal, size: int):
        reader = reader_of(journal)
        ended(journal, Content("one", "k.BC" + "A" * size))
        overwrite(file_of(journal, journal._segment.number), b"k.BC", b"k.CC")

        finished, damaged = [], []
        while reader.has_more():
            portion = reader.read(10)
            finished += portion.finished
            damaged += portion.damaged

        assert [(one.end.cost_nano, one.content) for one in finished] == [(100, None)]
        assert len(damaged) == 1

    @pytest.mark.parametrize("record", [["t"], ["t", "one"], ["t", "one", 5], ["t", "one", "x", "y", "z"]])
    def test_of_its_shape_costs_no_more(self, journal: Journal, record: object):
        journal.begin(begin())
        append_raw(journal, record)
        journal.end(end())

        portion = reader_of(journal).read(10)

        assert [(one.end.cost_nano, one.content) for one in portion.finished] == [(100, None)]
        assert len(portion.damaged) == 1


class TestEvidence:
    def test_of_damage_has_no_content_in_it(self):
        record = (
            b'1f2e3d4c ["t","one","k.' + b"aB-_" * 500 + b'",true]\n12345678 ["e","one",100,0,"completed"]'
        )

        kept = without_content(record)

        assert kept == b'1f2e3d4c ["t","one","(content)",true]\n12345678 ["e","one",100,0,"completed"]'

    def test_of_a_charge_is_whole(self, journal: Journal):
        ended(journal, None)

        data = file_of(journal).read_bytes()[HEADER_BYTES:].split(b"\0", 1)[0]
        assert without_content(data) == data


class TestAFullDisk:
    def test_drops_the_content_and_keeps_the_end(self, journal: Journal, monkeypatch: pytest.MonkeyPatch):
        journal.begin(begin())

        def refuse(fd: int, offset: int, size: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "posix_fallocate", refuse)
        journal.end(end(), LONG)

        [finished] = reader_of(journal).read(10).finished
        assert (finished.end, finished.content) == (end(), None)
        assert (journal.dropped_contents, journal.open_count) == (1, 0)
