"""Invoices: one per purchase, numbered without a gap, and never changed; and whom they are made out to."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.db import connections

from accounts.billing import set_billing
from accounts.invoices import find_invoice, invoices_of
from accounts.models import BillingDetails, Invoice, Organization, Revision
from accounts.restoring import CannotRestore, Recorded, restorers
from config.lib.environment import environment
from config.lib.scoping import tenant
from tests.accounts.test_credits import USD, buy, take_back
from tests.books_check import violations
from tests.cast import STAGE, Cast

pytestmark = pytest.mark.django_db


def bill(organization: Organization, name: str) -> BillingDetails:
    """Billing details with this name."""
    with tenant(organization.pk):
        return set_billing(
            organization=organization, name=name, address="1 Road\nTown", tax_id="XX 1", by=STAGE
        )


def invoices(organization: Organization) -> list[Invoice]:
    """All of them, oldest first."""
    with tenant(organization.pk):
        return list(invoices_of(organization))[::-1]


class TestAnInvoice:
    def test_comes_with_each_purchase(self, cast: Cast):
        bought = buy(cast.acme.organization, 25 * USD)

        [invoice] = invoices(cast.acme.organization)
        assert (invoice.purchase, invoice.amount_nano) == (bought, 25 * USD)
        assert invoice.lines == [{"description": "bought", "amount_nano": 25 * USD}]

    def test_is_numbered_per_organization(self, cast: Cast):
        for organization in (cast.acme.organization, cast.globex.organization, cast.acme.organization):
            buy(organization, USD)

        assert [invoice.number for invoice in invoices(cast.acme.organization)] == [1, 2]
        assert [invoice.number for invoice in invoices(cast.globex.organization)] == [1]

    def test_is_made_out_to_the_organization_until_it_says_otherwise(self, cast: Cast):
        buy(cast.acme.organization, USD)

        assert invoices(cast.acme.organization)[0].billed_name == "Acme"

    def test_keeps_a_copy_of_the_billing_details(self, cast: Cast):
        bill(cast.acme.organization, "Acme Ltd")
        buy(cast.acme.organization, USD)
        bill(cast.acme.organization, "Acme Holding")
        buy(cast.acme.organization, USD)

        first, second = invoices(cast.acme.organization)

        assert (first.billed_name, first.billed_address, first.billed_tax_id) == (
            "Acme Ltd",
            "1 Road\nTown",
            "XX 1",
        )
        assert second.billed_name == "Acme Holding"

    def test_says_whom_it_is_from(self, cast: Cast, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("HEADGATE_INVOICE_ISSUER", "Gate Ltd\\n2 Road")
        environment.cache_clear()
        buy(cast.acme.organization, USD)
        environment.cache_clear()

        assert invoices(cast.acme.organization)[0].issuer == "Gate Ltd\n2 Road"

    def test_knows_what_was_refunded_since(self, cast: Cast):
        bought = buy(cast.acme.organization, 5 * USD)
        take_back(cast.acme.organization, bought, 2 * USD)

        with tenant(cast.acme.organization.pk):
            found = find_invoice(cast.acme.organization, "1")
        assert found is not None
        assert found.refunded_nano == 2 * USD

    @pytest.mark.parametrize("number", ["2", "0", "-1", "1.0", "one", "", "9" * 40, "١"])
    def test_that_is_not_there_is_not_found(self, cast: Cast, number: str):
        buy(cast.acme.organization, USD)

        with tenant(cast.acme.organization.pk):
            assert find_invoice(cast.acme.organization, number) is None

    def test_of_another_organization_is_not_found(self, cast: Cast):
        buy(cast.acme.organization, USD)

        with tenant(cast.globex.organization.pk):
            assert find_invoice(cast.globex.organization, "1") is None


class TestBillingDetails:
    def test_are_recorded(self, cast: Cast):
        bill(cast.acme.organization, "Acme Ltd")
        bill(cast.acme.organization, "Acme Holding")

        with tenant(cast.acme.organization.pk):
            changes = Revision.objects.filter(object_type="billingdetails").order_by("pk")
            assert [change.action for change in changes] == ["create", "update"]
            assert changes[1].before["name"] == "Acme Ltd"

    def test_are_brought_back(self, cast: Cast):
        acme = cast.acme.organization
        bill(acme, "Acme Ltd")
        bill(acme, "Acme Holding")

        with tenant(acme.pk):
            state = Revision.objects.filter(object_type="billingdetails").order_by("pk")[0].after
            restorers.at("billingdetails")(Recorded(acme.pk, str(acme.pk), state), STAGE)
            assert BillingDetails.objects.get().name == "Acme Ltd"

    def test_are_not_taken_away(self, cast: Cast):
        acme = cast.acme.organization

        with tenant(acme.pk), pytest.raises(CannotRestore):
            restorers.at("billingdetails")(Recorded(acme.pk, str(acme.pk), None), STAGE)

    def test_are_each_organizations_own(self, cast: Cast):
        bill(cast.acme.organization, "Acme Ltd")
        buy(cast.globex.organization, USD)

        assert invoices(cast.globex.organization)[0].billed_name == "Globex"
        with tenant(cast.globex.organization.pk):
            assert not BillingDetails.objects.exists()


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
class TestPurchasesFromBeforeThereWereInvoices:
    def test_get_theirs_in_the_order_in_which_they_were_booked(self, cast: Cast):
        bought = [buy(cast.acme.organization, nano) for nano in (3, 1, 2)]
        buy(cast.globex.organization, USD)
        fill = import_module("accounts.migrations.0019_fill_invoices").FILL

        with connections["owner"].cursor() as cursor:
            cursor.execute("DELETE FROM invoice")
            cursor.execute(fill)

        assert [invoice.purchase for invoice in invoices(cast.acme.organization)] == bought
        assert violations() == {}
