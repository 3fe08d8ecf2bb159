"""Rollups are what the generations sum to, whatever came in which batch and however often a batch was tried."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from observability.ingest_rollups import MOST_LABELS
from observability.ingest_usage import bucket_of
from observability.journal_records import Begin, End
from observability.usage_upkeep import TABLES, CannotRebuild, rebuild_day
from tests.observability.books import NOW, Books, books_of, ended

GUARDED = {"type": "guardrail", "name": "pii", "data": {"detected": True}}
DETAILS: list[dict[str, Any]] = [
    {},
    {"cache": "hit"},
    {"cache": "miss"},
    {"pipeline": [GUARDED]},
    {"pipeline": [{"type": "plugin", "data": {"detected": True}}, {"type": "guardrail", "data": {}}]},
    {"pipeline": "nonsense"},
]
TEXTS = st.sampled_from([None, "", "Tea", "tea", "Кофе", "a\tb\\c", "=1+1", "x" * 300])
TODAY = datetime(NOW.year, NOW.month, NOW.day, tzinfo=UTC)
REQUESTS = st.fixed_dictionaries(
    {
        "at": st.integers(0, 3 * 86_400 - 1),
        "workspace_id": st.integers(1, 2),
        "api_key_id": st.sampled_from([None, 6, 7]),
        "member_id": st.sampled_from([None, 8]),
        "model": st.sampled_from(["simulator/echo", "a/b:free", 'quote"d\\']),
        "app_title": TEXTS,
        "app_url": TEXTS,
        "user": TEXTS,
        "status": st.sampled_from(["completed", "error", "cancelled", "interrupted", "refused"]),
        "cost": st.integers(0, 10**12),
        "byok": st.sampled_from([0, 0, 17]),
        "endpoint": st.sampled_from([None, 1, 2]),
        "latency": st.sampled_from([None, 0, 1, 2, 3, 255, 256, 60_000]),
        "generation": st.sampled_from([None, 0, 1, 40, 60_000]),
        "tokens": st.sampled_from([0, 1, 20, 5000]),
        "detail": st.sampled_from(DETAILS),
        "context": st.sampled_from(DETAILS),
    }
)


def write(books: Books, journal: Any, asked: dict[str, Any]) -> None:
    """One of the requests above, from its beginning to its end, or as a refusal."""
    at = TODAY - timedelta(days=2) + timedelta(seconds=asked["at"])
    said = {name: asked[name] for name in ("app_title", "app_url", "user") if asked[name] is not None}
    about = {name: asked[name] for name in ("workspace_id", "api_key_id", "member_id", "model")}
    begin: Begin = books.begin(
        at=at, context={"dialect": "chat", "provider": "simulator"} | said | asked["context"], **about
    )
    if asked["status"] == "refused":
        details = said | asked["detail"]
        refused = {"id": begin.id, "admitted_at": begin.admitted_at, "count": 3, "detail": details}
        journal.refuse(books.refusal(**about, **refused))
        return
    journal.begin(begin)
    end: End = ended(
        begin,
        cost=asked["cost"],
        byok=asked["byok"],
        status=asked["status"],
        endpoint_id=asked["endpoint"],
        latency_ms=asked["latency"],
        generation_ms=asked["generation"],
        completion_tokens=asked["tokens"],
        cached_tokens=asked["tokens"] // 2,
        cache_write_tokens=asked["tokens"] // 3,
        detail=asked["detail"],
    )
    journal.end(end)


def rollups(books: Books) -> dict[str, list[Any]]:
    """Every row of the daily rollups that counts something."""
    return {
        table: sorted((row for row in books.all(f"SELECT to_jsonb({table}) - 'pk' FROM {table}")), key=repr)
        for table in TABLES
    }


class TestRollups:
    @settings(max_examples=12, deadline=None, phases=[Phase.generate])
    @given(batches=st.lists(st.lists(REQUESTS, min_size=1, max_size=12), min_size=1, max_size=3))
    def test_are_what_the_generations_sum_to(self, organization_id: int, batches: list[Any]):
        with tempfile.TemporaryDirectory() as folder, books_of(organization_id, Path(folder)) as books:
            journal = books.process()
            for batch in batches:
                for asked in batch:
                    write(books, journal, asked)
                books.ingest(journal)
            written = rollups(books)

            for number in range(3):
                rebuild_day(books.connection, (TODAY - timedelta(days=number)).date())

            again = rollups(books)
            for table in TABLES:
                assert again[table] == written[table], table
            books.assert_clean()

    def test_count_a_batch_once_that_was_tried_twice(self, books: Books):
        journal = books.process()
        is_broken = True

        def sometimes(finished: Any) -> list[Any]:
            if is_broken:
                raise psycopg.OperationalError("away")
            return []

        follower = books.follower(journal, matcher=sometimes)
        for _ in range(2):
            books.request(journal, cost=50)
            with pytest.raises(psycopg.OperationalError):
                follower.step(books.connection)
        is_broken = False
        follower.step(books.connection)

        assert books.all("SELECT requests, cost_nano FROM usage_model_day") == [(2, 100)]
        assert books.one("SELECT sum(requests) FROM usage_speed_day WHERE kind = 'latency'") == 2
        books.assert_clean()

    def test_tell_so_many_labels_apart_and_add_up_the_rest(self, books: Books):
        journal = books.process()
        for number in range(MOST_LABELS + 5):
            books.request(journal, context={"user": f"customer-{number}", "app_title": "Tea"})
        books.ingest(journal)
        books.request(journal, context={"user": "late"})
        books.request(journal, context={"user": "customer-7"})
        books.request(journal)

        books.ingest(journal)

        kept = "SELECT count(*) FROM usage_label_day WHERE kind = 'user' AND NOT is_rest AND label <> ''"
        assert books.one(kept) == MOST_LABELS
        assert books.one("SELECT requests FROM usage_label_day WHERE is_rest") == 6
        assert books.one("SELECT requests FROM usage_label_day WHERE label = 'customer-7'") == 2
        assert books.one("SELECT requests FROM usage_label_day WHERE label = 'Tea'") == MOST_LABELS + 5
        assert (
            books.one(
                "SELECT requests FROM usage_label_day WHERE kind = 'user' AND label = '' AND NOT is_rest"
            )
            == 1
        )
        books.assert_clean()


class TestBuckets:
    @pytest.mark.parametrize("value", [0.04, 0.5, 1, 2, 3, 100, 255, 256, 257, 60_000, 2**31])
    def test_begin_at_a_quarter_of_a_doubling(self, value: float):
        bucket = bucket_of(value)

        assert 2 ** (bucket / 4) <= value < 2 ** ((bucket + 1) / 4)

    def test_hold_what_is_nothing(self):
        assert bucket_of(0) == bucket_of(-3) < bucket_of(1)


class TestRebuilding:
    def test_leaves_a_day_alone_whose_generations_are_not_all_there(self, books: Books):
        journal = books.process()
        books.request(journal)
        books.ingest(journal)
        books.run("DELETE FROM generation")

        with pytest.raises(CannotRebuild):
            rebuild_day(books.connection, TODAY.date())

        assert books.one("SELECT sum(requests) FROM usage_day") == 1

    def test_brings_back_what_was_lost(self, books: Books):
        journal = books.process()
        books.request(journal, at=NOW)
        books.ingest(journal)
        written = rollups(books)
        books.run(f"TRUNCATE {', '.join(TABLES)}")
        out = StringIO()

        call_command("rebuild_usage", "--days", "2", stdout=out)

        assert rollups(books) == written
        assert f"{TODAY.date()} is made anew" in out.getvalue()
