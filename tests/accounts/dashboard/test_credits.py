"""The page of credits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.test import Client

from accounts.credits import deposit
from accounts.forecast import Forecast
from accounts.models import LedgerEntry
from config.lib.scoping import tenant
from tests.cast import STAGE, Acme
from tests.dashboard_pages import HTMX, text_of

pytestmark = pytest.mark.django_db


def pay(acme: Acme, *amounts: int, kind: str = LedgerEntry.PURCHASE) -> None:
    """Book deposits, one after the other."""
    with tenant(acme.organization.pk):
        for amount in amounts:
            deposit(
                organization=acme.organization,
                kind=kind,
                amount_nano=amount,
                description=f"number {amount}",
                by=STAGE,
            )


class TestCredits:
    def test_are_what_was_deposited_less_what_was_used(self, acme: Acme, viewers: dict[str, Client]) -> None:
        pay(acme, 20_000_000_000)
        pay(acme, -1_500_000_000, kind=LedgerEntry.ADJUSTMENT)

        answer = viewers["alice"].get("/o/acme/credits")

        assert answer.context["balance_nano"] == 18_500_000_000

    def test_are_listed_to_the_last_nano_dollar(self, acme: Acme, viewers: dict[str, Client]) -> None:
        pay(acme, 1)

        answer = text_of(viewers["alice"].get("/o/acme/credits"))

        assert "+$0.000000001" in answer
        assert "number 1" in answer

    def test_are_listed_page_by_page(self, acme: Acme, viewers: dict[str, Client]) -> None:
        pay(acme, *range(1, 61))

        first = viewers["alice"].get("/o/acme/credits")
        rest = viewers["alice"].get(
            "/o/acme/credits", {"before": first.context["page"].next_cursor}, headers=HTMX
        )

        shown = [line.amount_nano for line in [*first.context["page"].rows, *rest.context["page"].rows]]
        assert shown == list(range(60, 0, -1))
        assert rest.context["page"].next_cursor is None

    def test_can_be_narrowed_to_one_kind(self, acme: Acme, viewers: dict[str, Client]) -> None:
        pay(acme, 5)

        answer = viewers["alice"].get("/o/acme/credits", {"kind": "usage"})

        assert list(answer.context["page"].rows) == []

    def test_can_be_narrowed_to_some_days(self, acme: Acme, viewers: dict[str, Client]) -> None:
        pay(acme, 5)
        today = f"{datetime.now(UTC):%Y-%m-%d}"

        shown = [
            len(viewers["alice"].get("/o/acme/credits", query).context["page"].rows)
            for query in (
                {"since": today, "until": today},
                {"since": "2100-01-01"},
                {"until": "2020-01-01"},
                {"since": "never", "until": "9999-12-31", "kind": "nonsense"},
            )
        ]

        assert shown == [1, 0, 0, 1]

    def test_keep_their_filters_from_page_to_page_and_into_the_file(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        pay(acme, *range(1, 61))

        answer = text_of(viewers["alice"].get("/o/acme/credits", {"kind": "purchase"}))

        assert "?kind=purchase&before=" in answer
        assert "/o/acme/credits/ledger.csv?kind=purchase" in answer

    def test_of_another_organization_are_never_among_them(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        pay(acme, 7)

        answer = viewers["mallory"].get("/o/globex/credits")

        assert answer.context["balance_nano"] == 0
        assert list(answer.context["page"].rows) == []


def spend(acme: Acme, amount: int, *, days_ago: float) -> None:
    """Book usage as ingest does, some time ago."""
    at = datetime.now(UTC) - timedelta(days=days_ago)
    rows = LedgerEntry.objects.using("owner").unscoped(reason="a test plays ingest")
    for account, nano in ((LedgerEntry.CREDITS, -amount), (LedgerEntry.REVENUE, amount)):
        rows.create(
            transaction=UUID(int=int(days_ago * 1000) + 1),
            organization=acme.organization,
            kind=LedgerEntry.USAGE,
            account=account,
            amount_nano=nano,
            created_at=at,
        )


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
class TestHowLongTheyLast:
    def forecast(self, viewers: dict[str, Client]) -> Forecast | None:
        found: Forecast | None = viewers["alice"].get("/o/acme/credits").context["forecast"]
        return found

    def test_is_what_is_left_by_an_average_day_of_the_last_week(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        pay(acme, 37 * 10**9)
        spend(acme, 10**10, days_ago=30)
        spend(acme, 4 * 10**9, days_ago=6.5)
        spend(acme, 3 * 10**9, days_ago=0.5)

        assert self.forecast(viewers) == Forecast(per_day_nano=10**9, days_seen=7, days_left=20)

    def test_counts_no_days_before_the_first_spend(self, acme: Acme, viewers: dict[str, Client]) -> None:
        pay(acme, 10 * 10**9)
        spend(acme, 4 * 10**9, days_ago=1.5)

        assert self.forecast(viewers) == Forecast(per_day_nano=2 * 10**9, days_seen=2, days_left=3)

    def test_is_not_told_in_days_beyond_a_year(self, acme: Acme, viewers: dict[str, Client]) -> None:
        pay(acme, 10**12)
        spend(acme, 10**6, days_ago=0.1)

        assert self.forecast(viewers) == Forecast(per_day_nano=10**6, days_seen=1, days_left=None)
        assert "more than a year" in text_of(viewers["alice"].get("/o/acme/credits"))

    def test_is_unknown_without_spend(self, acme: Acme, viewers: dict[str, Client]) -> None:
        pay(acme, 10**9)

        assert self.forecast(viewers) is None
        assert "Nothing was spent in the last seven days" in text_of(viewers["alice"].get("/o/acme/credits"))
