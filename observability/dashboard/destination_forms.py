"""The form of a destination: what its kind declares, and what every destination has."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from config.lib.declared import Field, NotValid
from config.lib.declared_forms import PLAIN
from observability import destination_settings as settings
from observability.dashboard.chosen_keys import ChosenKeysForm
from observability.dashboard.config_fields import config_field
from observability.dashboard.rules_form import RulesForm
from observability.destination_config import HEADERS, shown_config
from observability.destination_rows import TooManyDestinations
from observability.destinations.destination import DestinationKind
from observability.destinations.fields import Headers
from observability.models import Destination
from workspaces.models import Workspace

PREFIX = "config_"
REGIONS = [("global", "Global"), ("europe", "Europe"), ("us", "United States")]
GROUPS = [
    ("cost", "Cost: what the upstream charged, cache discounts, tokens as the provider counts them"),
    ("identity", "Identity: application, key, end user"),
    ("request_context", "Request: entrance, routing, latencies, parameters"),
    ("cost_allocation", "Cost allocation: the billed cost, split by kind of token"),
]
FIELDS_OF_REFUSALS: Mapping[type[Exception], str | None] = {
    settings.PrivacyLocked: "is_private",
    settings.UnknownKeys: "keys",
    settings.IsCopy: None,
    TooManyDestinations: None,
}
REFUSALS: tuple[type[Exception], ...] = (NotValid, *FIELDS_OF_REFUSALS)
TEST = "test"
"""What the button says that tries the connection."""
PRIVACY_LOCKED = "The account's privacy settings keep prompts and completions in the house."


class HeadersField(forms.CharField):
    """HTTP headers, typed one per line: `Name: value`."""

    widget = forms.Textarea

    def prepare_value(self, value: Any) -> Any:
        """Lines for what is stored; what somebody typed stays as it is."""
        return (
            "\n".join(f"{name}: {text}" for name, text in value.items()) if isinstance(value, dict) else value
        )

    def clean(self, value: Any) -> dict[str, str] | None:
        found: dict[str, str] = {}
        for line in super().clean(value).splitlines():
            name, colon, text = line.partition(":")
            if line.strip() and not colon:
                raise ValidationError("Write each as “Name: value”, one a line.")
            if line.strip():
                found[name.strip()] = text.strip()
        return found or None


class PercentField(forms.DecimalField):
    """A share from 0.0001 to 1, typed in percent."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            min_value=Decimal("0.01"),
            max_value=Decimal(100),
            initial=1.0,
            widget=forms.NumberInput(attrs={"inputmode": "decimal", "step": "any"}),
            **options,
        )

    def prepare_value(self, value: Any) -> Any:
        """Percent for what is stored; what somebody typed stays as it is."""
        return f"{value * 100:.10g}" if isinstance(value, float) else value

    def clean(self, value: Any) -> float | None:
        percent = super().clean(value)
        return None if percent is None else float(percent / 100)


