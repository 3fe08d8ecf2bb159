"""Ingest books every record of a journal exactly once, whatever happens on the way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from observability.ingest_writes import NewDelivery
from observability.journal_records import Extend, Hold
from tests.observability.books import KEY_SUBJECT, LIFETIME, NOW, Books, connect, ended, microseconds


class TestAFinishedRequest:
    def test_becomes_a_generation_with_what_was_known_at_admission_and_at_the_end(self, books: Books):
        journal = books.process()
        begin = books.begin(context={"dialect": "chat", "is_streamed": True, "app_title": "Tea", "seed": 7})
        journal.begin(begin)

        journal.end(ended(begin, provider="simulator-fast", detail={"attempts": [1, 2]}))
        books.ingest(journal)

        row = books.one(
            """SELECT id::text, model, provider, dialect, is_streamed, app_title, detail, status, cost_nano,
                      prompt_tokens, subjects, finish_reason, error_type FROM generation"""
        )
        detail = {"seed": 7, "attempts": [1, 2]}
        assert row[:7] == (begin.id, "simulator/echo", "simulator-fast", "chat", True, "Tea", detail)
        assert row[7:] == ("completed", 100, 10, [KEY_SUBJECT], "stop", None)

    def test_moves_money_from_leased_to_spent(self, books: Books):
        journal, purse = books.process(), books.purse(limit_nano=1000)
        books.lease(journal, purse, 500)

        books.request(journal, cost=120, purses=((purse, 200),))
        books.ingest(journal)

        assert books.purse_state(purse) == (120, 380, 1, 1)
        assert books.one("SELECT granted_nano, consumed_nano FROM lease") == (500, 120)
        books.assert_clean()

    def test_writes_one_balanced_pair_of_ledger_lines_per_organization_and_batch(self, books: Books):
        journal = books.process()
        for cost in (100, 250):
            books.request(journal, cost=cost)

        books.ingest(journal)

        lines = books.all(
            "SELECT account, amount_nano, batch, segment, from_offset FROM ledger_entry ORDER BY id"
        )
        assert lines == [("credits", -350, 1, 0, 4096), ("usage", 350, 1, 0, 4096)]
        assert books.one("SELECT count(DISTINCT transaction) FROM ledger_entry") == 1
        assert books.one("SELECT max(to_offset) FROM ledger_entry") == books.one(
            "SELECT byte_offset FROM journal_position"
        )
        books.assert_clean()

    def test_adds_to_the_rollups_of_its_hour_and_minute(self, books: Books):
        journal = books.process()
        hour = NOW.replace(minute=0, second=0, microsecond=0)

        for minute in (1, 1, 2):
            books.request(journal, at=hour + timedelta(minutes=minute))
        books.ingest(journal)

        sums = "requests, prompt_tokens, completion_tokens, cost_nano, latency_ms_sum, generation_ms_sum"
        assert books.all(f"SELECT hour, member_id, {sums} FROM usage_hour") == [
            (hour, 0, 3, 30, 60, 300, 9, 120)
        ]
        assert books.all("SELECT requests FROM usage_minute ORDER BY minute") == [2, 1]
        books.assert_clean()

    def test_tells_when_its_key_was_last_used(self, books: Books):
        journal = books.process()
        books.request(journal, at=NOW)
        books.ingest(journal)

        books.request(journal, at=NOW - timedelta(minutes=5))
        books.ingest(journal)

        assert books.one("SELECT api_key_id, organization_id, last_used_at FROM api_key_use") == (
            6,
            books.organization_id,
            NOW,
        )

    def test_tells_when_each_of_several_secrets_was_last_used(self, books: Books):
        journal = books.process()
        for secret, minutes in ((1, 5), (2, 3), (1, 4), (0, 1)):
            books.request(journal, at=NOW - timedelta(minutes=minutes), context={"secret": secret})
        books.request(journal, at=NOW)
        books.ingest(journal)
        books.request(journal, at=NOW - timedelta(minutes=9), context={"secret": 2})
        books.ingest(journal)

        columns = "api_key_id, organization_id, number, last_used_at"
        assert books.all(f"SELECT {columns} FROM secret_use ORDER BY number") == [
            (6, books.organization_id, number, NOW - timedelta(minutes=minutes))
            for number, minutes in ((0, 1), (1, 4), (2, 3))
        ]
        assert books.one("SELECT last_used_at FROM api_key_use") == NOW

    @pytest.mark.parametrize("secret", [-1, 2**31, True, "1", None, [1]])
    def test_notes_no_secret_that_is_no_number(self, books: Books, secret: object):
        journal = books.process()
        books.request(journal, context={"secret": secret})
        books.ingest(journal)

        assert books.one("SELECT count(*) FROM secret_use") == 0
        assert books.one("SELECT count(*) FROM generation") == 1

    def test_counts_a_subject_once_even_if_it_is_named_twice(self, books: Books):
        journal, purse = books.process(), books.purse()

        books.request(journal, subjects=(KEY_SUBJECT, KEY_SUBJECT))
        books.ingest(journal)

        assert books.purse_state(purse)[0] == 100
        books.assert_clean()

    def test_is_charged_once_to_a_purse_that_was_held_twice(self, books: Books):
        journal, purse = books.process(), books.purse()
        books.lease(journal, purse, 500)
        begin = books.begin(purses=((purse, 50),))
        journal.begin(begin)

        journal.extend(Extend(begin.id, (Hold(purse, LIFETIME, 50),)))
        journal.end(ended(begin, cost=90))
        books.ingest(journal)

        assert books.purse_state(purse)[:2] == (90, 410)
        books.assert_clean()

    def test_goes_to_the_destinations_that_want_it(self, books: Books):
        journal = books.process()
        identifier = books.request(journal)

        def wanted(finished):
            return [NewDelivery(books.organization_id, 5, 9, f.begin.id) for f in finished]

        books.follower(journal, matcher=wanted).step(books.connection)

        assert books.all("SELECT destination_id, generation_id::text, status FROM delivery") == [
            (9, identifier, "pending")
        ]


class TestARequestWithoutALease:
    def test_leaves_a_debt_that_the_process_pays_with_its_next_call(self, books: Books):
        journal, purse = books.process(), books.purse(limit_nano=1000)

        books.request(journal, cost=70, purses=((purse, 0),))
        books.ingest(journal)

        assert books.purse_state(purse) == (70, -70, 1, 0)
        assert books.one("SELECT granted_nano, consumed_nano FROM lease") == (0, 70)
        books.assert_clean()

    def test_leaves_none_when_its_process_is_no_longer_known(self, books: Books):
        journal, purse = books.process(), books.purse(limit_nano=1000)
        books.run("DELETE FROM gateway_process")

        books.request(journal, cost=70, purses=((purse, 0),))
        books.ingest(journal)

        assert books.purse_state(purse) == (70, 0, 0, 0)

    def test_of_a_window_that_has_passed_leaves_none(self, books: Books):
        journal, today = books.process(), datetime(2026, 9, 14, tzinfo=UTC)
        yesterday = today - timedelta(days=1)
        purse = books.purse(interval="d", window_start=today)

        books.request(journal, at=yesterday, purses=((purse, 0),), window=microseconds(yesterday))
        books.ingest(journal)

        assert books.purse_state(purse) == (0, 0, 0, 0)
        books.assert_clean()


class TestABringYourOwnKeyRequest:
    def test_costs_the_fee_and_meters_the_list_price(self, books: Books):
        journal, purse = books.process(), books.purse()
        books.lease(journal, purse, 900)

        books.request(journal, cost=5, byok=100, purses=((purse, 10),))
        books.ingest(journal)

        assert books.one("SELECT spent_nano, byok_nano, leased_nano FROM purse") == (5, 100, 895)
        assert books.all("SELECT kind, amount_nano FROM ledger_entry ORDER BY id") == [
            ("byok_fee", -5),
            ("byok_fee", 5),
        ]
        books.assert_clean()

    def test_takes_the_list_price_out_of_a_lease_whose_purse_counts_it(self, books: Books):
        journal, purse = books.process(), books.purse(limit_with_byok_nano=1000)
        books.lease(journal, purse, 900)

        books.request(journal, cost=5, byok=100, purses=((purse, 200),), counts_byok=True)
        books.ingest(journal)

        assert books.one("SELECT spent_nano, byok_nano, leased_nano FROM purse") == (5, 100, 795)
        books.assert_clean()

    def test_takes_nothing_but_the_list_price_out_of_the_lease_of_a_free_allowance(self, books: Books):
        journal, purse = books.process(), books.purse(limit_on_byok_nano=1000)
        books.lease(journal, purse, 900)

        books.request(
            journal, cost=5, byok=100, purses=((purse, 200),), counts_byok=True, counts_credits=False
        )
        books.ingest(journal)

        assert books.one("SELECT spent_nano, byok_nano, leased_nano FROM purse") == (5, 100, 800)
        books.assert_clean()


class TestARefusal:
    def test_is_a_row_with_its_count_and_costs_nothing(self, books: Books):
        journal = books.process()

        journal.refuse(
            books.refusal(count=17, detail={"rule": "key limit", "dialect": "chat", "user": "u\t1"})
        )
        books.ingest(journal)

        row = books.one(
            'SELECT status, refused_count, http_status, cost_nano, detail, dialect, "user" FROM generation'
        )
        assert row == ("refused", 17, 402, 0, {"rule": "key limit"}, "chat", "u\t1")
        assert books.one("SELECT requests, refused FROM usage_hour") == (0, 17)
        assert books.all("SELECT * FROM ledger_entry") == []
        books.assert_clean()


class TestWindows:
    MONDAY = datetime(2026, 9, 14, tzinfo=UTC)

    def test_the_first_request_of_a_new_window_rolls_the_purse(self, books: Books):
        journal = books.process()
        yesterday = self.MONDAY - timedelta(days=1)
        purse = books.purse(interval="d", window_start=yesterday, is_tight=True)
        books.lease(journal, purse, 500, window=yesterday)
        books.request(journal, cost=70, at=yesterday + timedelta(hours=3))
        books.ingest(journal)

        books.request(journal, cost=30, at=self.MONDAY)
        books.ingest(journal)

        row = books.one("SELECT window_start, spent_nano, leased_nano, holders, loose, is_tight FROM purse")
        assert row == (self.MONDAY, 30, 0, 0, 0, False)
        books.assert_clean()

    def test_one_batch_may_hold_both_windows(self, books: Books):
        journal = books.process()
        purse = books.purse(interval="w", window_start=self.MONDAY - timedelta(days=7))

        books.request(journal, cost=70, at=self.MONDAY - timedelta(seconds=1))
        books.request(journal, cost=30, at=self.MONDAY + timedelta(days=2))
        books.ingest(journal)

        assert books.one("SELECT window_start, spent_nano FROM purse WHERE id = %s", purse) == (
            self.MONDAY,
            30,
        )
        books.assert_clean()

    def test_a_request_older_than_the_purses_window_is_counted_in_the_rollups_only(self, books: Books):
        journal = books.process()
        yesterday = self.MONDAY - timedelta(days=1)
        purse = books.purse(interval="d", window_start=self.MONDAY)
        books.lease(journal, purse, 100, window=yesterday)
        books.lease(journal, purse, 500, window=self.MONDAY)

        late = self.MONDAY - timedelta(seconds=1)
        books.request(journal, cost=70, at=late, purses=((purse, 100),), window=microseconds(yesterday))
        books.ingest(journal)

        assert books.purse_state(purse) == (0, 500, 1, 1)
        assert books.one("SELECT cost_nano FROM usage_hour") == 70
        assert books.one("SELECT consumed_nano FROM lease WHERE window_start = %s", yesterday) == 70
        books.assert_clean()

    def test_an_old_windows_lease_goes_when_all_of_it_is_consumed(self, books: Books):
        journal = books.process()
        yesterday = self.MONDAY - timedelta(days=1)
        purse = books.purse(interval="d", window_start=self.MONDAY)
        books.lease(journal, purse, 70, window=yesterday)

        late = self.MONDAY - timedelta(seconds=1)
        books.request(journal, cost=70, at=late, purses=((purse, 70),), window=microseconds(yesterday))
        books.ingest(journal)

        assert books.all("SELECT * FROM lease") == []
        books.assert_clean()


class TestExactlyOnce:
    def test_running_again_books_nothing_again(self, books: Books):
        journal, purse = books.process(), books.purse()
        books.request(journal)
        books.ingest(journal)

        books.ingest(journal)

        assert books.one("SELECT count(*), sum(cost_nano)::int FROM generation") == (1, 100)
        assert books.purse_state(purse)[0] == 100
        books.assert_clean()

    def test_a_begin_alone_is_not_booked_and_not_forgotten(self, books: Books):
        journal, follower = (made := books.process()), books.follower(made)
        begin = books.begin()
        journal.begin(begin)
        follower.step(books.connection)

        books.request(journal)
        follower.step(books.connection)
        follower.close()
        journal.end(ended(begin, cost=7))
        follower.step(books.connection)

        assert books.all("SELECT cost_nano FROM generation ORDER BY cost_nano") == [7, 100]
        books.assert_clean()

    @pytest.mark.parametrize("step", ["generation", "usage_hour", "ledger_entry", "journal_position"])
    def test_a_failure_at_any_step_leaves_nothing_and_the_next_run_books_all(self, books: Books, step: str):
        journal, purse = books.process(), books.purse()
        books.lease(journal, purse, 500)
        books.request(journal, purses=((purse, 100),))
        follower = books.follower(journal)
        follower.step(books.connection)
        books.request(journal, purses=((purse, 100),))
        operation = "UPDATE" if step == "journal_position" else "INSERT"
        books.run(
            """CREATE FUNCTION out_of_order() RETURNS trigger LANGUAGE plpgsql AS
               $$ BEGIN RAISE EXCEPTION 'out of order' USING ERRCODE = '53000'; END $$"""
        )
        books.run(
            f"CREATE TRIGGER breaks BEFORE {operation} ON {step} FOR EACH STATEMENT EXECUTE FUNCTION out_of_order()"
        )

        try:
            with pytest.raises(psycopg.OperationalError, match="out of order"):
                follower.step(books.connection)
            assert books.one("SELECT count(*) FROM generation") == 1
            assert books.purse_state(purse)[:2] == (100, 400)
        finally:
            books.run("DROP FUNCTION out_of_order CASCADE")
        follower.step(books.connection)

        assert books.one("SELECT count(*) FROM generation") == 2
        assert books.purse_state(purse)[:2] == (200, 300)
        books.assert_clean()

    def test_a_failure_of_the_matcher_rolls_the_batch_back(self, books: Books):
        journal = books.process()
        books.request(journal)
        is_broken = True

        def matcher(_finished):
            if is_broken:
                raise RuntimeError("the matcher broke")
            return []

        follower = books.follower(journal, matcher=matcher)
        with pytest.raises(RuntimeError, match="broke"):
            follower.step(books.connection)
        assert books.all("SELECT * FROM generation") == []
        is_broken = False
        follower.step(books.connection)

        assert books.one("SELECT count(*) FROM generation") == 1
        books.assert_clean()

    def test_two_ingesters_that_take_turns_book_each_request_once(self, books: Books):
        journal, purse = books.process(segment_bytes=16_384), books.purse()
        one, other = books.follower(journal, limit=3), books.follower(journal, limit=2)

        with connect() as second:
            for number in range(60):
                books.request(journal, cost=number)
                one.step(books.connection)
                if number % 3 == 0:
                    other.step(second)
        books.ingest(journal)

        assert books.one("SELECT count(*), sum(cost_nano)::int FROM generation") == (60, sum(range(60)))
        assert books.purse_state(purse)[0] == sum(range(60))
        books.assert_clean()

    def test_an_ingester_passes_by_a_journal_that_another_is_booking(self, books: Books):
        journal = books.process()
        books.request(journal)
        books.ingest(journal)
        books.request(journal)

        with connect() as second, second.transaction():
            second.execute("SELECT FROM journal_position FOR UPDATE")
            assert books.follower(journal).step(books.connection) is False

        assert books.one("SELECT count(*) FROM generation") == 1

    def test_a_purse_made_meanwhile_is_counted_because_making_it_waits_for_the_batch(self, books: Books):
        journal = books.process()
        books.request(journal)
        lock = "SELECT pg_advisory_xact_lock(7241, %s)"

        def while_booking(_finished):
            with connect() as maker, maker.transaction():
                maker.execute(lock, [books.organization_id])
                maker.execute(
                    "INSERT INTO purse (organization_id, subject, interval) VALUES (%s, %s, 't')",
                    [books.organization_id, KEY_SUBJECT],
                )
            return []

        books.follower(journal, matcher=while_booking).step(books.connection)

        assert books.one("SELECT spent_nano FROM purse") == 100
        books.assert_clean()


class TestSegments:
    def test_are_deleted_when_the_position_has_passed_them(self, books: Books):
        journal = books.process(segment_bytes=16_384)
        open_begin = books.begin()
        journal.begin(open_begin)
        for _ in range(40):
            books.request(journal)

        books.ingest(journal)

        position = books.one("SELECT segment FROM journal_position")
        assert position > 2
        assert [path.name.split(".")[1] for path in books.folder.glob("*.journal")] == [str(position)]
        journal.end(ended(open_begin, cost=3))
        books.ingest(journal)
        assert books.one("SELECT count(*), sum(cost_nano)::int FROM generation") == (41, 4003)
        books.assert_clean()

    def test_of_a_batch_are_named_by_its_ledger_lines(self, books: Books):
        journal = books.process(segment_bytes=16_384)
        for _ in range(40):
            books.request(journal)

        books.ingest(journal)

        ranges = books.all(
            "SELECT segment, from_offset, to_offset FROM ledger_entry WHERE account = 'usage' ORDER BY id"
        )
        assert [row[0] for row in ranges] == list(range(len(ranges)))
        assert all(4096 == start < end <= 16_384 for _, start, end in ranges)
