"""Form fields of what kinds of destinations declare, with the defaults that vendors have."""

from __future__ import annotations

from typing import Any

from django import forms

from config.lib.declared import Choice, Field, Flag
from config.lib.declared_forms import PLAIN, form_field

LONG_TEXT = 1_000
"""Texts that may be longer are typed in several lines."""


def config_field(field: Field, *, required: bool, default: Any) -> forms.Field:
    """The form field of a declared one. A flag is a box that is ticked or not; `default` is what empty stands for."""
    options: dict[str, Any] = {"label": field.label, "help_text": field.help, "required": required}
    if isinstance(field, Flag):
        return forms.BooleanField(label=field.help.rstrip("."), required=False)
    if isinstance(field, Choice) and default:
        choices = [(value, value.replace("_", " ")) for value in field.values]
        return forms.ChoiceField(choices=choices, **options)
    if field.schema.get("type") == "string" and not isinstance(field, Choice):
        return _text_field(field, default, options)
    return form_field(field)


def _text_field(field: Field, default: Any, options: dict[str, Any]) -> forms.CharField:
    most = field.schema.get("maxLength", LONG_TEXT)
    attrs: dict[str, Any] = PLAIN | ({"placeholder": str(default)} if default else {})
    widget: forms.Widget = forms.TextInput(attrs=attrs)
    if most > LONG_TEXT and field.schema.get("format") != "uri":
        widget = forms.Textarea(attrs=attrs | {"rows": 4})
    return forms.CharField(max_length=most, empty_value=None, widget=widget, **options)
