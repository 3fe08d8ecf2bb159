"""Forms for declared configuration (config.lib.declared): the dashboard's own; the admin puts its widgets on them.

A group's fields stand beside the others, named `group__field`. What is left empty says nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError

from config.lib import declared
from config.lib.api_body import parse
from config.lib.api_errors import ApiError

WITHIN: Final = "__"
UNSAID: Final = ("", "–")
YES_OR_NO: Final = (UNSAID, ("true", "Yes"), ("false", "No"))
CUTOFF: Final = re.compile(r"(?:(p\d\d)\s*[:=]?\s*)?(\d{1,9}(?:\.\d{1,9})?)", re.ASCII)
PLAIN: Final = {"autocomplete": "off", "spellcheck": "false"}


class YesOrNoField(forms.TypedChoiceField):
    """Yes, no, or nothing said."""

    def __init__(self, **options: Any) -> None:
        super().__init__(coerce=lambda text: text == "true", empty_value=None, **options)

    def prepare_value(self, value: Any) -> Any:
        """The choice for what is stored; what somebody chose stays as it is."""
        return str(value).lower() if isinstance(value, bool) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        return differs(self, initial, data)


class LinesField(forms.CharField):
    """A list of strings, typed one per line."""

    widget = forms.Textarea

    def prepare_value(self, value: Any) -> Any:
        """Lines for what is stored; what somebody typed stays as it is."""
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        lines = [line.strip() for line in super().clean(value).splitlines()]
        return [line for line in lines if line]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return differs(self, initial or [], data)


class JSONTextField(forms.CharField):
    """A JSON value, typed; read as strictly as the API reads bodies. Nothing typed is None."""

    widget = forms.Textarea

    def prepare_value(self, value: Any) -> Any:
        """JSON for what is stored; what somebody typed stays as it is."""
        return value if value is None or isinstance(value, str) else json.dumps(value, indent=2)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        try:
            parse(text.encode("utf-8", "surrogatepass"))
        except ApiError as error:
            raise ValidationError(error.message) from error
        return json.loads(text)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return differs(self, initial, data)


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
    if isinstance(field, declared.Choice):
        choices = [UNSAID, *((value, value) for value in field.values)]
        return forms.TypedChoiceField(choices=choices, empty_value=None, **options)
    if isinstance(field, declared.Whole):
        return forms.IntegerField(**options)
    if isinstance(field, declared.Number):
        return forms.FloatField(**options)
    if isinstance(field, declared.Text):
        return forms.CharField(empty_value=None, widget=forms.TextInput(attrs=PLAIN), **options)
    if isinstance(field, declared.Texts) and field.values:
        choices = [(value, value) for value in field.values]
        return forms.MultipleChoiceField(choices=choices, widget=forms.CheckboxSelectMultiple, **options)
    if isinstance(field, declared.Texts):
        return LinesField(widget=forms.Textarea(attrs=PLAIN | {"rows": 3}), **options)
    if isinstance(field, declared.Cutoffs):
        return CutoffsField(widget=forms.TextInput(attrs=PLAIN), **options)
    return JSONTextField(widget=forms.Textarea(attrs=PLAIN | {"rows": 3}), **options)


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


def differs(field: forms.Field, initial: Any, data: Any) -> bool:
    """Whether what was typed is another value."""
    try:
        return bool(field.clean(data) != initial)
    except ValidationError:
        return True
