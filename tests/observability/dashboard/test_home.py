"""What a workspace's home tells of its requests: today against yesterday, the models of the week, what failed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from config.lib.scoping import tenant
from observability.models import Generation
from observability.today import Lately, lately_in
from tests.cast import Acme
from tests.dashboard_pages import make_generation, text_of
from tests.observability.usage_rows import book, refuse
from workspaces.models import Workspace

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

NOW = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)
DAY = timedelta(days=1)


def seen(workspace: Workspace, now: datetime = NOW) -> Lately:
    """The sums at a moment."""
    with tenant(workspace.organization_id):
        return lately_in(workspace, now=now)


class TestTodayAndYesterday:
    def test_count_up_to_the_same_time_of_day(self, acme: Acme) -> None:
        key = acme.production_key.key
        for at, cost in (
            (NOW - timedelta(hours=1), 1),
            (NOW - timedelta(minutes=1), 10),
            (NOW - DAY - timedelta(hours=10), 100),
            (NOW - DAY - timedelta(minutes=1), 1_000),
            (NOW - DAY + timedelta(minutes=1), 10_000),
            (NOW - DAY + timedelta(hours=3), 100_000),
            (NOW - 2 * DAY, 1_000_000),
        ):
            book(key, at, cost=cost)

        found = seen(acme.production)

        assert (found.today.cost_nano, found.today.requests) == (11, 2)
        assert (found.yesterday.cost_nano, found.yesterday.requests) == (1_100, 2)

    def test_begin_with_nothing_at_midnight(self, acme: Acme) -> None:
        midnight = NOW.replace(hour=0, minute=0)
        book(acme.production_key.key, midnight - timedelta(seconds=1), cost=5)

        found = seen(acme.production, midnight)

        assert (found.today.cost_nano, found.yesterday.cost_nano) == (0, 0)

    def test_know_nothing_of_another_workspace(self, acme: Acme) -> None:
        book(acme.research_key.key, NOW, cost=5)

        assert seen(acme.production) == seen(acme.default)

    def test_tell_refusals_from_requests(self, acme: Acme) -> None:
        refuse(acme.production_key.key, NOW, count=3)

        found = seen(acme.production)

        assert (found.today.requests, found.today.refused, found.today.error_share) == (0, 3, 0.0)


class TestModels:
    def test_are_those_of_the_week_with_the_dearest_first(self, acme: Acme) -> None:
        key = acme.production_key.key
        book(key, NOW, model="a/cheap", cost=1)
        book(key, NOW - 6 * DAY, model="a/dear", cost=4)
        book(key, NOW - 5 * DAY, model="a/dear", cost=5)
        book(key, NOW - 7 * DAY, model="a/long-ago", cost=100)

        models = [(name, sums.cost_nano) for name, sums in seen(acme.production).models]

        assert models == [("a/dear", 9), ("a/cheap", 1)]


class TestTheHomePage:
    def test_says_why_a_request_was_refused_and_leads_to_it(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        key = acme.production_key.key
        refused = make_generation(
            key, status=Generation.REFUSED, detail={"message": "Workspace daily budget of $1.00 exceeded."}
        )
        make_generation(key, status=Generation.ERROR, error_type="provider_overloaded")

        page = text_of(viewers["bob"].get("/o/acme/w/production/"))

        assert "Workspace daily budget of $1.00 exceeded." in page
        assert "provider_overloaded" in page
        assert f"/o/acme/logs/{refused.public_id}" in page

    def test_shows_no_failure_of_another_workspace(self, acme: Acme, viewers: dict[str, Client]) -> None:
        make_generation(acme.production_key.key)
        make_generation(acme.research_key.key, status=Generation.ERROR, error_type="of_research")

        page = text_of(viewers["bob"].get("/o/acme/w/production/"))

        assert "of_research" not in page
        assert "Nothing was refused and nothing failed" in page
