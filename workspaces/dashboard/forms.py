"""Forms about keys."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.utils import timezone

from config.lib.money import nano_from_usd, usd_from_nano
from workspaces.models import ApiKey

LARGEST_LIMIT = Decimal(1_000_000_000)
RESETS = [("t", "Never"), ("d", "Every day"), ("w", "Every week"), ("m", "Every month")]
EXPIRIES = [
    ("", "Never"),
    ("1", "In a day"),
    ("7", "In 7 days"),
    ("30", "In 30 days"),
    ("90", "In 90 days"),
    ("365", "In a year"),
]
MINE, SYSTEM = "mine", "system"
OWNERS = [(MINE, "Me"), (SYSTEM, "The workspace")]


class KeyForm(forms.Form):
    """What a key is called and how much it may spend."""

    name = forms.CharField(
        max_length=ApiKey._meta.get_field("name").max_length,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
    )
    limit_usd = forms.DecimalField(
        label="Spending limit",
        required=False,
        min_value=Decimal(0),
        max_value=LARGEST_LIMIT,
        decimal_places=9,
        widget=forms.NumberInput(attrs={"inputmode": "decimal", "placeholder": "No limit", "step": "any"}),
    )
    limit_reset = forms.ChoiceField(label="Limit starts anew", choices=RESETS, initial="t")

    @classmethod
    def of(cls, key: ApiKey) -> KeyForm:
        """The form filled in with what the key has."""
        limit = None if key.limit_nano is None else usd_from_nano(key.limit_nano).normalize()
        shown = None if limit is None else format(limit, "f")
        return cls(initial={"name": key.name, "limit_usd": shown, "limit_reset": key.limit_interval})

    def changes(self) -> dict[str, Any]:
        """The key's columns as the domain wants them."""
        limit = self.cleaned_data["limit_usd"]
        return {
            "name": self.cleaned_data["name"],
            "limit_nano": None if limit is None else nano_from_usd(limit),
            "limit_interval": self.cleaned_data["limit_reset"],
        }


class NewKeyForm(KeyForm):
    """A new key: also until when it works and whose it is."""

    expires = forms.ChoiceField(label="Expires", choices=EXPIRIES, required=False)
    owner = forms.ChoiceField(choices=OWNERS, initial=MINE, widget=forms.RadioSelect)

    def __init__(self, *args: Any, may_be_system: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not may_be_system:
            del self.fields["owner"]

    @property
    def is_system(self) -> bool:
        """Whether the key shall belong to the workspace instead of a person."""
        return bool(self.cleaned_data.get("owner") == SYSTEM)

    def expires_at(self) -> datetime | None:
        """When the key stops working."""
        days = self.cleaned_data["expires"]
        return timezone.now() + timedelta(days=int(days)) if days else None
