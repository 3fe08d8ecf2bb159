"""Forms about private endpoints: the upstream, and what it charges."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from django import forms

from config.lib.declared_forms import PLAIN as QUIET
from config.lib.declared_forms import YES_OR_NO, LinesField, YesOrNoField
from config.lib.money import NotAnAmount, plain_usd, usd_from_femto
from routing.api.byok_shapes import MODEL
from routing.api.private_endpoint_shapes import MOST_PARAMETERS, MOST_TOKENS, PARAMETER, PRINTABLE
from routing.dashboard.byok_forms import REGIONS, UNSEEN
from routing.models import PrivateEndpoint
from routing.models.private_endpoint import BYOK, NO_CREDENTIAL, OWN
from routing.private_pricing import Rates, rate_from_usd
from routing.private_upstreams import ADDRESSED, SELF_HOSTED

MILLION: Final = 10**6
UNITS: Final = ("prompt", "completion", "cache_read", "cache_write")
AUTHENTICATIONS: Final = [
    (BYOK, "The workspace’s own key for the provider (BYOK)"),
    (OWN, "A key of its own"),
    (NO_CREDENTIAL, "Nothing: it asks for none"),
]
FORMATS: Final = {"openai": "OpenAI", "anthropic": "Anthropic", "gemini": "Gemini"}
FIELDS: Final = {
    "provider_slug": "provider",
    "model_permaslug": "model_slug",
    "api_key": "secret",
    "upstream_model_id": "upstream_model",
}
"""Fields of the API that are called otherwise here."""


class UpstreamForm(forms.Form):
    """A draft's upstream, and what is declared of it."""

    model_name = forms.CharField(
        label="Name, for a model of your own",
        required=False,
        max_length=200,
        validators=[PRINTABLE],
        widget=forms.TextInput(attrs=QUIET | {"placeholder": "Qwen 3 of acme"}),
    )
    base_url = forms.CharField(
        label="Base URL",
        required=False,
        max_length=500,
        widget=forms.URLInput(attrs=QUIET | {"placeholder": "https://llm.example.com/v1"}),
    )
    upstream_model = forms.CharField(
        label="Model, as the upstream calls it",
        max_length=200,
        validators=[PRINTABLE],
        widget=forms.TextInput(attrs=QUIET | {"placeholder": "qwen3:8b"}),
    )
    authentication = forms.ChoiceField(
        label="Requests carry", choices=AUTHENTICATIONS, initial=BYOK, widget=forms.RadioSelect
    )
    secret = forms.CharField(label="Its key", required=False, widget=forms.PasswordInput(attrs=UNSEEN))
    context_length = forms.IntegerField(
        label="Context, in tokens", required=False, min_value=1, max_value=MOST_TOKENS
    )
    max_completion_tokens = forms.IntegerField(
        label="Longest answer, in tokens", required=False, min_value=1, max_value=MOST_TOKENS
    )
    supported_parameters = LinesField(
        required=False,
        widget=forms.Textarea(attrs=QUIET | {"rows": 3, "placeholder": "tools\ntemperature\nmax_tokens"}),
    )
    declared_zdr = YesOrNoField(label="Keeps nothing (ZDR)", choices=YES_OR_NO, required=False)
    declared_region = forms.ChoiceField(
        label="Region", required=False, choices=[("", "Not declared"), *REGIONS.items()]
    )

    @classmethod
    def of(cls, endpoint: PrivateEndpoint) -> UpstreamForm:
        """The form filled in with what the draft has; its secret stays where it is."""
        names = [name for name in cls.base_fields if name != "secret"]
        return cls(initial={name: getattr(endpoint, name) for name in names})

    def clean_supported_parameters(self) -> list[str]:
        """Names of parameters, each once."""
        names = list(dict.fromkeys(self.cleaned_data["supported_parameters"]))
        if len(names) > MOST_PARAMETERS:
            raise forms.ValidationError(f"At most {MOST_PARAMETERS}.")
        for name in names:
            PARAMETER(name)
        return names

    def settings(self) -> dict[str, Any]:
        """The endpoint's columns as the domain wants them."""
        texts = ("model_name", "base_url", "declared_region")
        rest = ("authentication", "context_length", "max_completion_tokens", "supported_parameters")
        return {
            **{name: self.cleaned_data[name] or None for name in texts},
            **{name: self.cleaned_data[name] for name in (*rest, "declared_zdr", "upstream_model")},
        }

    @property
    def typed_secret(self) -> str | None:
        """The key that was typed, if it is what requests shall carry."""
        is_own = self.cleaned_data["authentication"] == OWN
        return self.cleaned_data["secret"].strip() or None if is_own else None

    def refuse(self, error: Exception) -> None:
        """Say what is wrong, at the field that it is about."""
        name, _, said = str(error).partition(": ")
        at = FIELDS.get(name, name)
        text = said if said and at in self.fields else str(error)
        self.add_error(at if at in self.fields else None, text[:1].upper() + text[1:])


