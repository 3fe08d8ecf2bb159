"""Form fields of the Django admin: money, and columns with a handful of values."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from config.lib.money import NotAnAmount, nano_from_usd, plain_usd, usd_from_nano


class NanoField(forms.DecimalField):
    """Typed in US dollars, an integer of nano-dollars to the program."""

    widget = UnfoldAdminDecimalFieldWidget

    def prepare_value(self, value: Any) -> Any:
        """Dollars for what is stored; what somebody typed stays as it is."""
        return plain_usd(usd_from_nano(value)) if isinstance(value, int) else value

    def clean(self, value: Any) -> int | None:
        amount: Decimal | None = super().clean(value)
        try:
            return None if amount is None else nano_from_usd(amount)
        except NotAnAmount as error:
            raise ValidationError(f"The amount {error}.") from error

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(initial != self.clean(data))
        except ValidationError:
            return True


class LinesField(forms.CharField):
    """A list of words, typed one a line; nothing typed is None."""

    widget = UnfoldAdminTextareaWidget

    def prepare_value(self, value: Any) -> Any:
        """Lines for what is stored; what somebody typed stays as it is."""
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str] | None:
        lines = [line.strip() for line in str(super().clean(value)).splitlines()]
        return [line for line in lines if line] or None

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(initial != self.clean(data))


def choice(values: Iterable[tuple[str, str]], **options: Any) -> forms.ChoiceField:
    """A select of known values for a column that has no choices of its own."""
    return forms.ChoiceField(choices=list(values), widget=UnfoldAdminSelectWidget, **options)
