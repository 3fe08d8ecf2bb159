"""Nothing that a client or a provider sends keeps a charge from being booked."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from observability.journal_records import End
from tests.observability.books import Books, ended
from tests.observability.test_journal_reader import append_raw

NASTY = [
    "\x00",
    "\ud800",
    "\\",
    "\\N",
    "\\.",
    "\t",
    "\n",
    "\r\n",
    "\x7f\x1b\x85\u2028",
    "'\"{}",
    "💥" * 2000,
    "",
]


def dead_letters(books: Books) -> list:
    return books.all("SELECT error FROM dead_letter_record ORDER BY id")


class TestText:
    @pytest.mark.parametrize("text", NASTY, ids=lambda text: ascii(text[:8]))
    def test_of_any_kind_in_any_place_is_stored_without_a_dead_letter(self, books: Books, text: str):
        journal = books.process()
        context: dict[str, Any] = {
            "dialect": text,
            "app_title": text,
            "app_url": text,
            "user": text,
            "session_id": text,
        }
        context |= {"policy_versions": {text: text}, "provider": text, text: [text]}
        begin = books.begin(model=text, context=context)
        journal.begin(begin)
        names: dict[str, Any] = {
            "finish_reason": text,
            "native_finish_reason": text,
            "error_type": text,
            "upstream_id": text,
        }

        journal.end(ended(begin, detail={text: {text: text}}, **names))
        journal.refuse(books.refusal(model=text, error_type=text, detail={text: text}))
        books.ingest(journal)

        assert books.one("SELECT count(*) FROM generation") == 2
        assert dead_letters(books) == []
        stored = text.replace("\x00", "\ufffd").replace("\ud800", "\ufffd")
        columns = 'app_title, "user", session_id, finish_reason, upstream_id'
        assert (
            books.one(f"SELECT {columns} FROM generation WHERE status = 'completed'") == (stored[:1024],) * 5
        )
        books.assert_clean()

    def test_too_long_for_an_index_is_cut(self, books: Books):
        journal = books.process()

        books.request(journal, model="".join(chr(0x4E00 + number) for number in range(5000)))
        books.ingest(journal)

        assert books.one("SELECT length(model) FROM usage_hour") == 256
        books.assert_clean()


class TestARecordThatCannotBeStored:
    @pytest.mark.parametrize(
        "changes",
        [
            {"latency_ms": 10**12},
            {"http_status": -(2**40)},
            {"prompt_tokens": 2**63 - 1, "completion_tokens": -5},
            {"status": "exploded"},
            {"endpoint_id": 2**62 * 2},
        ],
        ids=str,
    )
    def test_is_booked_on_a_sanitised_row_and_kept_as_a_dead_letter(self, books: Books, changes: dict):
        journal, purse = books.process(), books.purse()
        books.lease(journal, purse, 1000)
        before = books.request(journal, cost=1)
        begin = books.begin(purses=((purse, 10),))
        journal.begin(begin)
        journal.end(ended(begin, cost=20, **changes))
        after = books.request(journal, cost=300)

        books.ingest(journal)

        assert sorted(books.all("SELECT id::text FROM generation")) == sorted([before, begin.id, after])
        assert books.one("SELECT detail FROM generation WHERE cost_nano = 20") == {"is_sanitised": True}
        assert books.purse_state(purse)[:2] == (321, 980)
        assert len(dead_letters(books)) == 1
        books.assert_clean()

    def test_with_a_field_of_the_wrong_type_is_charged_too(self, books: Books):
        journal = books.process()
        begin = books.begin(context={"endpoint_id": "not a number", "is_streamed": "yes"})
        journal.begin(begin)
        append_raw(journal, ["e", begin.id, "20", None, "completed"])

        books.ingest(journal)

        assert books.one("SELECT id::text, cost_nano FROM generation") == (begin.id, 20)
        assert len(dead_letters(books)) >= 1
        books.assert_clean()

    def test_with_an_id_that_is_none_or_taken_gets_another(self, books: Books):
        journal = books.process()
        taken = books.request(journal, cost=1)
        books.request(journal, cost=2, id=taken)
        books.request(journal, cost=4, id="no uuid")

        books.ingest(journal)

        assert books.one("SELECT count(*), sum(cost_nano)::int FROM generation") == (3, 7)
        assert len(dead_letters(books)) == 2
        books.assert_clean()

    def test_with_a_charge_below_zero_or_beyond_belief_is_bounded(self, books: Books):
        journal = books.process()
        books.request(journal, cost=-5)
        books.request(journal, cost=2**80)

        books.ingest(journal)

        assert sorted(books.all("SELECT cost_nano FROM generation")) == [0, (2**63 - 1) >> 10]
        books.assert_clean()

    def test_admitted_at_no_possible_time_is_booked_now(self, books: Books):
        journal = books.process()
        books.request(journal, admitted_at=10**18)
        books.request(journal, admitted_at=-1)

        books.ingest(journal)

        assert (
            books.one(
                "SELECT count(*) FROM generation WHERE admitted_at BETWEEN now() - '1 min'::interval AND now()"
            )
            == 2
        )
        books.assert_clean()

    def test_of_an_organization_that_does_not_exist_is_kept_as_a_dead_letter_only(self, books: Books):
        journal = books.process()
        books.request(journal, organization_id=987_654)
        books.request(journal, cost=9)

        books.ingest(journal)

        assert books.all("SELECT cost_nano FROM generation") == [9]
        (error,) = dead_letters(books)
        assert "ForeignKeyViolation" in error
        books.assert_clean()

    def test_that_was_damaged_on_disk_is_kept_as_a_dead_letter(self, books: Books):
        journal = books.process()
        journal._segment.append(b"00000000 [damaged]\n")
        books.request(journal)

        books.ingest(journal)

        assert books.one("SELECT record FROM dead_letter_record") == b"00000000 [damaged]\n"
        assert books.one("SELECT count(*) FROM generation") == 1
        books.assert_clean()

    def test_keeps_its_whole_content_in_the_dead_letter_and_none_of_it_in_the_error(self, books: Books):
        journal = books.process()
        secret = f"secret-{uuid.uuid4()}"
        begin = books.begin(context={"app_title": secret, "endpoint_id": secret})
        journal.begin(begin)
        journal.end(End(begin.id, 1, 0, "completed"))

        books.ingest(journal)

        record, error = books.one("SELECT record, error FROM dead_letter_record")
        assert secret.encode() in record
        assert begin.id.encode() in record
        assert "DataError" in error or "InvalidTextRepresentation" in error
