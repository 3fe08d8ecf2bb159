"""What guardrails and the account's privacy settings restrict alike: lists of the catalog, data policies, retention."""

from __future__ import annotations

from typing import Any

from django import forms

from routing.catalog_snapshot import CatalogSnapshot
from routing.dashboard.slug_field import LISTS, SlugList, SlugsField, slug_list
from routing.models.guardrail import ZDR_GROUPS

KEEPING_OUT = {
    "enable_paid_model_training": ("No training, paid", "Endpoints with a price that may train on prompts."),
    "enable_free_model_training": ("No training, free", "Free endpoints that may train on prompts."),
    "enable_paid_model_publication": (
        "No publication, paid",
        "Endpoints with a price that may publish prompts.",
    ),
    "enable_free_model_publication": ("No publication, free", "Free endpoints that may publish prompts."),
    "allow_safety_retention_google": (
        "No retention for safety, Google",
        "Endpoints of Google's models that keep prompts to look for abuse.",
    ),
    "allow_safety_retention_other": (
        "No retention for safety, others",
        "Endpoints of other models that keep prompts to look for abuse.",
    ),
}
"""Settings that allow until they are false: what is ticked sets them to false."""
GROUP_NAMES = {
    "anthropic": "Anthropic",
    "openai": "OpenAI",
    "google": "Google",
    "xai": "xAI",
    "other": "all other authors",
}
ZDR = {
    f"enforce_zdr_{group}": (
        f"Zero retention for {GROUP_NAMES[group]}",
        f"Of models by {GROUP_NAMES[group]}, endpoints that keep anything.",
    )
    for group in ZDR_GROUPS
}


class RestrictionsForm(forms.Form):
    """The part of a form that narrows the catalog. `stored` is the row that is changed, or a new one."""

    flags: tuple[str, ...] = ()

    def __init__(self, *args: Any, stored: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stored = stored
        for name in LISTS:
            self.fields[name] = SlugsField(name)
            self.initial.setdefault(name, getattr(stored, name))
        for name in self.flags:
            label = (KEEPING_OUT | ZDR)[name][0]
            self.fields[name] = forms.BooleanField(label=label, required=False)
            self.initial.setdefault(name, getattr(stored, name) is (name in ZDR))

    def lists(self, catalog: CatalogSnapshot) -> list[SlugList]:
        """The lists as they are shown."""
        return [slug_list(self, name, catalog) for name in LISTS]

    def restrictions(self) -> dict[str, Any]:
        """Their columns, as far as they are valid. A setting that restricts nothing stays as it was written."""
        given = getattr(self, "cleaned_data", {})
        columns: dict[str, Any] = {name: given[name] for name in LISTS if name in given}
        for name in self.flags:
            if name not in given:
                continue
            restricting = name in ZDR
            kept = getattr(self.stored, name)
            unrestricted = type(self.stored)._meta.get_field(name).get_default()
            columns[name] = restricting if given[name] else unrestricted if kept is restricting else kept
        return columns

    def differing(self, columns: dict[str, Any]) -> dict[str, Any]:
        """Those of the columns that are not what is stored."""
        return {name: value for name, value in columns.items() if getattr(self.stored, name) != value}