class DestinationForm(ChosenKeysForm):
    """A destination of one kind, new or as it is kept.

    A secret that is kept stands there masked: left as it is it stays, typed over it changes, emptied it goes.
    """

    name = forms.CharField(max_length=255, widget=forms.TextInput(attrs=PLAIN))
    is_enabled = forms.BooleanField(label="Send traces there", required=False, initial=True)
    is_private = forms.BooleanField(label="Privacy mode", required=False)
    sampling_rate = PercentField(label="Share of sessions, in percent")
    regions = forms.MultipleChoiceField(
        choices=REGIONS, initial=["global"], widget=forms.CheckboxSelectMultiple
    )
    metadata_groups = forms.MultipleChoiceField(
        label="Further metadata", choices=GROUPS, required=False, widget=forms.CheckboxSelectMultiple
    )
    is_everywhere = forms.BooleanField(label="In all workspaces", required=False)

    def __init__(
        self,
        *args: Any,
        kind: DestinationKind,
        workspace: Workspace,
        destination: Destination | None = None,
        may_be_everywhere: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.kind, self.destination = kind, destination
        self.shown = shown_config(destination) if destination else {}
        self.kind_fields = [field for field in kind.all_fields if field.name not in kind.made_here]
        for field in self.kind_fields:
            self.fields[PREFIX + field.name] = self._field_of(field)
        self.initial.update(_initial(destination) if destination else {"name": kind.name})
        values = {**kind.defaults, **self.shown}
        self.initial.update({PREFIX + name: value for name, value in values.items()})
        if not may_be_everywhere:
            del self.fields["is_everywhere"]
        self.offer_keys(workspace, destination.api_key_ids if destination else None)
        kept = destination.filter_rules if destination else None
        self.rules = RulesForm.read(cast(QueryDict, self.data)) if self.is_bound else RulesForm.of(kept)

    @property
    def config_fields(self) -> list[forms.BoundField]:
        """What the kind declares but for headers, which few need."""
        return [self[PREFIX + field.name] for field in self.kind_fields if field.name != HEADERS]

    @property
    def headers(self) -> forms.BoundField:
        """The headers."""
        return self[PREFIX + HEADERS]

    @property
    def made_here(self) -> list[tuple[str, Any]]:
        """What we chose, to be copied to the vendor."""
        names = {field.name: field.label for field in self.kind.fields if field.name in self.kind.made_here}
        return [(label, self.shown[name]) for name, label in names.items() if name in self.shown]

    def config(self) -> dict[str, Any]:
        """The configuration as it was typed; what is empty is taken away, or was never there."""
        typed = {field.name: self.cleaned_data[PREFIX + field.name] for field in self.kind_fields}
        given = {name: (value if value != "" else None) for name, value in typed.items()}
        return {name: value for name, value in given.items() if value is not None or name in self.shown}

    def is_config_valid(self) -> bool:
        """Whether the configuration can be tried; what is wrong elsewhere is not told then."""
        for name in [name for name in self.errors if not name.startswith(PREFIX)]:
            del self.errors[name]
        return not self.errors

    def settings(self) -> dict[str, Any]:
        """What every destination has, as the domain wants it."""
        values = self.cleaned_data
        chosen = {name: values[name] for name in ("is_enabled", "is_private", "sampling_rate", "regions")}
        if "is_everywhere" in self.fields:
            chosen["is_everywhere"] = values["is_everywhere"]
        groups = {name: name in values["metadata_groups"] for name in settings.METADATA_GROUPS}
        hashes = self.key_hashes()
        keys = {} if hashes == [] else {"api_key_hashes": hashes}
        return chosen | keys | {"metadata_groups": groups, "filter_rules": self.rules.rules()}

    def refuse(self, error: Exception) -> None:
        """Say what the domain will not have, beside the field that it is about."""
        if isinstance(error, NotValid):
            self._refuse_value(error)
        else:
            text = PRIVACY_LOCKED if isinstance(error, settings.PrivacyLocked) else str(error)
            self.add_error(FIELDS_OF_REFUSALS[type(error)], text.removeprefix("api_key_hashes: "))

    def forget_errors(self) -> None:
        """Show what was typed without judging it, while somebody is still typing."""
        self.errors.clear()

    def _refuse_value(self, error: NotValid) -> None:
        if error.path.startswith("filter_rules"):
            self.rules.refuse(error)
            self.add_error(None, "A filter rule is not right.")
            return
        fault = error.fault
        for field in self.kind_fields:
            fault = fault.replace(f"config.{field.name}", f"“{field.label}”")
        field_name = PREFIX + error.path.removeprefix("config.").partition(".")[0]
        self.add_error(field_name if field_name in self.fields else None, fault[:1].upper() + fault[1:])

    def _field_of(self, field: Field) -> forms.Field:
        if isinstance(field, Headers):
            area = forms.Textarea(attrs=PLAIN | {"rows": 3, "placeholder": "X-Team: payments"})
            return HeadersField(label="Headers", required=False, help_text=field.help, widget=area)
        required = field.name in self.kind.required
        made = config_field(field, required=required, default=self.kind.defaults.get(field.name))
        if field.name in self.kind.secrets:
            made.help_text = f"{field.help} Sealed, and never shown again.".strip()
        if field.name in self.kind.secrets and field.name in self.shown:
            made.help_text = "Kept sealed; type over it to replace it."
        return made


def _initial(destination: Destination) -> dict[str, Any]:
    names = (
        "name",
        "is_enabled",
        "is_private",
        "sampling_rate",
        "regions",
        "metadata_groups",
        "is_everywhere",
    )
    return {name: getattr(destination, name) for name in names}
