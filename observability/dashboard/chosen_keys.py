"""Choosing whose requests something is about: all of them, or those of some keys of the workspace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from workspaces.models import ApiKey, Workspace

KEYS_LISTED = 200
ALL, SOME = "all", "some"
ELSEWHERE = "A key of another workspace"


class ChosenKeysForm(forms.Form):
    """A form that has this choice. Keys that are chosen already stay to be seen, however many others there are."""

    whose = forms.ChoiceField(
        label="Whose requests",
        choices=[(ALL, "All requests"), (SOME, "Only requests with these keys")],
        initial=ALL,
        widget=forms.RadioSelect,
    )
    keys = forms.MultipleChoiceField(
        label="Keys", required=False, widget=forms.CheckboxSelectMultiple(attrs={"data-keys": ""})
    )

    def offer_keys(self, workspace: Workspace, chosen_ids: Sequence[int] | None) -> None:
        """List the workspace's keys, those that are chosen first."""
        self.fields["keys"].choices = _choices(workspace, chosen_ids or ())  # type: ignore[attr-defined]
        self.chosen_ids = chosen_ids
        active = ApiKey.objects.for_organization(workspace.organization_id).active()
        kept = active.filter(pk__in=chosen_ids or ()).values_list("hash", flat=True)
        self.initial.setdefault("whose", ALL if chosen_ids is None else SOME)
        self.initial.setdefault("keys", list(kept) if chosen_ids else [])

    def key_hashes(self) -> list[str] | None:
        """The keys as domain functions want them: None is all."""
        return None if self.cleaned_data["whose"] == ALL else list(self.cleaned_data["keys"])

    def clean(self) -> dict[str, Any]:
        """Refuse to choose none, but where none was left already."""
        values: dict[str, Any] = super().clean() or {}
        has_none = values.get("whose") == SOME and not values.get("keys") and "keys" not in self.errors
        if has_none and self.chosen_ids != []:
            self.add_error("keys", "Choose at least one key.")
        return values


def _choices(workspace: Workspace, chosen_ids: Sequence[int]) -> list[tuple[str, str]]:
    active = ApiKey.objects.for_organization(workspace.organization_id).active()
    chosen = list(active.filter(pk__in=chosen_ids).order_by("name", "pk"))
    others = active.filter(workspace=workspace).exclude(pk__in=chosen_ids).order_by("name", "pk")
    return [(key.hash, _named(key, workspace)) for key in (*chosen, *others[:KEYS_LISTED])]


def _named(key: ApiKey, workspace: Workspace) -> str:
    return f"{key.name} · {key.label}" if key.workspace_id == workspace.pk else ELSEWHERE