class PriceForm(forms.Form):
    """US dollars per million tokens; for the cache also nothing, which follows from the others."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields |= price_fields(is_optional=False)

    @classmethod
    def of(cls, rates: Rates | None) -> PriceForm:
        """The form filled in with what the endpoint charges."""
        known = {unit: getattr(rates, unit, None) for unit in UNITS}
        return cls(initial={unit: _per_million(femto) for unit, femto in known.items() if femto is not None})


class NewEndpointForm(UpstreamForm):
    """A new draft: also whose upstream it is, which model that is here, and what it charges."""

    provider = forms.ChoiceField()
    model_slug = forms.CharField(
        label="Model, as requests name it",
        max_length=200,
        validators=[MODEL],
        widget=forms.TextInput(attrs=QUIET | {"placeholder": "acme/qwen3"}),
    )
    wire_format = forms.ChoiceField(
        label="Wire format",
        required=False,
        choices=[("", "The provider’s usual one"), *((slug, FORMATS[slug]) for slug in ADDRESSED)],
    )

    def __init__(self, *args: Any, providers: Sequence[tuple[str, Any]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(SELF_HOSTED, "Self-hosted"), *providers]
        self.fields["provider"].choices = choices  # type: ignore[attr-defined]  # a field of choices
        self.fields |= price_fields(is_optional=True)

    def clean(self) -> dict[str, Any]:
        """A price is whole, or not there."""
        values: dict[str, Any] = super().clean() or {}
        given = {unit for unit in UNITS if values.get(unit) is not None}
        for unit in {"prompt", "completion"} - given if given else ():
            if unit not in self.errors:
                self.add_error(unit, "Set this price, too; free is 0.")
        return values


def price_fields(*, is_optional: bool) -> dict[str, forms.Field]:
    """A field for each rate."""
    labels = {
        "prompt": "Input",
        "completion": "Output",
        "cache_read": "Cache read",
        "cache_write": "Cache write",
    }
    return {
        unit: forms.DecimalField(
            label=labels[unit],
            required=not is_optional and unit in ("prompt", "completion"),
            min_value=Decimal(0),
            max_value=Decimal(10_000),
            decimal_places=9,
            widget=forms.NumberInput(attrs={"inputmode": "decimal", "step": "any"}),
        )
        for unit in UNITS
    }


def rates_in(form: forms.Form) -> Rates | None:
    """The prices that were filled in; None where there are none, or one is not an amount (the form says so)."""
    given = {unit: form.cleaned_data.get(unit) for unit in UNITS}
    rates: dict[str, int] = {}
    for unit, amount in given.items():
        try:
            if amount is not None:
                rates[unit] = rate_from_usd(amount / MILLION)
        except NotAnAmount as error:
            form.add_error(unit, f"The price {error}.")
    return Rates(**rates) if {"prompt", "completion"} <= rates.keys() else None


def _per_million(femto: int) -> str:
    return plain_usd(usd_from_femto(femto * MILLION))
