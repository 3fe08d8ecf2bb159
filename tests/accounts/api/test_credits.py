"""GET /credits."""

from __future__ import annotations

from decimal import Decimal

from openrouter.operations import GetCreditsResponse

from accounts.credits import deposit, refund
from accounts.models import LedgerEntry
from config.lib.scoping import tenant
from tests.cast import STAGE, Cast
from tests.management_api import Api, data_of


class TestCredits:
    def test_are_what_was_bought_less_what_was_taken_back_to_the_nano_dollar(self, cast: Cast):
        acme = cast.acme
        with tenant(acme.organization.pk):
            bought = deposit(
                organization=acme.organization,
                kind=LedgerEntry.PURCHASE,
                amount_nano=25_000_000_001,
                description="",
                by=STAGE,
            )
            refund(
                organization=acme.organization,
                purchase=bought,
                amount_nano=5_000_000_000,
                description="",
                by=STAGE,
            )

        response = Api(acme.management_key.secret).get("/credits")

        assert Decimal(str(data_of(response)["total_credits"])) == Decimal("20.000000001")
        assert b'"total_credits":20.000000001' in response.content

    def test_used_are_the_usage_lines_of_the_ledger(self, cast: Cast):
        acme = cast.acme
        with tenant(acme.organization.pk):
            LedgerEntry.objects.create(
                organization=acme.organization, kind="usage", account="credits", amount_nano=-1_500_000_000
            )

        totals = data_of(Api(acme.management_key.secret).get("/credits"))

        assert totals == {"total_credits": 0, "total_usage": 1.5}

    def test_are_each_organizations_own(self, cast: Cast):
        acme = cast.acme
        with tenant(acme.organization.pk):
            deposit(
                organization=acme.organization, kind="purchase", amount_nano=10**9, description="", by=STAGE
            )

        totals = data_of(Api(cast.globex.management_key.secret).get("/credits"))

        assert totals == {"total_credits": 0, "total_usage": 0}

    def test_parse_in_the_official_client(self, cast: Cast):
        acme = cast.acme
        with tenant(acme.organization.pk):
            deposit(organization=acme.organization, kind="purchase", amount_nano=1, description="", by=STAGE)

        answer = Api(acme.management_key.secret).get("/credits")

        assert GetCreditsResponse.model_validate_json(answer.content).data.total_credits == 1e-9
