"""Invoices and payments, to be read; and whom invoices are made out to."""

from __future__ import annotations

from django.contrib import admin

from accounts.billing import set_billing
from accounts.doors import through_admin
from accounts.models import BillingDetails, Invoice, Organization, StripeCheckout, StripeEvent
from config.lib.admin import ScopedModelAdmin
from config.lib.admin_lists import KeysetModelAdmin, by_name, exactly
from config.lib.display import exact_money_text


@admin.register(BillingDetails)
class BillingDetailsAdmin(ScopedModelAdmin):
    """One per organization; adding them again changes them."""

    may = administrators_may = frozenset({"view", "add", "change"})
    list_display = ("name", "organization", "tax_id", "updated_at")
    list_select_related = ("organization",)
    search_fields = ("name", "tax_id")
    autocomplete_fields = ("organization",)

    def get_fields(self, request, obj=None):
        return ("organization", "name", "address", "tax_id")

    def get_readonly_fields(self, request, obj=None):
        return () if obj is None else ("organization",)

    def create_row(self, request, values):
        return set_billing(**values, by=through_admin(request))

    def change_row(self, request, row, changes):
        values = {"name": row.name, "address": row.address, "tax_id": row.tax_id} | changes
        return set_billing(organization=row.organization, **values, by=through_admin(request))


@admin.register(Invoice)
class InvoiceAdmin(KeysetModelAdmin):
    """As they were issued."""

    administrators_may = frozenset({"view"})
    list_display = ("label", "organization", "issued_at", "billed_name", "amount")
    list_select_related = ("organization",)
    list_filter = (by_name(Organization, "organization_id"),)
    fields = (
        "organization",
        "number",
        "issued_at",
        "issuer",
        "billed_name",
        "billed_address",
        "billed_tax_id",
        "lines",
        "amount",
        "purchase",
    )
    readonly_fields = ("amount",)

    @admin.display(description="Amount")
    def amount(self, invoice):
        """To the nano-dollar."""
        return exact_money_text(invoice.amount_nano)


@admin.register(StripeCheckout)
class StripeCheckoutAdmin(KeysetModelAdmin):
    """What was asked of Stripe, and what it said."""

    administrators_may = frozenset({"view"})
    list_display = ("created_at", "organization", "amount_cents", "purchase", "refunded_cents", "dispute")
    list_select_related = ("organization",)
    list_filter = (
        by_name(Organization, "organization_id"),
        exactly("session_id", title="session"),
        exactly("payment_intent", title="payment"),
    )


@admin.register(StripeEvent)
class StripeEventAdmin(ScopedModelAdmin):
    """For platform staff: which events were heard."""

    list_display = ("id", "kind", "heard_at")
    search_fields = ("id",)
    ordering = ("-heard_at", "pk")
