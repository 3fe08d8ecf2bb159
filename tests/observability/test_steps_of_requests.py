"""Requests that ran server tools: each model step and each paid call of a tool is booked by itself."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from observability.ingest_sanitise import sanitised
from observability.journal_reader import Finished, Portion, Position
from observability.reconcile import reconcile
from tests.observability.books import Books, ended

PLACE = "SELECT request_id::text, tool, detail FROM generation WHERE id = %s"


def step(books: Books, outer: str, *, cost: int = 100, model: str = "simulator/echo", **place: Any) -> str:
    """A further model step of a request, on its way to the journal."""
    [journal] = books.journals
    context = {"dialect": "chat", "provider": "simulator", "request": outer, **place}
    return books.request(journal, cost=cost, model=model, context=context)


def search(books: Books, outer: str, *, cost: int, purses: tuple[tuple[int, int], ...] = ()) -> str:
    """A paid call of a tool: no endpoint and no price, and yet a cost."""
    [journal] = books.journals
    context = {"dialect": "chat", "request": outer, "tool": "web_search", "step": 1}
    begin = books.begin(model="openrouter/web_search", context=context, purses=purses)
    journal.begin(begin)
    changes = {"prompt_tokens": 0, "completion_tokens": 0, "finish_reason": None}
    journal.end(ended(begin, cost=cost, provider="exa", **changes))
    return begin.id


class TestAStepOfARequest:
    def test_is_booked_with_the_request_and_the_tool_that_asked(self, books: Books):
        journal = books.process()
        outer = books.request(journal)
        inner, later = step(books, outer, tool="advisor", step=2), step(books, outer, step=3)

        books.ingest(journal)

        assert books.one(PLACE, outer) == (None, None, None)
        assert books.one(PLACE, inner) == (outer, "advisor", {"step": 2})
        assert books.one(PLACE, later) == (outer, None, {"step": 3})

    @pytest.mark.parametrize(
        "told",
        [None, "", 7, [], {"a": 1}, True, "gen-", "\x00", "\ud800", "x" * 70_000, "{" * 36, 1e300],
        ids=lambda told: repr(told)[:20],
    )
    def test_that_names_no_request_is_one_of_its_own(self, books: Books, told: Any):
        journal = books.process()
        made = step(books, told, tool="advisor")

        books.ingest(journal)

        assert books.one(PLACE, made)[:2] == (None, None)
        assert books.one("SELECT count(*) FROM dead_letter_record") == 0
        books.assert_clean()

    @pytest.mark.parametrize("tool", [None, "", 7, ["advisor"], {"a": "b"}, False])
    def test_whose_tool_is_no_name_has_none(self, books: Books, tool: Any):
        journal = books.process()
        outer = books.request(journal)
        inner = step(books, outer, tool=tool)

        books.ingest(journal)

        assert books.one(PLACE, inner)[:2] == (outer, None)

    def test_that_names_itself_is_the_request(self, books: Books):
        journal = books.process()
        begin = books.begin(id=(own := str(uuid.uuid4())), context={"request": own, "tool": "advisor"})
        journal.begin(begin)
        journal.end(ended(begin))

        books.ingest(journal)

        assert books.one(PLACE, own)[:2] == (None, None)

    def test_keeps_its_place_when_the_record_had_to_be_made_storable(self, books: Books):
        outer = str(uuid.uuid4())
        begin = books.begin(context={"request": outer, "tool": "advisor", "seed": 7})
        portion = Portion(
            Position(0, 0), Position(0, 1), 1, [Finished(begin, (), ended(begin))], [], [], False
        )

        [plain] = sanitised(portion, error="why", with_new_ids=True).finished

        assert plain.begin.context == {"request": outer, "tool": "advisor"}

    def test_that_was_refused_has_its_place_too_but_not_many_at_once(self, books: Books):
        journal = books.process()
        detail = {"request": str(uuid.uuid4()), "tool": "advisor", "rule": "key_limit"}
        alone, many = books.refusal(detail=detail), books.refusal(detail=detail, count=5)
        journal.refuse(alone)
        journal.refuse(many)

        books.ingest(journal)

        assert books.one(PLACE, alone.id) == (detail["request"], "advisor", {"rule": "key_limit"})
        assert books.one(PLACE, many.id) == (None, None, {"rule": "key_limit"})


class TestTheFeeOfATool:
    @pytest.fixture
    def searched(self, books: Books) -> Books:
        """A request of two model steps with a search between them, on one purse."""
        journal, purse = books.process(), books.purse(limit_nano=10**9)
        books.lease(journal, purse, 10**6)
        outer = books.request(journal, purses=((purse, 150),))
        search(books, outer, cost=5_000, purses=((purse, 6_000),))
        step(books, outer, cost=70, step=2)
        books.ingest(journal)
        return books

    def test_is_a_generation_without_endpoint_and_price(self, searched: Books):
        row = searched.one(
            """SELECT model, provider, endpoint_id, price_version_id, cost_nano, status FROM generation
                WHERE tool = 'web_search'"""
        )

        assert row == ("openrouter/web_search", "exa", None, None, 5_000, "completed")

    def test_is_charged_and_summed_up_as_any_other(self, searched: Books):
        assert searched.one("SELECT spent_nano FROM purse WHERE subject = 42") == 5_170
        assert searched.one("SELECT sum(amount_nano) FROM ledger_entry WHERE account = 'usage'") == 5_170
        sums = "SELECT requests, cost_nano FROM usage_model_day WHERE provider = 'exa' AND endpoint_id = 0"
        assert searched.one(sums) == (1, 5_000)
        searched.assert_clean()

    @pytest.mark.parametrize("place", ["tool = 'web_search'", "request_id IS NULL", "tool IS NULL"])
    def test_is_found_where_it_is_wrong(self, searched: Books, place: str):
        searched.run(f"UPDATE generation SET cost_nano = cost_nano + 1 WHERE {place}")

        wrong = {outcome.check.code for outcome in reconcile(searched.connection) if outcome.violations}
        assert wrong == {"R2", "R3", "R5"}

    def test_is_charged_when_the_process_died_before_it_was_booked(self, books: Books):
        journal, dead = books.process(), str(uuid.uuid4())
        search(books, dead, cost=5_000)

        books.kill(journal)
        books.ingest(journal)

        assert books.one("SELECT request_id::text, cost_nano FROM generation") == (dead, 5_000)
        books.assert_clean()


class TestTheIndex:
    def test_holds_the_steps_of_requests_and_nothing_else(self, books: Books):
        definition = books.one(
            "SELECT indexdef FROM pg_indexes WHERE indexname = 'generation_by_request' AND tablename = 'generation'"
        )

        assert definition.endswith("(request_id, id) WHERE (request_id IS NOT NULL)")
