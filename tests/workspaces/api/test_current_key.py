"""GET /key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from accounts.credits import deposit
from config.lib.scoping import tenant
from tests.cast import STAGE, Acme
from tests.management_api import Api, data_of
from tests.workspaces.api.test_keys import book
from workspaces import api_keys
from workspaces.budgets import set_budget


class TestAnInferenceKey:
    def test_is_told_about_itself(self, acme: Acme):
        data = data_of(Api(acme.bob_key.secret).get("/key"))

        assert data["label"] == acme.bob_key.key.label
        assert (data["is_management_key"], data["is_provisioning_key"]) == (False, False)
        assert data["organization_id"] == str(acme.organization.public_id)
        assert data["workspace_id"] == str(acme.production.public_id)
        assert data["creator_user_id"] == acme.bob.user.public_id
        assert (data["budgets"], data["effective_budget"], data["limit"]) == ([], None, None)
        assert data["free_model_daily_requests"] == {"limit": 50, "used": 0, "remaining": 50}

    def test_of_an_organization_that_paid_is_on_no_free_tier(self, acme: Acme):
        before = data_of(Api(acme.bob_key.secret).get("/key"))
        with tenant(acme.organization.pk):
            deposit(
                organization=acme.organization,
                kind="purchase",
                amount_nano=10 * 10**9,
                description="",
                by=STAGE,
            )

        after = data_of(Api(acme.bob_key.secret).get("/key"))

        assert (before["is_free_tier"], after["is_free_tier"]) == (True, False)
        assert after["free_model_daily_requests"]["limit"] == 1000

    @pytest.mark.django_db(transaction=True, databases=["default", "owner"])
    def test_sees_every_limit_in_the_order_of_enforcement_and_the_one_that_stops_first(self, acme: Acme):
        now = datetime.now(UTC)
        with tenant(acme.organization.pk):
            set_budget(workspace=acme.production, interval="d", limit_nano=3 * 10**9, by=STAGE)
            set_budget(workspace=acme.production, interval="t", limit_nano=9 * 10**9, by=STAGE)
            api_keys.change(key=acme.bob_key.key, by=STAGE, limit_nano=2 * 10**9, limit_interval="m")
        hour = now.replace(minute=0, second=0, microsecond=0)
        book(acme, acme.production_key.key, hour=hour, cost_nano=2 * 10**9, byok_nano=10**9)
        book(acme, acme.bob_key.key, hour=hour, cost_nano=500_000_000, byok_nano=0)

        data = data_of(Api(acme.bob_key.secret).get("/key"))

        shown = [(row["scope"], row["reset_interval"], row["remaining_usd"]) for row in data["budgets"]]
        assert shown == [("workspace", None, 6.5), ("workspace", "daily", 0.5), ("key_limit", "monthly", 1.5)]
        assert data["effective_budget"] == data["budgets"][1]
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        assert data["effective_budget"]["resets_at"] == midnight.isoformat().replace("+00:00", "Z")
        assert data["budgets"][2]["budget_id"] is None


class TestAManagementKey:
    def test_is_told_about_itself(self, acme: Acme):
        data = data_of(Api(acme.management_key.secret).get("/key"))

        assert data["label"] == acme.management_key.key.label
        assert (data["is_management_key"], data["is_provisioning_key"]) == (True, True)
        assert (data["workspace_id"], data["usage"], data["limit"]) == (None, 0, None)
