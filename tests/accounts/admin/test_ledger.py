"""What staff book in the Django admin, and whom administrators have their invoices made out to."""

from __future__ import annotations

import html
import re
import uuid

import pytest

from accounts.credits import deposited_nano
from accounts.models import BillingDetails, LedgerEntry, Revision
from config.lib.scoping import tenant
from tests.admin_pages import errors_of, page, text_of

pytestmark = pytest.mark.django_db


def newest_revision(organization):
    with tenant(organization.pk):
        return Revision.objects.for_organization(organization).order_by("-pk").first()


class TestTheLedger:
    def deposit(self, client, acme, **fields):
        values = {
            "organization": acme.organization.pk,
            "kind": "adjustment",
            "amount_nano": "-1.5",
            "description": "A mistake of ours",
        }
        return client.post(page(LedgerEntry, "add"), values | fields)

    def test_is_adjusted_by_staff_with_a_reason(self, doors, acme, staff):
        self.deposit(doors["staff"], acme)

        with tenant(acme.organization.pk):
            lines = list(LedgerEntry.objects.for_organization(acme.organization))
            assert deposited_nano(acme.organization) == -1_500_000_000
        assert sum(line.amount_nano for line in lines) == 0
        assert {line.created_by_id for line in lines} == {staff.pk}

    def test_is_not_adjusted_without_a_reason(self, doors, acme):
        assert "description" in errors_of(self.deposit(doors["staff"], acme, description=""))

    @pytest.mark.parametrize("amount", ["0", "-1"])
    def test_takes_no_purchase_of_nothing_or_less(self, doors, acme, amount):
        answer = self.deposit(doors["staff"], acme, kind="purchase", amount_nano=amount)

        assert "amount_nano" in errors_of(answer)

    def test_takes_no_usage_by_hand(self, doors, acme):
        assert "kind" in errors_of(self.deposit(doors["staff"], acme, kind="usage"))

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"kind": "refund"}, "refers_to"),
            ({"kind": "refund", "refers_to": "not an id"}, "refers_to"),
            (
                {"kind": "refund", "refers_to": "d98bae77-b693-4171-9d4a-97ad7e74ec45", "amount_nano": "1"},
                "refers_to",
            ),
            ({"kind": "transfer"}, "destination"),
            ({"kind": "transfer", "destination": "999999999"}, "destination"),
            ({"kind": "adjustment", "refers_to": str(uuid.uuid4())}, "refers_to"),
        ],
    )
    def test_wants_what_an_entry_refers_to_and_nothing_else(self, doors, acme, fields, field):
        assert field in errors_of(self.deposit(doors["staff"], acme, **fields))

    def bought(self, doors, acme, amount="5"):
        self.deposit(doors["staff"], acme, kind="purchase", amount_nano=amount)
        with tenant(acme.organization.pk):
            return LedgerEntry.objects.get(kind="purchase", account="credits")

    def test_refunds_a_purchase_from_its_page(self, doors, acme):
        line = self.bought(doors, acme)
        text = text_of(doors["staff"].get(page(LedgerEntry, "change", line.pk)))
        address = html.unescape(re.search(r'href="([^"]*kind=refund[^"]*)"', text).group(1))
        form = doors["staff"].get(address).context["adminform"].form

        self.deposit(doors["staff"], acme, **{name: form[name].value() for name in form.initial})

        with tenant(acme.organization.pk):
            refunded = LedgerEntry.objects.get(kind="refund", account="credits")
            assert (refunded.amount_nano, refunded.refers_to) == (-5_000_000_000, line.transaction)

    def test_refunds_no_more_than_is_left(self, doors, acme):
        line = self.bought(doors, acme)

        answer = self.deposit(
            doors["staff"], acme, kind="refund", refers_to=str(line.transaction), amount_nano="5.01"
        )

        assert "amount_nano" in errors_of(answer)

    def test_shows_an_organizations_administrator_no_way_to_refund(self, doors, acme):
        line = self.bought(doors, acme)

        assert "kind=refund" not in text_of(doors["alice"].get(page(LedgerEntry, "change", line.pk)))

    def test_moves_credits_to_another_organization(self, doors, acme, globex):
        self.bought(doors, acme)

        self.deposit(
            doors["staff"], acme, kind="transfer", destination=globex.organization.pk, amount_nano="2"
        )

        for organization, nano in ((acme.organization, 3 * 10**9), (globex.organization, 2 * 10**9)):
            with tenant(organization.pk):
                assert deposited_nano(organization) == nano

    def test_moves_no_more_than_is_left(self, doors, acme, globex):
        answer = self.deposit(
            doors["staff"], acme, kind="transfer", destination=globex.organization.pk, amount_nano="2"
        )

        assert "amount_nano" in errors_of(answer)

    def test_takes_a_reference_once(self, doors, acme):
        self.deposit(doors["staff"], acme, reference="wire 1")
        self.deposit(doors["staff"], acme, reference="wire 1")

        answer = self.deposit(doors["staff"], acme, reference="wire 1", amount_nano="7")

        assert "reference" in errors_of(answer)
        with tenant(acme.organization.pk):
            assert deposited_nano(acme.organization) == -1_500_000_000

    def test_is_not_extended_by_an_organizations_administrator(self, doors, acme):
        assert self.deposit(doors["alice"], acme).status_code == 403

    def test_is_filtered_by_kind_and_read_by_key(self, doors, acme):
        for _ in range(26):
            self.deposit(doors["staff"], acme)

        first = doors["alice"].get(page(LedgerEntry, "changelist"), {"kind": "adjustment"})
        second = doors["alice"].get(page(LedgerEntry, "changelist") + first.context["cl"].next_query())

        assert len(first.context["cl"].result_list) == 50
        assert len(second.context["cl"].result_list) == 2
        assert (
            doors["alice"].get(page(LedgerEntry, "changelist"), {"kind": "usage"}).context["cl"].result_count
            == 0
        )


class TestBillingDetails:
    def test_are_set_and_changed_by_an_administrator(self, doors, acme):
        values = {"organization": acme.organization.pk, "name": "Acme Ltd", "address": "1 Road", "tax_id": ""}
        doors["alice"].post(page(BillingDetails, "add"), values)

        doors["alice"].post(
            page(BillingDetails, "change", acme.organization.pk),
            {"name": "Acme Holding", "address": "1 Road"},
        )

        with tenant(acme.organization.pk):
            details = BillingDetails.objects.get()
            assert (details.name, details.address) == ("Acme Holding", "1 Road")
        assert newest_revision(acme.organization).object_type == "billingdetails"

    def test_are_not_set_for_another_organization(self, doors, acme):
        values = {"organization": acme.organization.pk, "name": "Mine", "address": "", "tax_id": ""}

        answer = doors["mallory"].post(page(BillingDetails, "add"), values)

        assert "organization" in errors_of(answer)
