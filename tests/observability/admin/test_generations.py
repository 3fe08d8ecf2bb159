"""Generations in the Django admin: found by id, listed by key, never counted."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from observability.models import Generation
from tests.admin_pages import page, text_of
from tests.dashboard_pages import make_generation

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


@pytest.fixture
def generations(acme, globex):
    """Sixty of acme's and one of globex's, the newest first."""
    make_generation(globex.default_key.key, model="globex/secret")
    return [make_generation(acme.production_key.key, seconds_ago=age) for age in range(1, 61)]


def listed(client, query=""):
    return client.get(page(Generation, "changelist") + query).context["cl"]


class TestTheList:
    def test_is_read_by_key_to_its_end(self, doors, generations):
        first = listed(doors["alice"])
        second = listed(doors["alice"], first.next_query())

        assert [row.pk for row in (*first.result_list, *second.result_list)] == [
            row.pk for row in generations
        ]
        assert second.next_key == ""

    def test_counts_nothing(self, doors, generations):
        with CaptureQueriesContext(connection) as queries:
            listed(doors["alice"])

        assert [query["sql"] for query in queries if "count(" in query["sql"].lower()] == []

    def test_names_the_workspace(self, doors, generations):
        assert "Production" in text_of(doors["alice"].get(page(Generation, "changelist")))

    def test_is_of_ones_own_organizations(self, doors, generations):
        assert "globex/secret" not in text_of(doors["alice"].get(page(Generation, "changelist")))
        assert "globex/secret" in text_of(doors["mallory"].get(page(Generation, "changelist")))
        assert "globex/secret" in text_of(doors["staff"].get(page(Generation, "changelist")))

    def test_is_filtered_by_what_one_may_see(self, doors, acme, globex, generations):
        own = listed(doors["mallory"], f"?workspace_id={globex.default.pk}")
        foreign = listed(doors["mallory"], f"?workspace_id={acme.production.pk}")

        assert (own.result_count, foreign.result_count) == (1, 0)

    @pytest.mark.parametrize(
        ("query", "count"),
        [
            ("?model=simulator/echo", 50),
            ("?model=simulator", 0),
            ("?status=refused", 0),
            ("?status=completed", 50),
        ],
    )
    def test_is_filtered_exactly(self, doors, generations, query, count):
        assert listed(doors["alice"], query).result_count == count

    def test_finds_one_by_its_id(self, doors, generations):
        found = listed(doors["alice"], f"?q={generations[7].public_id}")

        assert [row.pk for row in found.result_list] == [generations[7].pk]

    def test_does_not_find_another_tenants(self, doors, generations):
        assert listed(doors["mallory"], f"?q={generations[7].public_id}").result_count == 0
