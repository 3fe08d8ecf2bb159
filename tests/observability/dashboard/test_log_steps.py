"""Requests that ran server tools, in the log: the request, its steps, and the way from one to the other."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from config.lib.ids import generation_id, uuid7
from observability.models import Generation
from tests.cast import Acme, Cast
from tests.dashboard_pages import HTMX, make_generation, text_of
from tests.observability.dashboard.test_logs import LOGS, ids

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

SEARCH: dict[str, Any] = {
    "tool": "web_search",
    "model": "openrouter/web_search",
    "provider": "exa",
    "cost_nano": 5_000_000,
    "latency_ms": 200,
}


@pytest.fixture
def request_of_steps(acme: Acme) -> list[Generation]:
    """A request, the search that it paid for, and its second model step; a second apart."""
    key = acme.bob_key.key
    outer = make_generation(key, seconds_ago=30, latency_ms=400, generation_ms=600, model="author/asked")
    search = make_generation(key, seconds_ago=29, request_id=outer.id, **SEARCH)
    again = make_generation(
        key, seconds_ago=28, request_id=outer.id, latency_ms=1000, generation_ms=1000, model="author/asked"
    )
    return [outer, search, again]


class TestTheList:
    def test_marks_a_request_that_had_steps_with_their_number_and_sum(
        self, acme: Acme, viewers: dict[str, Client], request_of_steps: list[Generation]
    ) -> None:
        make_generation(acme.bob_key.key)

        answer = viewers["alice"].get(LOGS)

        wholes = [line.whole for line in answer.context["lines"]]
        assert [whole and (whole.generations, whole.cost_nano) for whole in wholes] == [
            None,
            None,
            None,
            (3, 7_469_134),
        ]
        assert text_of(answer).count(" steps") == 1 + text_of(answer).count("the steps")

    def test_takes_as_many_queries_however_many_steps_there_are(
        self, viewers: dict[str, Client], acme: Acme, request_of_steps: list[Generation]
    ) -> None:
        def queries(path: str) -> int:
            with CaptureQueriesContext(connection) as captured:
                viewers["alice"].get(path, headers=HTMX)
            return len(captured)

        pages = (LOGS, f"{LOGS}/{request_of_steps[0].public_id}")
        before = [queries(page) for page in pages]
        for _ in range(5):
            other = make_generation(acme.bob_key.key)
            make_generation(acme.bob_key.key, request_id=other.id)
            make_generation(acme.bob_key.key, request_id=request_of_steps[0].id, **SEARCH)

        assert [queries(page) for page in pages] == before


class TestFilters:
    def test_leave_out_the_steps_of_requests(
        self, viewers: dict[str, Client], request_of_steps: list[Generation]
    ) -> None:
        answer = viewers["alice"].get(LOGS, {"inner": "false"})

        assert ids(answer) == [request_of_steps[0].public_id]
        assert answer.context["is_narrowed"]

    @pytest.mark.parametrize("inner", ["", "true", "0", "\x00"])
    def test_show_them_otherwise(
        self, inner: str, viewers: dict[str, Client], request_of_steps: list[Generation]
    ) -> None:
        assert len(ids(viewers["alice"].get(LOGS, {"inner": inner}))) == 3

    def test_find_all_generations_of_a_request_and_nothing_else(
        self, acme: Acme, viewers: dict[str, Client], request_of_steps: list[Generation]
    ) -> None:
        other = make_generation(acme.bob_key.key)
        make_generation(acme.bob_key.key, request_id=other.id)

        found = ids(viewers["alice"].get(LOGS, {"request": request_of_steps[0].public_id}))

        assert found == [row.public_id for row in reversed(request_of_steps)]

    @pytest.mark.parametrize(
        "request_id", ["gen-", "x", "gen-" + "f" * 32, "gen-" + "0" * 32, "\x00", "ü" * 600]
    )
    def test_find_nothing_of_a_request_that_there_is_not(
        self, request_id: str, viewers: dict[str, Client], request_of_steps: list[Generation]
    ) -> None:
        answer = viewers["alice"].get(LOGS, {"request": request_id})

        assert (answer.status_code, len(ids(answer))) == (200, 3 if request_id == "\x00" else 0)

    def test_find_what_a_tool_asked_for(
        self, viewers: dict[str, Client], request_of_steps: list[Generation]
    ) -> None:
        assert ids(viewers["alice"].get(LOGS, {"tool": "web_search"})) == [request_of_steps[1].public_id]

    def test_find_nothing_of_another_organizations_request(
        self, cast: Cast, viewers: dict[str, Client], request_of_steps: list[Generation]
    ) -> None:
        asked = {"request": request_of_steps[0].public_id}

        assert ids(viewers["mallory"].get("/o/globex/logs", asked)) == []


class TestARequest:
    def test_shows_its_steps_in_their_order_with_the_sum(
        self, viewers: dict[str, Client], request_of_steps: list[Generation]
    ) -> None:
        answer = viewers["alice"].get(f"{LOGS}/{request_of_steps[0].public_id}")

        bars = answer.context["waterfall"]
        assert [bar.generation.pk for bar in bars] == [row.pk for row in request_of_steps]
        assert [bar.is_below for bar in bars] == [False, True, False]
        page = text_of(answer)
        assert "3 steps" in page
        assert "$0.007469134" in page
        assert all(f"{LOGS}/{row.public_id}" in page for row in request_of_steps[1:])

    def test_draws_each_step_where_and_as_long_as_it_was(
        self, viewers: dict[str, Client], request_of_steps: list[Generation]
    ) -> None:
        bars = viewers["alice"].get(f"{LOGS}/{request_of_steps[0].public_id}").context["waterfall"]

        assert [(round(bar.x, -1), round(bar.width, -1)) for bar in bars] == [(0, 250), (250, 50), (500, 500)]

    def test_without_steps_says_nothing_of_them(self, acme: Acme, viewers: dict[str, Client]) -> None:
        answer = viewers["alice"].get(f"{LOGS}/{make_generation(acme.bob_key.key).public_id}")

        assert answer.context["waterfall"] == []
        assert " steps" not in text_of(answer)

    def test_is_shown_whatever_its_steps_look_like(self, acme: Acme, viewers: dict[str, Client]) -> None:
        outer = make_generation(acme.bob_key.key)
        make_generation(
            acme.bob_key.key,
            request_id=outer.id,
            tool="<b>" * 300,
            model="",
            provider="",
            status=Generation.REFUSED,
        )

        answer = viewers["alice"].get(f"{LOGS}/{outer.public_id}")

        assert answer.status_code == 200
        assert b"<b>" not in answer.content

    def test_does_not_show_more_than_a_page_can_hold(self, acme: Acme, viewers: dict[str, Client]) -> None:
        outer = make_generation(acme.bob_key.key)
        for _ in range(202):
            make_generation(acme.bob_key.key, seconds_ago=0, request_id=outer.id)

        answer = viewers["alice"].get(f"{LOGS}/{outer.public_id}")

        assert len(answer.context["waterfall"]) == 201
        assert "The first 201 are shown." in text_of(answer)
        assert "203 steps" in text_of(answer)


class TestAStep:
    @pytest.mark.parametrize("number", [1, 2])
    @pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "drawer"])
    def test_leads_to_its_request(
        self,
        number: int,
        headers: dict[str, str],
        viewers: dict[str, Client],
        request_of_steps: list[Generation],
    ) -> None:
        answer = viewers["alice"].get(f"{LOGS}/{request_of_steps[number].public_id}", headers=headers)

        assert f'href="{LOGS}/{request_of_steps[0].public_id}"' in text_of(answer)
        assert answer.context["waterfall"] == []

    def test_says_in_its_row_which_request_it_is_of(
        self, viewers: dict[str, Client], request_of_steps: list[Generation]
    ) -> None:
        raw = viewers["alice"].get(f"{LOGS}/{request_of_steps[1].public_id}").context["raw"]

        assert f'"request_id": "{request_of_steps[0].public_id}"' in raw

    def test_of_a_request_that_is_not_booked_yet_is_shown(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        outer = uuid7()
        inner = make_generation(acme.bob_key.key, request_id=outer)

        answer = viewers["alice"].get(f"{LOGS}/{inner.public_id}")

        assert generation_id(outer) in text_of(answer)
