"""Forms about credits."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms

from accounts.models import BillingDetails
from config.lib.environment import environment


class AmountForm(forms.Form):
    """How much to buy."""

    amount_usd = forms.DecimalField(
        label="Amount in US dollars",
        max_digits=12,
        decimal_places=2,
        widget=forms.NumberInput(attrs={"inputmode": "decimal", "step": "0.01", "autofocus": True}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        env = environment()
        field = self.fields["amount_usd"]
        field.initial = Decimal(max(env.purchase_min_usd, min(25, env.purchase_max_usd)))
        field.help_text = f"From ${env.purchase_min_usd:,} to ${env.purchase_max_usd:,}."


class BillingForm(forms.Form):
    """Whom invoices are made out to."""

    name = forms.CharField(max_length=200, widget=forms.TextInput(attrs={"autocomplete": "organization"}))
    address = forms.CharField(
        max_length=1000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "autocomplete": "street-address"}),
    )
    tax_id = forms.CharField(label="Tax id", max_length=50, required=False)

    @classmethod
    def of(cls, details: BillingDetails) -> BillingForm:
        """The form filled in with what is known."""
        return cls(initial={"name": details.name, "address": details.address, "tax_id": details.tax_id})
