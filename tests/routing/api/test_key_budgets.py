"""GET /key shows the budgets of the guardrails that a key is held to, in the order of enforcement."""

from __future__ import annotations

import pytest

from config.lib.scoping import tenant
from routing import guardrail_settings
from routing.guardrail_assignments import assign_keys, assign_members
from routing.models import Guardrail
from tests.cast import STAGE, Acme
from tests.management_api import Api, data_of
from workspaces import api_keys
from workspaces.budgets import set_budget

USD = 10**9


@pytest.fixture
def guardrails(acme: Acme) -> dict[str, Guardrail]:
    """Every layer has a limit on bob's key."""
    with tenant(acme.organization.pk):
        default = guardrail_settings.change(
            guardrail=Guardrail.default_of(acme.production), by=STAGE, limit_nano=5 * USD, limit_interval="d"
        )
        member, key = (
            guardrail_settings.create(workspace=acme.default, name=name, by=STAGE, **limit)
            for name, limit in (
                ("member", {"limit_nano": 4 * USD, "limit_interval": "w", "is_byok_in_budgets": True}),
                ("key", {"limit_nano": 3 * USD, "limit_interval": "m"}),
            )
        )
        assign_members(guardrail=member, memberships=[acme.bob], by=STAGE)
        assign_keys(guardrail=key, keys=[acme.bob_key.key], by=STAGE)
        set_budget(workspace=acme.production, interval="t", limit_nano=9 * USD, by=STAGE)
        api_keys.change(key=acme.bob_key.key, by=STAGE, limit_nano=2 * USD, limit_interval="d")
    return {"default": default, "member": member, "key": key}


class TestTheBudgetsOfAKey:
    def test_are_those_of_every_layer_in_the_order_of_enforcement(self, acme: Acme, guardrails):
        data = data_of(Api(acme.bob_key.secret).get("/key"))

        shown = [(row["scope"], row["limit_usd"], row["reset_interval"]) for row in data["budgets"]]
        assert shown == [
            ("workspace_default_member", 5, "daily"),
            ("workspace_default_key", 5, "daily"),
            ("member", 4, "weekly"),
            ("api_key", 3, "monthly"),
            ("workspace", 9, None),
            ("key_limit", 2, "daily"),
        ]
        named = [row["guardrail_id"] for row in data["budgets"]]
        default, member, key = (str(row.public_id) for row in guardrails.values())
        assert named == [default, default, member, key, None, None]
        assert [row["include_byok"] for row in data["budgets"]] == [False, False, True, False, False, False]
        assert data["effective_budget"] == data["budgets"][-1]

    def test_of_a_system_key_have_no_member(self, acme: Acme, guardrails):
        data = data_of(Api(acme.production_key.secret).get("/key"))

        assert [row["scope"] for row in data["budgets"]] == ["workspace_default_key", "workspace"]
