"""Form fields of the Django admin for declared configuration (config.lib.declared)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from config.lib import declared, declared_forms
from config.lib.declared_forms import UNSAID, YES_OR_NO


class YesOrNoField(declared_forms.YesOrNoField):
    """With the admin's look."""

    widget = UnfoldAdminSelectWidget


class LinesField(declared_forms.LinesField):
    """With the admin's look."""

    widget = UnfoldAdminTextareaWidget


class JSONTextField(declared_forms.JSONTextField):
    """With the admin's look."""

    widget = UnfoldAdminTextareaWidget


def form_fields(fields: Iterable[declared.Field], prefix: str = "") -> dict[str, forms.Field]:
    """A form field for each declared one, by its name; empty ones say nothing."""
    return {f"{prefix}{field.name}": form_field(field) for field in fields}


def form_field(field: declared.Field) -> forms.Field:
    """The form field of a declared one."""
    options: dict[str, Any] = {"label": field.label, "help_text": field.help, "required": False}
    if isinstance(field, declared.Flag):
        return YesOrNoField(choices=YES_OR_NO, **options)
    if isinstance(field, declared.Choice):
        choices = [UNSAID, *((value, value) for value in field.values)]
        widget = UnfoldAdminSelectWidget
        return forms.TypedChoiceField(choices=choices, empty_value=None, widget=widget, **options)
    if isinstance(field, declared.Whole):
        return forms.IntegerField(widget=UnfoldAdminIntegerFieldWidget, **options)
    if isinstance(field, declared.Number):
        return forms.FloatField(widget=UnfoldAdminDecimalFieldWidget, **options)
    if isinstance(field, declared.Text):
        return forms.CharField(empty_value=None, widget=UnfoldAdminTextInputWidget, **options)
    if isinstance(field, declared.Texts):
        return LinesField(**options)
    return JSONTextField(**options)
