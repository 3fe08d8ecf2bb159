"""The pages of invoices, statements and billing details."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import BillingDetails
from config.lib.scoping import tenant
from tests.accounts.test_credits import USD, buy, take_back
from tests.cast import Acme
from tests.dashboard_pages import text_of

pytestmark = pytest.mark.django_db


class TestInvoices:
    def test_are_listed_with_the_newest_first(self, acme: Acme, viewers: dict[str, Client]) -> None:
        for dollars in range(1, 53):
            buy(acme.organization, dollars * USD)

        first = viewers["alice"].get("/o/acme/credits/invoices")
        second = viewers["alice"].get("/o/acme/credits/invoices", {"page": "2"})

        assert [row.number for row in first.context["invoices"]] == list(range(52, 2, -1))
        assert [row.number for row in second.context["invoices"]] == [2, 1]

    @pytest.mark.parametrize("page", ["0", "-1", "999", "x", "\x00"])
    def test_have_some_page_for_any_number(self, acme: Acme, viewers: dict[str, Client], page: str) -> None:
        assert viewers["alice"].get("/o/acme/credits/invoices", {"page": page}).status_code == 200

    def test_read_as_they_were_issued(self, acme: Acme, viewers: dict[str, Client]) -> None:
        bought = buy(acme.organization, 25 * USD + 1)
        take_back(acme.organization, bought, USD)

        answer = text_of(viewers["alice"].get("/o/acme/credits/invoices/1"))

        assert f"Invoice {acme.organization.pk}-00001" in answer
        assert "$25.000000001" in answer
        assert "Refunded since: $1.00" in answer

    def test_show_what_was_typed_as_text(self, acme: Acme, viewers: dict[str, Client]) -> None:
        evil = "<script>alert(1)</script>"
        viewers["alice"].post(
            "/o/acme/credits/billing", {"name": evil, "address": f"a\n{evil}", "tax_id": "1"}
        )
        buy(acme.organization, USD)

        answer = viewers["alice"].get("/o/acme/credits/invoices/1").content.decode()

        assert evil not in answer
        assert "a<br>&lt;script&gt;" in answer


class TestBillingDetails:
    def test_begin_with_the_organizations_name_and_nothing_else(self, viewers: dict[str, Client]) -> None:
        form = viewers["alice"].get("/o/acme/credits/billing").context["form"]

        assert form.initial == {"name": "Acme", "address": "", "tax_id": ""}

    def test_are_changed_by_an_administrator(self, acme: Acme, viewers: dict[str, Client]) -> None:
        answer = viewers["alice"].post(
            "/o/acme/credits/billing", {"name": "Acme Ltd", "address": "1 Road", "tax_id": "XX 1"}
        )

        assert answer["Location"] == "/o/acme/credits/invoices"
        with tenant(acme.organization.pk):
            details = BillingDetails.objects.get()
        assert (details.name, details.address, details.tax_id) == ("Acme Ltd", "1 Road", "XX 1")

    @pytest.mark.parametrize(
        "form", [{}, {"name": "x" * 201}, {"name": "a\x00"}, {"name": "a", "tax_id": "1" * 51}]
    )
    def test_that_make_no_sense_are_errors_of_the_form(
        self, acme: Acme, viewers: dict[str, Client], form: dict[str, str]
    ) -> None:
        assert viewers["alice"].post("/o/acme/credits/billing", form).status_code == 422


class TestAStatement:
    def test_adds_up(self, acme: Acme, viewers: dict[str, Client]) -> None:
        bought = buy(acme.organization, 5 * USD)
        take_back(acme.organization, bought, USD)

        page = viewers["alice"].get("/o/acme/credits")
        month = page.context["months"][0]
        answer = viewers["alice"].get(f"/o/acme/credits/statements/{month:%Y-%m}")

        assert answer.context["statement"].closing_nano == 4 * USD
        assert "so far" in text_of(answer)
