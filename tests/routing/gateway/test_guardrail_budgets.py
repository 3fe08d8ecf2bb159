"""A guardrail's budget stops requests: per member and per key, by itself, exactly, and within a second of a change."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from typing import Any

import pytest

from accounts.models import Membership
from config.lib.scoping import tenant
from routing import guardrail_settings
from routing.guardrail_assignments import assign_keys, assign_members
from routing.models import Guardrail
from tests.cast import STAGE, Acme
from tests.routing.gateway.process import question
from tests.routing.simulator.process import wait_until
from workspaces import api_keys, workspaces
from workspaces.api_keys import IssuedKey
from workspaces.budgets import delete_budget, set_budget

pytestmark = pytest.mark.usefixtures("shell")

PRICE = 10_000_000
"""Of a request to test/flat, which is also what is held for it."""


class Place:
    """A workspace of acme's own for a test; every method is a change that is committed."""

    def __init__(self, acme: Acme) -> None:
        self.organization = acme.organization
        with self.scope():
            slug = f"test-{uuid.uuid4().hex[:8]}"
            self.workspace = workspaces.create(organization=acme.organization, name="T", slug=slug, by=STAGE)

    def scope(self):
        return tenant(self.organization.pk)

    def issue(self, *, workspace=None, **fields: Any) -> IssuedKey:
        with self.scope():
            return api_keys.issue(workspace=workspace or self.workspace, name="test", by=STAGE, **fields)

    def change_key(self, issued: IssuedKey, **fields: Any) -> None:
        with self.scope():
            api_keys.change(key=issued.key, by=STAGE, **fields)

    def limit(self, requests: float | None) -> None:
        """Let each key and each member here pay for so many requests a day."""
        with self.scope():
            default = Guardrail.default_of(self.workspace)
            guardrail_settings.change(guardrail=default, by=STAGE, **budget(requests))

    def hold(self, holder: IssuedKey | Membership, requests: float) -> Guardrail:
        """Hold a key or a member to another guardrail with such a budget."""
        with self.scope():
            guardrail = guardrail_settings.create(
                workspace=self.workspace, name="Budget", by=STAGE, **budget(requests)
            )
            if isinstance(holder, Membership):
                assign_members(guardrail=guardrail, memberships=[holder], by=STAGE)
            else:
                assign_keys(guardrail=guardrail, keys=[holder.key], by=STAGE)
        return guardrail

    def delete(self, guardrail: Guardrail) -> None:
        with self.scope():
            guardrail_settings.delete(guardrail=guardrail, by=STAGE)

    def make_strict(self) -> None:
        with self.scope():
            workspaces.change(workspace=self.workspace, is_strict=True, by=STAGE)


def budget(requests: float | None) -> dict[str, Any]:
    if requests is None:
        return {"limit_nano": None, "limit_interval": None}
    return {"limit_nano": int(requests * PRICE), "limit_interval": "d"}


@pytest.fixture
def place(stage) -> Place:
    return Place(stage.acme)


@pytest.fixture
def ask(gateway):
    """The statuses of requests with these secrets, one after the other."""

    def statuses(*secrets: str) -> list[int]:
        return [gateway.ask(secret, "test/flat").status for secret in secrets]

    return statuses


def comes_within_a_second(is_so) -> bool:
    began = time.monotonic()
    wait_until(is_so, what="a change")
    return time.monotonic() - began < 1.0


class TestAWorkspacesGuardrail:
    def test_lets_each_key_spend_its_budget(self, ask, place):
        place.limit(2)
        first, second = place.issue().secret, place.issue().secret

        assert ask(*[first] * 4, *[second] * 3) == [200, 200, 403, 403, 200, 200, 403]

    def test_lets_all_keys_of_a_member_spend_it_once(self, gateway, ask, place, stage):
        place.limit(2)
        first, second = (place.issue(owner=stage.acme.alice).secret for _ in range(2))

        assert ask(first, second, first) == [200, 200, 403]
        error = gateway.ask(second, "test/flat").json()["error"]
        assert error["message"] == (
            "Workspace guardrail daily budget of $0.02 per member exceeded. Contact your org admin."
        )
        assert error["metadata"]["error_type"] == "permission_denied"

    def test_of_nothing_blocks_all(self, ask, place):
        place.limit(0)

        assert ask(place.issue().secret) == [403]

    def test_is_exact_in_a_strict_workspace(self, ask, place):
        place.make_strict()
        place.limit(2.5)

        assert ask(*[place.issue().secret] * 4) == [200, 200, 403, 403]

    def test_that_is_changed_counts_within_a_second(self, ask, place):
        place.limit(1)
        secret = place.issue().secret
        assert ask(secret, secret) == [200, 403]

        place.limit(2)
        assert comes_within_a_second(lambda: ask(secret) == [200])
        assert ask(secret) == [403]
        place.limit(None)
        assert comes_within_a_second(lambda: ask(secret) == [200])
        place.limit(3)
        assert comes_within_a_second(lambda: ask(secret) == [403])


class TestAWorkspacesBudget:
    def test_is_named_by_its_broadest_interval_that_is_spent(self, gateway, ask, place):
        with place.scope():
            for interval, requests in (("t", 9), ("m", 2), ("d", 1)):
                set_budget(
                    workspace=place.workspace, interval=interval, limit_nano=requests * PRICE, by=STAGE
                )
        secret = place.issue().secret

        assert ask(secret, secret) == [200, 403]
        with place.scope():
            delete_budget(workspace=place.workspace, interval="d", by=STAGE)
        assert comes_within_a_second(lambda: ask(secret) == [200])
        message = gateway.ask(secret, "test/flat").json()["error"]["message"]
        assert message == "Workspace monthly budget of $0.02 exceeded. Contact your org admin."


class TestAnAssignedGuardrail:
    def test_limits_a_member_in_all_his_workspaces(self, gateway, ask, place, stage):
        alice = stage.acme.alice
        here = place.issue(owner=alice).secret
        there = place.issue(workspace=stage.acme.default, owner=alice).secret
        guardrail = place.hold(alice, 2)

        try:
            assert ask(here, there, here) == [200, 200, 403]
            message = gateway.ask(there, "test/flat").json()["error"]["message"]
            assert message.startswith("Member guardrail daily budget of $0.02 exceeded.")
        finally:
            place.delete(guardrail)

    def test_and_the_keys_own_limit_are_checked_each_on_its_own(self, ask, place):
        issued = place.issue(limit_nano=PRICE, limit_interval="d")
        place.hold(issued, 2)

        assert ask(*[issued.secret] * 2) == [200, 402]
        place.change_key(issued, limit_nano=10 * PRICE)

        assert comes_within_a_second(lambda: ask(issued.secret) == [200])
        assert ask(issued.secret) == [403]


class TestTwoProcesses:
    def test_together_let_through_exactly_what_a_budget_pays_for(self, gateway, start_gateway, place, stage):
        place.limit(20)
        secrets = [place.issue(owner=stage.acme.alice).secret for _ in range(3)]
        jobs = list(islice(zip(cycle([gateway, start_gateway()]), cycle(secrets), strict=False), 81))

        with ThreadPoolExecutor(40) as pool:
            answers = Counter(pool.map(lambda job: job[0].post(job[1], question("test/flat")).status, jobs))

        assert answers == {200: 20, 403: 61}
