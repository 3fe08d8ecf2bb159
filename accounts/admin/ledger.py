"""The ledger: read by everybody who may see it, extended by platform staff, changed by nobody."""

from __future__ import annotations

from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect
from django.urls import reverse
from django.utils.html import format_html

from accounts.credits import (
    MoreThanLeft,
    NotADeposit,
    NotAPurchase,
    ReferenceTaken,
    deposit,
    refund,
    transfer,
)
from accounts.doors import through_admin
from accounts.ledger import left_of_purchase
from accounts.models import LedgerEntry, Membership, Organization
from config.lib.admin_fields import NanoField, choice
from config.lib.admin_lists import KeysetModelAdmin, by_name, exactly, one_of
from config.lib.admin_scope import is_platform_staff
from config.lib.display import exact_money_text
from config.lib.money import plain_usd, usd_from_nano

DEPOSITS = (
    (LedgerEntry.PURCHASE, "Purchase"),
    (LedgerEntry.REFUND, "Refund of a purchase"),
    (LedgerEntry.ADJUSTMENT, "Adjustment"),
    (LedgerEntry.TRANSFER, "Transfer to another organization"),
)
ACCOUNTS = (
    LedgerEntry.CREDITS,
    LedgerEntry.PAYMENTS,
    LedgerEntry.REVENUE,
    LedgerEntry.ADJUSTMENTS,
    LedgerEntry.TRANSFER,
)


class DepositForm(forms.ModelForm):
    """What is booked; its counterpart is booked with it."""

    kind = choice(DEPOSITS)
    amount_nano = NanoField(
        label="Amount in US dollars",
        help_text="Only an adjustment may be negative; it then takes credits away.",
    )
    description = forms.CharField(label="Reason", max_length=500)
    reference = forms.CharField(
        max_length=255, required=False, help_text="The payment's own number; one is booked only once."
    )
    refers_to = forms.UUIDField(
        label="Purchase", required=False, help_text="For a refund: the transaction of the purchase."
    )
    destination = forms.ModelChoiceField(
        queryset=Organization.objects.none(),
        required=False,
        help_text="For a transfer: who gets the credits.",
    )

    class Meta:
        model = LedgerEntry
        fields = ("organization", "kind", "amount_nano", "description", "reference", "refers_to")

    def clean(self):
        values = super().clean() or {}
        for kind, name in ((LedgerEntry.REFUND, "refers_to"), (LedgerEntry.TRANSFER, "destination")):
            if (values.get("kind") == kind) != bool(values.get(name)) and name not in self.errors:
                self.add_error(name, f"A {kind} needs it, and nothing else may have it.")
        return values


@admin.register(LedgerEntry)
class LedgerEntryAdmin(KeysetModelAdmin):
    """Adding books a purchase, a refund, an adjustment or a transfer."""

    may = frozenset({"view", "add"})
    administrators_may = frozenset({"view"})
    refusals = {
        NotADeposit: "amount_nano",
        MoreThanLeft: "amount_nano",
        NotAPurchase: "refers_to",
        ReferenceTaken: "reference",
    }
    form = DepositForm
    list_display = ("created_at", "organization", "kind", "account", "amount", "description", "created_by")
    list_select_related = ("organization", "created_by")
    list_filter = (
        by_name(Organization, "organization_id"),
        one_of("kind", LedgerEntry.KINDS),
        one_of("account", ACCOUNTS),
        exactly("reference", title="reference"),
    )
    autocomplete_fields = ("organization",)
    readonly_fields = ("amount", "left")

    def get_fields(self, request, obj=None):
        if obj is None:
            return (*DepositForm.Meta.fields, "destination")
        money = ("organization", "kind", "account", "amount", "description", "reference", "refers_to")
        more = ("left",) if obj.kind == LedgerEntry.PURCHASE and is_platform_staff(request) else ()
        source = ("transaction", "process_id", "batch", "segment", "from_offset", "to_offset")
        return (*money, *more, "created_by", "created_at", *source)

    def get_form(self, request, obj=None, change=False, **kwargs):
        form = super().get_form(request, obj, change, **kwargs)
        if obj is None:
            field = form.base_fields["destination"]  # type: ignore[attr-defined]  # the stubs leave it out
            field.queryset = self.admin_site.get_model_admin(Organization).get_queryset(request)
            field.widget = AutocompleteSelect(
                Membership._meta.get_field("organization"), self.admin_site, choices=field.widget.choices
            )
        return form

    @admin.display(description="Amount")
    def amount(self, line):
        """To the nano-dollar."""
        return exact_money_text(line.amount_nano)

    @admin.display(description="Left to refund")
    def left(self, line):
        """What was not refunded yet, and the way to refund it."""
        left = left_of_purchase(line.organization, line.transaction) or 0
        if left == 0:
            return exact_money_text(0)
        values = {
            "organization": line.organization_id,
            "kind": LedgerEntry.REFUND,
            "refers_to": line.transaction,
            "amount_nano": plain_usd(usd_from_nano(left)),
        }
        address = f"{reverse('admin:accounts_ledgerentry_add')}?{urlencode(values)}"
        return format_html('{} · <a href="{}">Refund</a>', exact_money_text(left), address)

    def create_row(self, request, values):
        entry = _book(values, through_admin(request))
        lines = LedgerEntry.objects.for_organization(values["organization"])
        return lines.get(transaction=entry, account=LedgerEntry.CREDITS)


def _book(values, by):
    """One domain call, by kind."""
    common = {
        "amount_nano": values["amount_nano"],
        "description": values["description"],
        "reference": values["reference"] or None,
        "by": by,
    }
    if values["kind"] == LedgerEntry.REFUND:
        return refund(organization=values["organization"], purchase=values["refers_to"], **common)
    if values["kind"] == LedgerEntry.TRANSFER:
        return transfer(source=values["organization"], destination=values["destination"], **common)
    return deposit(organization=values["organization"], kind=values["kind"], **common)
