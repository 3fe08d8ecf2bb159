"""Forms about presets: their content, as fields or as JSON, and what they are called."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, ClassVar

from django import forms

from accounts.dashboard.forms import QUIET
from config.lib.declared import NotValid, read
from config.lib.declared_forms import JSONTextField, field_at, form_fields, initial_of, values_of
from routing.dashboard.preset_fields import COMMON, SECTIONS, SaidTwice, as_json_writes, merge, split
from routing.gateway.client import RefusedError
from routing.models import Preset
from routing.models.preset import PRESET_SLUG
from routing.preset_config import Content

LARGE = {"rows": 14, "spellcheck": "false", "autocomplete": "off", "class": "code"}
SMALL = LARGE | {"rows": 6}
LABELS = {
    "models": "Fallback models",
    "top_p": "Top P",
    "reasoning__effort": "Reasoning effort",
    "reasoning__exclude": "Hide the reasoning",
    "provider__sort": "Best first by",
    "provider__zdr": "Zero data retention",
    "cache_enabled": "Cache answers",
    "cache_ttl_seconds": "Keep them for (seconds)",
}
"""Where the parameter's name says too little."""
AN_OBJECT = "This must be a JSON object, such as {}."


class ContentForm(forms.Form):
    """What a version says. `look` is the part of the address that asks for this form; `written` its JSON's field."""

    look: ClassVar[str]
    written: ClassVar[str]

    slug = forms.CharField(
        label="Slug",
        max_length=100,
        validators=[PRESET_SLUG],
        widget=forms.TextInput(attrs=QUIET | {"autocapitalize": "none", "spellcheck": "false"}),
    )
    system_prompt = forms.CharField(
        required=False, strip=False, widget=forms.Textarea(attrs={"rows": 5, "autocomplete": "off"})
    )

    def __init__(self, *args: Any, is_new: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not is_new:
            del self.fields["slug"]

    @classmethod
    def of(cls, content: Content, *, is_new: bool, slug: str = "") -> ContentForm:
        """The form filled in with a content."""
        prompt = content.system_prompt or ""
        return cls(
            initial={"slug": slug, "system_prompt": prompt, **cls.initial_of(content.config)}, is_new=is_new
        )

    @classmethod
    def initial_of(cls, config: dict[str, Any]) -> dict[str, Any]:
        """What the form's own fields begin with."""
        raise NotImplementedError

    def clean_system_prompt(self) -> str:
        """With the line breaks of JSON and not of forms."""
        return str(self.cleaned_data["system_prompt"]).replace("\r\n", "\n")

    def config(self) -> dict[str, Any]:
        """The parameters, as they were filled in."""
        raise NotImplementedError

    def content(self) -> Content:
        """All that was filled in; only of a valid form."""
        return Content(self.config(), self.cleaned_data["system_prompt"] or None)

    def refuse(self, refusal: RefusedError) -> None:
        """Say what a preset cannot say, at the field of the parameter that is wrong."""
        parameter = str(refusal.refusal.metadata.get("parameter") or "")
        self.add_error(self.place_of(parameter), refusal.refusal.message)

    def place_of(self, parameter: str) -> str:
        """The field that a parameter is filled in at."""
        return field_at(self, parameter.partition("[")[0]) or self.written


class FieldsForm(ContentForm):
    """The common parameters in fields, the others as JSON."""

    look, written = "fields", "others"

    others = JSONTextField(required=False, label="Other parameters", widget=forms.Textarea(attrs=SMALL))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        others = self.fields.pop("others")
        self.fields |= form_fields(COMMON)
        self.fields["others"] = others
        for name, label in LABELS.items():
            self.fields[name].label = label

    @classmethod
    def initial_of(cls, config: dict[str, Any]) -> dict[str, Any]:
        shown, rest = split(config)
        return initial_of(COMMON, shown) | {"others": written_as(rest) if rest else ""}

    @property
    def sections(self) -> Iterator[tuple[str, list[forms.BoundField]]]:
        """The fields under their headings."""
        for title, fields in SECTIONS:
            yield title, [self[name] for name in form_fields(fields)]

    def clean(self) -> dict[str, Any]:
        """Judge the fields as they are declared, and put them into the JSON."""
        values: dict[str, Any] = super().clean() or {}
        others = values.get("others")
        if others is not None and not isinstance(others, dict):
            self.add_error("others", AN_OBJECT)
        if self.errors:
            return values
        try:
            shown = read(COMMON, values_of(COMMON, values))
            values["config"] = as_json_writes(merge(shown, others or {}))
        except NotValid as fault:
            self.add_error(self.place_of(fault.path), fault.fault.capitalize())
        except SaidTwice as twice:
            self.add_error("others", str(twice))
        return values

    def config(self) -> dict[str, Any]:
        config: dict[str, Any] = self.cleaned_data["config"]
        return config


class JsonForm(ContentForm):
    """All parameters as JSON."""

    look, written = "json", "parameters"

    parameters = JSONTextField(required=False, widget=forms.Textarea(attrs=LARGE))

    @classmethod
    def initial_of(cls, config: dict[str, Any]) -> dict[str, Any]:
        return {"parameters": written_as(config)}

    def clean_parameters(self) -> dict[str, Any]:
        """An object; nothing typed is an empty one."""
        found = self.cleaned_data["parameters"]
        if found is not None and not isinstance(found, dict):
            raise forms.ValidationError(AN_OBJECT)
        return found or {}

    def config(self) -> dict[str, Any]:
        config: dict[str, Any] = self.cleaned_data["parameters"]
        return config


class DetailsForm(forms.Form):
    """What a preset is called, and whether requests may refer to it."""

    name = forms.CharField(max_length=200, widget=forms.TextInput(attrs=QUIET | {"autofocus": True}))
    description = forms.CharField(required=False, max_length=1000, widget=forms.Textarea(attrs={"rows": 3}))
    status = forms.ChoiceField(
        choices=[
            (Preset.ACTIVE, "Active: requests may refer to it"),
            (Preset.DISABLED, "Disabled: requests that refer to it are refused"),
            (Preset.ARCHIVED, "Archived: as disabled, and it takes no new versions"),
        ],
        widget=forms.RadioSelect,
    )

    @classmethod
    def of(cls, preset: Preset) -> DetailsForm:
        """The form filled in with what the preset has."""
        return cls(
            initial={"name": preset.name, "description": preset.description or "", "status": preset.status}
        )

    def changes(self) -> dict[str, Any]:
        """As the domain wants them."""
        return {**self.cleaned_data, "description": self.cleaned_data["description"] or None}


def written_as(config: dict[str, Any]) -> str:
    """Parameters as people read and write them."""
    return json.dumps(config, indent=2, ensure_ascii=False)
