"""The form of a back-fill: from when until when, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django import forms


class MomentField(forms.DateTimeField):
    """A time of UTC, as browsers write `datetime-local`."""

    def __init__(self, **options: Any) -> None:
        widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
        formats = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]
        super().__init__(widget=widget, input_formats=formats, **options)

    def clean(self, value: Any) -> datetime | None:
        moment = super().clean(value)
        return None if moment is None else moment.replace(tzinfo=UTC)


class BackfillForm(forms.Form):
    """A window of 31 days at most; without an end it reaches up to now."""

    since = MomentField(label="From (UTC)")
    until = MomentField(label="Until (UTC)", required=False)

    def refuse(self, refusal: Exception) -> None:
        """Say what is wrong beside the time that it is about."""
        name, colon, text = str(refusal).partition(": ")
        known = bool(colon) and name in self.fields
        fault = text if known else str(refusal)
        self.add_error(name if known else None, fault[:1].upper() + fault[1:])
