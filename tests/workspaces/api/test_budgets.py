"""/workspaces/{id}/budgets."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections

from config.lib.scoping import tenant
from config.lib.subjects import workspace_subject
from tests.cast import STAGE, Acme
from tests.management_api import Api, data_of, error_of
from workspaces import workspaces
from workspaces.models import Purse, WorkspaceBudget

BUDGETS = "/workspaces/production/budgets"


@pytest.fixture
def api(acme: Acme) -> Api:
    """Acme's management API."""
    return Api(acme.management_key.secret)


def purses(acme: Acme) -> dict[str, tuple[int | None, int | None, bool]]:
    """What the workspace's purses are compared with: plain limit, limit with BYOK, strictness."""
    with tenant(acme.organization.pk):
        rows = Purse.objects.filter(subject=workspace_subject(acme.production.pk))
        return {row.interval: (row.limit_nano, row.limit_with_byok_nano, row.is_strict) for row in rows}


class TestSettingABudget:
    def test_limits_the_workspaces_purse(self, acme: Acme, api: Api):
        budget = data_of(api.put(f"{BUDGETS}/monthly", {"limit_usd": 500.000000001}))

        assert (budget["limit_usd"], budget["reset_interval"]) == (500.000000001, "monthly")
        assert purses(acme) == {"m": (500_000_000_001, None, False)}

    def test_again_changes_it(self, acme: Acme, api: Api):
        first = data_of(api.put(f"{BUDGETS}/daily", {"limit_usd": 5}))

        second = data_of(api.put(f"{BUDGETS}/daily", {"limit_usd": 6}))

        assert (second["id"], second["limit_usd"]) == (first["id"], 6)
        assert purses(acme) == {"d": (6 * 10**9, None, False)}

    def test_for_a_lifetime_has_no_interval(self, api: Api):
        assert data_of(api.put(f"{BUDGETS}/lifetime", {"limit_usd": 5}))["reset_interval"] is None

    def test_may_count_byok_in_all_of_them(self, acme: Acme, api: Api):
        api.put(f"{BUDGETS}/daily", {"limit_usd": 5})

        body = json.loads(
            api.put(f"{BUDGETS}/weekly", {"limit_usd": 6, "include_byok_in_budgets": True}).content
        )

        assert body["include_byok_in_budgets"] is True
        assert purses(acme) == {"d": (None, 5 * 10**9, False), "w": (None, 6 * 10**9, False)}
        assert data_of(api.get("/workspaces/production"))["include_byok_in_budgets"] is True

    def test_follows_the_workspaces_strictness(self, acme: Acme, api: Api):
        api.put(f"{BUDGETS}/daily", {"limit_usd": 5})

        with tenant(acme.organization.pk):
            workspaces.change(workspace=acme.production, by=STAGE, is_strict=True)

        assert purses(acme) == {"d": (5 * 10**9, None, True)}

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"limit_usd": 0},
            {"limit_usd": -1},
            {"limit_usd": None},
            {"limit_usd": "5"},
            {"limit_usd": True},
            {"limit_usd": 0.0000000001},
            {"limit_usd": 10**10},
            {"limit_usd": 5, "include_byok_in_budgets": None},
            {"limit_usd": 5, "reset_interval": "daily"},
        ],
    )
    def test_refuses_what_is_no_budget(self, api: Api, body: dict[str, Any]):
        assert error_of(api.put(f"{BUDGETS}/daily", body))[0] == 400

    @pytest.mark.parametrize(
        "number", [b"1e400", b"1.0000000000000000000000000000000000001", b"1" * 70, b"Infinity"]
    )
    def test_refuses_numbers_that_cannot_be_kept_exactly(self, api: Api, number: bytes):
        assert error_of(api.send("put", f"{BUDGETS}/daily", b'{"limit_usd":%s}' % number))[0] == 400

    @pytest.mark.parametrize("interval", ["yearly", "d", "Daily"])
    def test_refuses_another_interval(self, api: Api, interval: str):
        for method in ("get", "put", "delete"):
            assert error_of(api.send(method, f"{BUDGETS}/{interval}", {"limit_usd": 1}))[0] == 400


class TestTheOrderOfBudgets:
    @pytest.mark.parametrize(
        ("first", "second"),
        [
            (("monthly", 5), ("weekly", 5)),
            (("weekly", 5), ("monthly", 4)),
            (("lifetime", 5), ("daily", 6)),
            (("daily", 5), ("lifetime", 5)),
        ],
    )
    def test_is_kept_whichever_comes_first(self, api: Api, first: tuple[str, int], second: tuple[str, int]):
        api.put(f"{BUDGETS}/{first[0]}", {"limit_usd": first[1]})

        status, message = error_of(api.put(f"{BUDGETS}/{second[0]}", {"limit_usd": second[1]}))

        assert status == 400
        assert first[0] in message
        assert second[0] in message

    def test_lists_the_broadest_first(self, api: Api):
        for interval, limit in (("daily", 1), ("lifetime", 4), ("weekly", 2), ("monthly", 3)):
            api.put(f"{BUDGETS}/{interval}", {"limit_usd": limit})

        assert [row["reset_interval"] for row in data_of(api.get(BUDGETS))] == [
            None,
            "monthly",
            "weekly",
            "daily",
        ]

    @pytest.mark.django_db(transaction=True)
    def test_holds_under_concurrent_writes(self, acme: Acme, api: Api):
        intervals = ("lifetime", "monthly", "weekly", "daily")

        def write(seed: int) -> None:
            own = Api(acme.management_key.secret)
            for step in range(8):
                interval, limit = intervals[(seed + step) % 4], 1 + (seed * 7 + step * 5) % 12
                response = own.put(f"{BUDGETS}/{interval}", {"limit_usd": limit})
                assert response.status_code in (200, 400), response.content
                if step % 3 == seed % 3:
                    own.delete(f"{BUDGETS}/{interval}")

        in_threads([lambda seed=seed: write(seed) for seed in range(4)])

        limits = [row["limit_usd"] for row in data_of(api.get(BUDGETS))]
        assert limits == sorted(set(limits), reverse=True)
        expected = {
            row["reset_interval"] or "lifetime": row["limit_usd"] for row in data_of(api.get(BUDGETS))
        }
        with tenant(acme.organization.pk):
            kept = {row.interval_name: row.limit_nano / 10**9 for row in WorkspaceBudget.objects.all()}
        assert kept == expected
        letters = {WorkspaceBudget.INTERVALS[name]: int(limit * 10**9) for name, limit in expected.items()}
        assert {name: row[0] for name, row in purses(acme).items() if row[0] is not None} == letters


class TestDeletingABudget:
    def test_lifts_the_limit(self, acme: Acme, api: Api):
        api.put(f"{BUDGETS}/daily", {"limit_usd": 5})

        response = api.delete(f"{BUDGETS}/daily")

        assert json.loads(response.content) == {"deleted": True}
        assert api.get(f"{BUDGETS}/daily").status_code == 404
        assert purses(acme) == {"d": (None, None, False)}

    def test_that_does_not_exist_succeeds(self, api: Api):
        assert json.loads(api.delete(f"{BUDGETS}/weekly").content) == {"deleted": True}


def in_threads(tasks: list[Callable[[], None]]) -> None:
    """Run the tasks at once, each on connections of its own, and raise what any of them raised."""
    failures: list[BaseException] = []

    def run(task: Callable[[], None]) -> None:
        try:
            task()
        except BaseException as error:
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if failures:
        raise failures[0]
