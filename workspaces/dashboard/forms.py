"""Forms about keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.utils import timezone

from config.lib.money import nano_from_usd, usd_from_nano
from config.lib.rated import RATES
from workspaces.dashboard.key_guardrails import GuardrailChoice
from workspaces.dashboard.workspace_forms import RatesForm
from workspaces.models import ApiKey

LARGEST_LIMIT = Decimal(1_000_000_000)
RESETS = [("t", "Never"), ("d", "Every day"), ("w", "Every week"), ("m", "Every month")]
DAYS = [
    ("1", "In a day"),
    ("7", "In 7 days"),
    ("30", "In 30 days"),
    ("90", "In 90 days"),
    ("365", "In a year"),
]
EXPIRIES = [("", "Never"), *DAYS]
NEVER = "never"
MINE, SYSTEM = "mine", "system"
OWNERS = [(MINE, "Me"), (SYSTEM, "The workspace")]
NO_GUARDRAIL = ("", "None of its own")


class LimitedKeyForm(forms.Form):
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

    def changes(self) -> dict[str, Any]:
        """The key's columns as the domain wants them."""
        limit = self.cleaned_data["limit_usd"]
        return {
            "name": self.cleaned_data["name"],
            "limit_nano": None if limit is None else nano_from_usd(limit),
            "limit_interval": self.cleaned_data["limit_reset"],
        }


class HeldKeyForm(LimitedKeyForm, RatesForm):
    """All that a key can be held to. `guardrails`: those to choose from; None where he may choose none."""

    is_byok_in_limit = forms.BooleanField(
        label="Count requests with your own provider keys against the limit", required=False
    )
    guardrail = forms.ChoiceField(required=False)

    def __init__(self, *args: Any, guardrails: Sequence[GuardrailChoice] | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if guardrails:
            choices = [NO_GUARDRAIL, *((choice.id, choice.name) for choice in guardrails)]
            self.fields["guardrail"].choices = choices  # type: ignore[attr-defined]  # a field of choices
        else:
            del self.fields["guardrail"]

    @property
    def guardrail_id(self) -> str | None:
        """The chosen guardrail, empty for none; None where there is no choice."""
        return self.cleaned_data.get("guardrail")

    def changes(self) -> dict[str, Any]:
        """The same, with the rates."""
        more = {"is_byok_in_limit": self.cleaned_data["is_byok_in_limit"]}
        return super().changes() | more | self.rates()

    @property
    def has_more(self) -> bool:
        """Whether what is rarely set is set here."""
        return self.has_rates or bool(self["is_byok_in_limit"].value())


class KeyForm(HeldKeyForm):
    """A key that exists; it may be given another end."""

    expires = forms.ChoiceField(label="Expires", required=False)

    def __init__(self, *args: Any, key: ApiKey, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        end = f"As it is: {key.expires_at:%Y-%m-%d %H:%M} UTC" if key.expires_at else "Never"
        another = [(NEVER, "Never")] if key.expires_at else []
        self.fields["expires"].choices = [("", end), *another, *DAYS]  # type: ignore[attr-defined]  # as above

    @classmethod
    def values_of(cls, key: ApiKey) -> dict[str, Any]:
        """What the fields show of a key."""
        limit = None if key.limit_nano is None else usd_from_nano(key.limit_nano).normalize()
        rates = {name: getattr(key, name) for name in RATES}
        return rates | {
            "name": key.name,
            "limit_usd": None if limit is None else format(limit, "f"),
            "limit_reset": key.limit_interval,
            "is_byok_in_limit": key.is_byok_in_limit,
        }

    def changes(self) -> dict[str, Any]:
        """The same, and the end if another one was chosen."""
        chosen = self.cleaned_data["expires"]
        return super().changes() | ({"expires_at": end_of(chosen)} if chosen else {})


class NewKeyForm(HeldKeyForm):
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
        return end_of(self.cleaned_data["expires"])


def end_of(days: str) -> datetime | None:
    """The moment in so many days; None for none."""
    return timezone.now() + timedelta(days=int(days)) if days.isdecimal() else None
