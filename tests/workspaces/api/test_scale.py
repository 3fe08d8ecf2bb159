"""The management API of a large organization: 10,000 keys, 1,000 workspaces, 200 members."""

from __future__ import annotations

import hashlib
import statistics
import time
from collections.abc import Mapping
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import Membership, User
from config.lib.scoping import tenant
from tests.cast import STAGE, Acme
from tests.management_api import Api
from workspaces.models import ApiKey, Workspace, WorkspaceMember
from workspaces.workspaces import create

pytestmark = pytest.mark.django_db
SMALL = {"keys": 100, "workspaces": 100, "members": 100}
LARGE = {"keys": 10_000, "workspaces": 1_000, "members": 200}
PAGE, ROUNDS, FACTOR = 50, 9, 3.0
PAGES: dict[str, tuple[str, dict[str, int], dict[str, int]]] = {
    # The page of the small organization, and the page of the large one that is held against it.
    "first keys": ("/keys?workspace_id=production", {"offset": 0}, {"offset": 0}),
    "last keys": ("/keys?workspace_id=production", {"offset": 0}, {"offset": LARGE["keys"] - 100}),
    "first workspaces": ("/workspaces", {"limit": PAGE}, {"limit": PAGE}),
    "last workspaces": ("/workspaces", {"limit": PAGE}, {"limit": PAGE, "offset": 950}),
    "seats": ("/workspaces/production/members", {"limit": PAGE}, {"limit": PAGE}),
    "people": ("/organization/members", {"limit": PAGE}, {"limit": PAGE, "offset": 150}),
}


def add_members(acme: Acme, numbers: range) -> None:
    """People of the organization, all of them in production."""
    users = User.objects.bulk_create(
        [User(email=f"member-{number}@acme.example", password="!") for number in numbers]
    )
    memberships = Membership.objects.bulk_create(
        [Membership(organization=acme.organization, user=user, role="member") for user in users]
    )
    WorkspaceMember.objects.bulk_create(
        [
            WorkspaceMember(organization=acme.organization, workspace=acme.production, membership=row)
            for row in memberships
        ]
    )


def add_workspaces(acme: Acme, numbers: range) -> None:
    """Workspaces with nothing in them."""
    rows = [
        Workspace(organization=acme.organization, name=f"Workspace {number}", slug=f"w-{number}")
        for number in numbers
    ]
    Workspace.objects.bulk_create(rows)


def add_keys(acme: Acme, numbers: range) -> None:
    """Keys of production, most with limits."""
    rows = [
        ApiKey(
            organization=acme.organization,
            workspace=acme.production,
            name=f"key {number}",
            hash=hashlib.sha256(str(number).encode()).hexdigest(),
            label=f"sk-hg-v1-{number}",
            limit_nano=10**9 if number % 3 else None,
        )
        for number in numbers
    ]
    ApiKey.objects.bulk_create(rows, batch_size=1_000)


def grow(acme: Acme, before: Mapping[str, int], after: Mapping[str, int]) -> None:
    """Let the organization grow; one recorded change is what the tables' triggers ask of a transaction."""
    with transaction.atomic(), tenant(acme.organization.pk):
        create(organization=acme.organization, name="Growth", slug=f"growth-{after['keys']}", by=STAGE)
        add_members(acme, range(before["members"], after["members"]))
        add_workspaces(acme, range(before["workspaces"], after["workspaces"]))
        add_keys(acme, range(before["keys"], after["keys"]))


def cost_of(api: Api, path: str, query: Mapping[str, int]) -> tuple[int, float]:
    """Statements, and the median of the CPU seconds and the database's, that a page takes."""
    address = path + ("&" if "?" in path else "?") + "&".join(f"{name}={n}" for name, n in query.items())
    seconds = []
    for _ in range(ROUNDS):
        with CaptureQueriesContext(connection) as statements:
            began = time.perf_counter()
            answer: Any = api.send("get", address)
            seconds.append(time.perf_counter() - began)
        assert answer.status_code == 200
    return len(statements), statistics.median(seconds)


class TestALargeOrganization:
    @pytest.mark.full
    def test_is_listed_at_the_price_of_a_small_one(self, acme: Acme):
        api = Api(acme.management_key.secret)
        grow(acme, dict.fromkeys(SMALL, 0), SMALL)
        small = {name: cost_of(api, path, query) for name, (path, query, _) in PAGES.items()}

        grow(acme, SMALL, LARGE)
        large = {name: cost_of(api, path, query) for name, (path, _, query) in PAGES.items()}

        assert {name: cost[0] for name, cost in large.items()} == {
            name: cost[0] for name, cost in small.items()
        }
        ratios = {name: round(large[name][1] / small[name][1], 2) for name in PAGES}
        print(ratios)
        assert all(ratio <= FACTOR for ratio in ratios.values()), ratios
