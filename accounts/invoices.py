"""Invoices: issued with each purchase, made out to what the billing details say at that moment."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Max, QuerySet

from accounts.ledger import left_of_purchase
from accounts.models import BillingDetails, Invoice, LedgerEntry, Organization
from config.lib.environment import environment

DEFAULT_LINE = "Credits"


def issue(*, purchase: LedgerEntry) -> Invoice:
    """Write the invoice of a purchase, whose transaction holds the lock on the organization's deposits."""
    organization = purchase.organization
    billing = billing_details(organization)
    mine = Invoice.objects.for_organization(organization)
    line = {"description": purchase.description or DEFAULT_LINE, "amount_nano": purchase.amount_nano}
    invoice: Invoice = mine.create(
        organization=organization,
        number=(mine.aggregate(last=Max("number"))["last"] or 0) + 1,
        purchase=purchase.transaction,
        issuer=environment().invoice_issuer.replace("\\n", "\n"),
        billed_name=billing.name,
        billed_address=billing.address,
        billed_tax_id=billing.tax_id,
        lines=[line],
        amount_nano=purchase.amount_nano,
    )
    return invoice


def billing_details(organization: Organization) -> BillingDetails:
    """What invoices are made out to: as it was set, else the organization's name."""
    known = BillingDetails.objects.for_organization(organization).first()
    return known or BillingDetails(organization=organization, name=organization.name, address="", tax_id="")


def invoices_of(organization: Organization) -> QuerySet[Invoice]:
    """The organization's invoices, newest first."""
    mine: QuerySet[Invoice] = Invoice.objects.for_organization(organization).order_by("-number")
    return mine


@dataclass(frozen=True)
class Standing:
    """An invoice, and how much of its purchase was refunded since."""

    invoice: Invoice
    refunded_nano: int


def find_invoice(organization: Organization, number: str) -> Standing | None:
    """The invoice of that number, as somebody typed it."""
    if not (number.isascii() and number.isdecimal() and len(number) < 10):
        return None
    invoice = invoices_of(organization).filter(number=int(number)).first()
    if invoice is None:
        return None
    left = left_of_purchase(organization, invoice.purchase)
    return Standing(invoice, invoice.amount_nano - (left or 0))
