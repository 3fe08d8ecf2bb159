"""Form fields of the Django admin for declared configuration (config.lib.declared)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from config.lib import declared
from config.lib.api_body import parse
from config.lib.api_errors import ApiError

UNSAID = ("", "–")
YES_OR_NO = (UNSAID, ("true", "Yes"), ("false", "No"))


class YesOrNoField(forms.TypedChoiceField):
    """Yes, no, or nothing said."""

    widget = UnfoldAdminSelectWidget

    def __init__(self, **options: Any) -> None:
        super().__init__(coerce=lambda text: text == "true", empty_value=None, **options)

    def prepare_value(self, value: Any) -> Any:
        """The choice for what is stored; what somebody chose stays as it is."""
        return str(value).lower() if isinstance(value, bool) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        return _differs(self, initial, data)


class LinesField(forms.CharField):
    """A list of strings, typed one per line."""

    widget = UnfoldAdminTextareaWidget

    def prepare_value(self, value: Any) -> Any:
        """Lines for what is stored; what somebody typed stays as it is."""
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        lines = [line.strip() for line in super().clean(value).splitlines()]
        return [line for line in lines if line]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return _differs(self, initial or [], data)


class JSONTextField(forms.CharField):
    """A JSON value, typed; read as strictly as the API reads bodies. Nothing typed is None."""

    widget = UnfoldAdminTextareaWidget

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
        return _differs(self, initial, data)


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


def _differs(field: forms.Field, initial: Any, data: Any) -> bool:
    try:
        return bool(field.clean(data) != initial)
    except ValidationError:
        return True
