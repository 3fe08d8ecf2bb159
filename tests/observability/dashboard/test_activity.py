"""The activity page: what was spent, on what, and when."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from config.lib.charts import HEIGHT
from observability.usage_page import GROUPS
from observability.usage_spans import RANGES
from tests.cast import Acme, Cast
from tests.dashboard_pages import make_generation, text_of
from tests.observability.streamed import body_of
from tests.observability.usage_rows import book

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

ACTIVITY = "/o/acme/activity"
NOW = datetime.now(UTC)


@pytest.fixture
def busy(cast: Cast) -> Acme:
    """Bob spent two dollars on echo an hour and a half ago, carol one on another model; mallory nine at globex."""
    acme, at = cast.acme, NOW - timedelta(minutes=90)
    book(acme.bob_key.key, at, cost=2 * 10**9, context={"app_title": "Tea <b>", "user": "customer-1"})
    book(acme.carol_key.key, at, model="a/other", cost=10**9)
    book(cast.globex.default_key.key, at, model="secret/model", cost=9 * 10**9)
    return acme


def lines(answer) -> list[tuple[str, int, int]]:
    """The rows of the table."""
    return [(line.name, line.requests, line.spend_nano // 10**9) for line in answer.context["lines"]]


class TestThePage:
    def test_says_what_was_spent_on_what(self, busy: Acme, viewers: dict[str, Client]):
        answer = viewers["alice"].get(ACTIVITY)

        assert lines(answer) == [("simulator/echo", 1, 2), ("a/other", 1, 1)]
        assert answer.context["total"][0] == 3 * 10**9
        assert "secret/model" not in text_of(answer)

    def test_draws_a_bar_for_each_day_whose_parts_add_up(self, busy: Acme, viewers: dict[str, Client]):
        answer = viewers["alice"].get(ACTIVITY, {"range": "7d"})

        stacks = answer.context["chart"].columns
        assert len(stacks) == 7
        assert sum(stack.whole for stack in stacks) == 3 * 10**9
        heights = [float(mark.height) for stack in stacks for mark in stack.marks]
        assert sum(heights) == pytest.approx(HEIGHT * 3 / 5, abs=0.02)
        assert not re.search(r"<(script|style)|style=", answer.content.decode().partition("<main")[2])

    @pytest.mark.parametrize("group", GROUPS)
    @pytest.mark.parametrize("span", RANGES)
    def test_shows_each_range_by_each_group(
        self, busy: Acme, viewers: dict[str, Client], group: str, span: str
    ):
        answer = viewers["alice"].get(ACTIVITY, {"range": span, "group": group, "show": "requests"})

        assert answer.status_code == 200
        assert len(answer.context["chart"].columns) == (0 if span == "hour" else RANGES[span].bars)
        assert sum(stack.whole for stack in answer.context["chart"].columns) == (0 if span == "hour" else 2)

    def test_shows_the_last_hour_by_the_minute(self, cast: Cast, viewers: dict[str, Client]):
        book(cast.acme.bob_key.key, NOW - timedelta(minutes=5), cost=10**9)

        answer = viewers["alice"].get(ACTIVITY, {"range": "hour", "group": "app"})

        assert lines(answer) == [("no application named", 1, 1)]
        assert len(answer.context["chart"].columns) == 60

    def test_can_be_narrowed_to_a_workspace(self, busy: Acme, viewers: dict[str, Client]):
        answer = viewers["alice"].get(ACTIVITY, {"workspace": "research"})

        assert lines(answer) == [("a/other", 1, 1)]

    def test_adds_up_what_has_no_row_of_its_own(self, cast: Cast, viewers: dict[str, Client]):
        for number in range(52):
            book(cast.acme.bob_key.key, NOW - timedelta(days=1), model=f"a/{number:02}", cost=10**9)

        answer = viewers["alice"].get(ACTIVITY)

        assert len(lines(answer)) == 51
        assert lines(answer)[-1] == ("everything else", 2, 2)

    def test_says_so_when_there_is_nothing(self, viewers: dict[str, Client]):
        assert "Nothing happened in this time" in text_of(viewers["alice"].get(ACTIVITY))
        assert "Get the curl command" in text_of(viewers["alice"].get(ACTIVITY, {"range": "12m"}))

    @pytest.mark.parametrize(
        "name", ["range", "group", "show", "workspace", "compare", "model", "key", "member", "app", "user"]
    )
    @pytest.mark.parametrize("value", ["nonsense", "\x00", "'; --", "x" * 5000])
    def test_takes_what_it_does_not_understand_for_nothing(
        self, busy: Acme, viewers: dict[str, Client], name: str, value: str
    ):
        assert viewers["alice"].get(ACTIVITY, {name: value}).status_code == 200

    def test_asks_as_often_however_much_there_is(self, busy: Acme, viewers: dict[str, Client]):
        def queries() -> int:
            with CaptureQueriesContext(connections["default"]) as seen:
                viewers["alice"].get(ACTIVITY, {"group": "api_key_id"})
            return len(seen)

        once = queries()
        for key in (busy.alice_key, busy.default_key, busy.production_key):
            book(key.key, NOW - timedelta(days=2))

        assert queries() == once


class TestDaysOfOnesOwn:
    def test_are_both_included(self, cast: Cast, viewers: dict[str, Client]):
        for days_ago in (1, 3, 5):
            book(cast.acme.bob_key.key, NOW - timedelta(days=days_ago), cost=days_ago * 10**9)
        first, last = (f"{NOW - timedelta(days=days_ago):%Y-%m-%d}" for days_ago in (5, 3))

        answer = viewers["alice"].get(ACTIVITY, {"range": "custom", "from": first, "to": last})

        assert answer.context["total"][0] == 8 * 10**9
        assert len(answer.context["chart"].columns) == 3

    @pytest.mark.parametrize("first", ["", "never", "0001-01-01", "9999-12-31", "\x00", "2000-01-01"])
    @pytest.mark.parametrize("last", ["", "never", "0001-01-01", "9999-12-31", "2000-01-01"])
    def test_are_shown_whatever_they_are(self, first: str, last: str, viewers: dict[str, Client]):
        query = {"range": "custom", "from": first, "to": last, "compare": "before"}

        assert viewers["alice"].get(ACTIVITY, query).status_code == 200


class TestNarrowing:
    @pytest.mark.parametrize("name", ["model", "key", "member", "app", "user", "workspace"])
    def test_shows_what_one_of_them_did(self, name: str, busy: Acme, viewers: dict[str, Client]):
        value = {
            "model": "simulator/echo",
            "key": busy.bob_key.key.hash,
            "member": busy.bob.user.public_id,
            "app": "Tea <b>",
            "user": "customer-1",
            "workspace": "production",
        }[name]

        answer = viewers["alice"].get(ACTIVITY, {name: value})

        assert lines(answer) == [("simulator/echo", 1, 2)]

    @pytest.mark.parametrize("name", ["key", "member", "workspace"])
    def test_knows_nothing_that_is_none_of_ones_business(
        self, name: str, busy: Acme, viewers: dict[str, Client]
    ):
        value = {
            "key": busy.carol_key.key.hash,
            "member": busy.carol.user.public_id,
            "workspace": "research",
        }[name]

        answer = viewers["bob"].get(ACTIVITY, {name: value})

        assert lines(answer) == []
        assert "Carol" not in text_of(answer)

    def test_is_what_names_and_bars_lead_to(self, busy: Acme, viewers: dict[str, Client]):
        answer = viewers["alice"].get(ACTIVITY, {"range": "7d", "group": "api_key_id"})
        narrower = viewers["alice"].get(ACTIVITY + answer.context["lines"][0].narrower)
        day = viewers["alice"].get(ACTIVITY + answer.context["chart"].columns[-1].href)

        assert [one.name for one in narrower.context["form"].narrowed] == ["bob's key"]
        assert lines(narrower) == [("simulator/echo", 1, 2)]
        assert day.context["form"].span.granularity == "hour"

    def test_leads_on_to_the_same_requests_in_the_log(self, busy: Acme, viewers: dict[str, Client]):
        made = make_generation(busy.bob_key.key, seconds_ago=5400)
        make_generation(busy.carol_key.key, seconds_ago=5400)
        make_generation(busy.bob_key.key, seconds_ago=8 * 86400)
        answer = viewers["alice"].get(ACTIVITY, {"range": "7d", "group": "api_key_id"})

        log = viewers["alice"].get(answer.context["lines"][0].logs)

        shown = [line.generation for line in log.context["lines"]]
        assert made.public_id in {generation.public_id for generation in shown}
        assert [generation.api_key_id for generation in shown] == [busy.bob_key.key.pk] * 2

    def test_says_what_nobody_can_be_told_at_once(self, busy: Acme, viewers: dict[str, Client]):
        query = {"range": "12m", "group": "app", "model": "simulator/echo"}

        assert "may span at most 31 days" in text_of(viewers["alice"].get(ACTIVITY, query))
        assert viewers["alice"].get(f"{ACTIVITY}.csv", query).status_code == 400


class TestComparing:
    def test_tells_how_it_was_in_the_time_before(self, busy: Acme, viewers: dict[str, Client]):
        book(busy.bob_key.key, NOW - timedelta(days=9), cost=10**9)

        answer = viewers["alice"].get(ACTIVITY, {"range": "7d", "compare": "before"})

        assert [figure.change for figure in answer.context["figures"]] == [
            "+200 %, from $1.00",
            "+100 %, from 1",
            "+100 %, from 30",
        ]
        assert [line.change for line in answer.context["lines"]] == ["+100 %", "new"]
        assert sum(int(column.values[-1] != "$0.00") for column in answer.context["chart"].columns) == 1

    def test_is_only_done_when_asked_for(self, busy: Acme, viewers: dict[str, Client]):
        answer = viewers["alice"].get(ACTIVITY, {"range": "7d"})

        assert {figure.change for figure in answer.context["figures"]} == {""}
        assert answer.context["chart"].lines == []


class TestNames:
    def test_of_keys_and_members_are_shown_to_administrators(self, busy: Acme, viewers: dict[str, Client]):
        by_key = viewers["alice"].get(ACTIVITY, {"group": "api_key_id"})
        by_member = viewers["alice"].get(ACTIVITY, {"group": "user"})

        assert [name for name, *_ in lines(by_key)] == ["bob's key", "carol's key"]
        assert [name for name, *_ in lines(by_member)] == ["Bob", "Carol"]

    def test_of_others_are_not_shown_to_members(self, busy: Acme, viewers: dict[str, Client]):
        by_key = viewers["carol"].get(ACTIVITY, {"group": "api_key_id"})
        by_member = viewers["carol"].get(ACTIVITY, {"group": "user"})
        by_workspace = viewers["carol"].get(ACTIVITY, {"group": "workspace"})

        assert [name for name, *_ in lines(by_key)] == ["another key", "carol's key"]
        assert [name for name, *_ in lines(by_member)] == ["another member", "Carol"]
        assert [name for name, *_ in lines(by_workspace)] == ["another workspace", "Research"]

    def test_are_text_whoever_chose_them(self, busy: Acme, viewers: dict[str, Client]):
        answer = viewers["alice"].get(ACTIVITY, {"group": "app"})

        assert b"Tea &lt;b&gt;" in answer.content


class TestTheFile:
    def test_has_what_the_page_shows(self, busy: Acme, viewers: dict[str, Client]):
        answer = viewers["alice"].get(f"{ACTIVITY}.csv", {"range": "30d", "group": "model"})

        rows = list(csv.DictReader(io.StringIO(body_of(answer))))
        assert [(row["model"], row["requests"], row["usage_usd"]) for row in rows] == [
            ("a/other", "1", "1"),
            ("simulator/echo", "1", "2"),
        ]
        assert {row["time"][10:] for row in rows} == {"T00:00:00Z"}

    def test_names_no_more_than_the_page(self, busy: Acme, viewers: dict[str, Client]):
        answer = viewers["carol"].get(f"{ACTIVITY}.csv", {"group": "api_key_id"})

        rows = csv.DictReader(io.StringIO(body_of(answer)))
        assert sorted(row["api_key_id"] for row in rows) == ["another key", "carol's key"]
