"""The ledger: read by everybody who may see it, extended by platform staff, changed by nobody."""

from __future__ import annotations

from django import forms
from django.contrib import admin

from accounts.credits import NotADeposit, deposit
from accounts.doors import through_admin
from accounts.models import LedgerEntry, Organization
from config.lib.admin_fields import NanoField, choice
from config.lib.admin_lists import KeysetModelAdmin, by_name, one_of
from config.lib.display import exact_money_text

DEPOSITS = (
    (LedgerEntry.PURCHASE, "Purchase"),
    (LedgerEntry.REFUND, "Refund"),
    (LedgerEntry.ADJUSTMENT, "Adjustment"),
)
KINDS = (*LedgerEntry.DEPOSITS, LedgerEntry.USAGE, LedgerEntry.BYOK_FEE)
ACCOUNTS = (LedgerEntry.CREDITS, LedgerEntry.PAYMENTS, LedgerEntry.REVENUE, LedgerEntry.ADJUSTMENTS)


class DepositForm(forms.ModelForm):
    """One line of a deposit; its counterpart is booked with it."""

    kind = choice(DEPOSITS)
    amount_nano = NanoField(
        label="Amount in US dollars", help_text="Negative takes credits away; a refund of ours is negative."
    )
    description = forms.CharField(label="Reason", max_length=500)

    class Meta:
        model = LedgerEntry
        fields = ("organization", "kind", "amount_nano", "description")


@admin.register(LedgerEntry)
class LedgerEntryAdmin(KeysetModelAdmin):
    """Adding books a purchase, a refund or an adjustment."""

    may = frozenset({"view", "add"})
    administrators_may = frozenset({"view"})
    refusals = {NotADeposit: "amount_nano"}
    form = DepositForm
    list_display = ("created_at", "organization", "kind", "account", "amount", "description", "created_by")
    list_select_related = ("organization", "created_by")
    list_filter = (
        by_name(Organization, "organization_id"),
        one_of("kind", KINDS),
        one_of("account", ACCOUNTS),
    )
    autocomplete_fields = ("organization",)
    readonly_fields = ("amount",)

    def get_fields(self, request, obj=None):
        if obj is None:
            return ("organization", "kind", "amount_nano", "description")
        money = ("organization", "kind", "account", "amount", "description", "created_by", "created_at")
        return (*money, "transaction", "process_id", "batch", "segment", "from_offset", "to_offset")

    @admin.display(description="Amount")
    def amount(self, line):
        """To the nano-dollar."""
        return exact_money_text(line.amount_nano)

    def create_row(self, request, values):
        entry = deposit(**values, by=through_admin(request))
        lines = LedgerEntry.objects.for_organization(values["organization"])
        return lines.get(transaction=entry, account=LedgerEntry.CREDITS)
