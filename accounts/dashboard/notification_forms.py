"""Forms about notifications."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from django import forms

from accounts.dashboard.forms import QUIET
from accounts.invitations import Place
from accounts.models import NotificationChannel, NotificationRule
from accounts.notifications.channel_types import ChannelType
from accounts.notifications.kinds import DAYS, KINDS, USD
from config.lib.declared import Field, Texts
from config.lib.money import NotAnAmount, nano_from_usd, plain_usd, usd_from_nano

NUMBER = re.compile(r"\d{1,12}(?:\.\d{1,9})?", re.ASCII)
UNITS = {"percent": "Percentages", USD: "Amounts in US dollars", DAYS: "Days before"}
LONGEST_NAME = 100


class ThresholdsField(forms.CharField):
    """Numbers with commas between, in a kind's unit; integers as rules keep them."""

    def __init__(self, *, unit: str, **options: Any) -> None:
        super().__init__(label=UNITS[unit], widget=forms.TextInput(attrs=QUIET), max_length=200, **options)
        self.unit = unit

    def prepare_value(self, value: Any) -> Any:
        """What is stored, for people; what somebody typed stays as it is."""
        if not isinstance(value, list):
            return value
        return ", ".join(plain_usd(usd_from_nano(each)) if self.unit == USD else str(each) for each in value)

    def clean(self, value: Any) -> list[int]:
        text = str(super().clean(value))
        parts = [part.strip(" %$") for part in text.split(",") if part.strip(" %$")]
        if not all(NUMBER.fullmatch(part) for part in parts):
            raise forms.ValidationError("Numbers with commas between, please.")
        try:
            if self.unit == USD:
                return [nano_from_usd(Decimal(part)) for part in parts]
            return [int(part) for part in parts]
        except NotAnAmount as error:
            raise forms.ValidationError(f"An amount {error}.") from error
        except ValueError as error:
            raise forms.ValidationError("Whole numbers, please.") from error


class RuleForm(forms.Form):
    """When to be told of one kind of event, and how."""

    is_on = forms.BooleanField(label="Tell us", required=False)
    is_mailed_to_administrators = forms.BooleanField(label="Mail to the administrators", required=False)
    channels = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    workspaces = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(
        self,
        *args: Any,
        rule: NotificationRule,
        channels: Sequence[NotificationChannel],
        places: Sequence[Place],
        **kwargs: Any,
    ) -> None:
        kind = KINDS[rule.kind]
        kwargs["initial"] = _initial(rule, channels)
        super().__init__(*args, **kwargs)
        _offer(self, "channels", ((str(channel.public_id), channel.name) for channel in channels))
        _offer(self, "workspaces", ((place.public_id, place.name) for place in places))
        if not kind.is_of_workspaces:
            self.fields.pop("workspaces", None)
        if kind.unit is not None:
            self.fields["thresholds"] = ThresholdsField(unit=kind.unit, required=not kind.always)

    def changes(self) -> dict[str, Any]:
        """As the domain wants them; no workspace is all of them."""
        values = dict(self.cleaned_data)
        values["is_disabled"] = not values.pop("is_on")
        if "workspaces" in values:
            values["workspaces"] = values["workspaces"] or None
        return values


class ChannelForm(forms.Form):
    """A channel of one type: a name, and what its type declares. A secret that is there may stay."""

    name = forms.CharField(max_length=LONGEST_NAME, widget=forms.TextInput(attrs=QUIET | {"autofocus": True}))

    def __init__(
        self, *args: Any, type_: ChannelType, channel: NotificationChannel | None = None, **kwargs: Any
    ) -> None:
        if channel is not None:
            kwargs["initial"] = {"name": channel.name, **_shown(channel.config)}
        super().__init__(*args, **kwargs)
        self.type = type_
        for field in type_.fields:
            kept = channel is not None and field.name in type_.secrets
            required = field.name in type_.required and not kept
            self.fields[field.name] = _form_field(field, required=required)
            if kept and channel is not None:
                hint = channel.hints.get(field.name, "")
                self.fields[field.name].help_text = f"{hint} is set; empty leaves it as it is."

    @property
    def declared(self) -> list[forms.BoundField]:
        """The fields of the type."""
        return [self[field.name] for field in self.type.fields]

    def config(self) -> dict[str, Any]:
        """What was filled in, as the type reads it."""
        values = {field.name: self.cleaned_data[field.name] for field in self.type.fields}
        lists = {field.name for field in self.type.fields if isinstance(field, Texts)}
        return {
            name: value.split() if name in lists else value.strip() for name, value in values.items() if value
        }


def _form_field(field: Field, *, required: bool) -> forms.Field:
    widget: forms.Widget = forms.TextInput(attrs=QUIET)
    if isinstance(field, Texts):
        widget = forms.Textarea(attrs=QUIET | {"rows": 3})
    return forms.CharField(
        label=field.label, help_text=field.help, required=required, max_length=4_000, widget=widget
    )


def _shown(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration as it is typed: a list one a line."""
    return {name: "\n".join(value) if isinstance(value, list) else value for name, value in config.items()}


def _initial(rule: NotificationRule, channels: Iterable[NotificationChannel]) -> dict[str, Any]:
    return {
        "is_on": not rule.is_disabled,
        "is_mailed_to_administrators": rule.is_mailed_to_administrators,
        "channels": [str(channel.public_id) for channel in channels if channel.pk in rule.channel_ids],
        "workspaces": rule.workspaces or [],
        "thresholds": rule.thresholds,
    }


def _offer(form: forms.Form, name: str, choices: Iterable[tuple[str, str]]) -> None:
    """Let the field choose among these; without any there is no field."""
    offered = list(choices)
    if offered:
        form.fields[name].choices = offered  # type: ignore[attr-defined]  # a field of choices
    else:
        del form.fields[name]
