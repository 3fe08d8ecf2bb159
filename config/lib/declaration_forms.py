"""Forms for whole declarations (config.lib.declared): every value may be left unsaid, and groups stand side by side.

A group's fields are named `group__field`. What is left empty says nothing. Single fields: config.lib.declared_forms.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError

from config.lib import declared
from config.lib.declared_forms import QUIET, YES_OR_NO, YesOrNoField, plain_field

WITHIN: Final = "__"
CUTOFF: Final = re.compile(r"(?:(p\d\d)\s*[:=]?\s*)?(\d{1,9}(?:\.\d{1,9})?)", re.ASCII)


class CutoffsField(forms.CharField):
    """A number, or one for each of some percentiles: `50`, or `p50 80, p90 20`."""

    def prepare_value(self, value: Any) -> Any:
        """As it is typed; what somebody typed stays as it is."""
        if isinstance(value, Mapping):
            return ", ".join(f"{name} {number:g}" for name, number in value.items())
        return f"{value:g}" if isinstance(value, int | float) else value

    def clean(self, value: Any) -> float | dict[str, float] | None:
        parts = [part.strip() for part in str(super().clean(value)).split(",") if part.strip()]
        found = [CUTOFF.fullmatch(part) for part in parts]
        names = [match[1] for match in found if match]
        if (
            None in found
            or (len(parts) > 1 and None in names)
            or not set(names)
            <= {
                None,
                *declared.Cutoffs.PERCENTILES,
            }
        ):
            raise ValidationError("One number, or numbers by percentile: p50 80, p90 20.")
        numbers = {match[1]: float(match[2]) for match in found if match}
        return numbers.get(None, numbers or None)


def form_fields(fields: Iterable[declared.Field], prefix: str = "") -> dict[str, forms.Field]:
    """A form field for each declared one, by its name; empty ones say nothing."""
    made: dict[str, forms.Field] = {}
    for field in fields:
        if isinstance(field, declared.Group):
            made |= form_fields(field.fields, f"{prefix}{field.name}{WITHIN}")
        else:
            made[f"{prefix}{field.name}"] = form_field(field)
    return made


def form_field(field: declared.Field) -> forms.Field:
    """The form field of a declared one, a group apart."""
    options: dict[str, Any] = {"label": field.label, "help_text": field.help, "required": False}
    if isinstance(field, declared.Flag):
        return YesOrNoField(choices=YES_OR_NO, **options)
    if isinstance(field, declared.Texts) and field.values:
        choices = [(value, value) for value in field.values]
        return forms.MultipleChoiceField(choices=choices, widget=forms.CheckboxSelectMultiple, **options)
    if isinstance(field, declared.Cutoffs):
        return CutoffsField(widget=forms.TextInput(attrs=QUIET), **options)
    return plain_field(field)


def initial_of(fields: Iterable[declared.Field], said: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """What a form begins with, of what is kept."""
    initial: dict[str, Any] = {}
    for field in fields:
        value = said.get(field.name)
        if isinstance(field, declared.Group):
            initial |= initial_of(field.fields, value or {}, f"{prefix}{field.name}{WITHIN}")
        else:
            initial[f"{prefix}{field.name}"] = value
    return initial


def values_of(
    fields: Iterable[declared.Field], cleaned: Mapping[str, Any], prefix: str = ""
) -> dict[str, Any]:
    """What was filled in, for `declared.read`; what is empty is None."""
    values: dict[str, Any] = {}
    for field in fields:
        if isinstance(field, declared.Group):
            inside = values_of(field.fields, cleaned, f"{prefix}{field.name}{WITHIN}")
            said = {name: value for name, value in inside.items() if value is not None}
            values[field.name] = said or None
        else:
            value = cleaned.get(f"{prefix}{field.name}")
            values[field.name] = None if value in ("", []) else value
    return values


def field_at(form: forms.Form, path: str, prefix: str = "") -> str | None:
    """The form's field that a refusal's path (`max_price.prompt`) is about; None: none of them."""
    steps = path.split(".")
    names = [f"{prefix}{WITHIN.join(steps[:count])}" for count in range(len(steps), 0, -1)]
    return next((name for name in names if name in form.fields), None)
