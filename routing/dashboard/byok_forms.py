"""Forms about provider keys: the provider's own way to fill one in, and what it is for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from accounts.models import Membership
from config.lib.declared_forms import PLAIN as QUIET
from config.lib.declared_forms import YES_OR_NO, LinesField, YesOrNoField, form_fields
from routing.api.byok_shapes import MODEL
from routing.byok_filters import Filters
from routing.credential_formats import DECLARABLE, GLOBAL, KEY_NAMES_REGION
from routing.credential_ways import LABELS, Way
from routing.dashboard.byok_rows import AFTER, BEFORE, EVERYWHERE, HERE
from routing.models import ByokCredential
from routing.models.credential import MOST_IN_FILTER
from workspaces.models import ApiKey

UNSEEN = {"autocomplete": "new-password"}
ANY, THESE = "any", "these"
MOST_CHOICES = 300
WHEN = [(BEFORE, "Before our endpoints"), (AFTER, "After our endpoints, if those fail")]
PLACES = [(HERE, "This workspace"), (EVERYWHERE, "All workspaces")]
REGIONS = {"global": "Global", "europe": "Europe", "us": "United States"}


class WayForm(forms.Form):
    """A credential, as its provider has it; made of the fields that the way declares."""

    def __init__(self, *args: Any, way: Way, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.way = way
        for name, field in form_fields(way.fields).items():
            field.label = LABELS.get(name, field.label)
            field.required = name in way.required
            if name in way.secrets:
                field.widget = forms.PasswordInput(attrs=UNSEEN)
            if name in way.documents:
                field.widget = forms.Textarea(attrs=QUIET | {"rows": 8})
            self.fields[name] = field

    @property
    def declared(self) -> list[forms.BoundField]:
        """The fields of the way."""
        return [self[field.name] for field in self.way.fields]

    def secret(self) -> str:
        """What was filled in, as the provider's credential."""
        return self.way.text(self.cleaned_data)

    def refuse(self, error: Exception) -> None:
        """Say what is wrong, at the field that it is about."""
        name, _, said = str(error).partition(": ")
        word, _, rest = said.partition(" ")
        first = next(field.name for field in self.way.fields if field.name in self.way.required)
        if word in self.fields:
            self.add_error(word, f"{self.fields[word].label} {rest}")
        else:
            self.add_error(name if name in self.fields else first, said[:1].upper() + said[1:])


class NewCredentialForm(WayForm):
    """A new key of a provider: also what it is called, where it belongs, and when it is tried."""

    name = forms.CharField(required=False, max_length=255, widget=forms.TextInput(attrs=QUIET))
    place = forms.ChoiceField(
        label="Usable in", choices=PLACES, initial=HERE, required=False, widget=forms.RadioSelect
    )
    when = forms.ChoiceField(label="Tried", choices=WHEN, initial=BEFORE, widget=forms.RadioSelect)

    def __init__(self, *args: Any, may_be_everywhere: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not may_be_everywhere:
            del self.fields["place"]

    @property
    def is_everywhere(self) -> bool:
        """Whether the key shall be usable in all workspaces."""
        return bool(self.cleaned_data.get("place") == EVERYWHERE)

    def settings(self) -> dict[str, Any]:
        """The key's columns as the domain wants them."""
        return {
            "name": self.cleaned_data["name"] or None,
            "is_fallback": self.cleaned_data["when"] == AFTER,
        }


def _scope(label: str, of_all: str) -> forms.ChoiceField:
    choices = [(ANY, of_all), (THESE, "Only these")]
    return forms.ChoiceField(label=label, choices=choices, widget=forms.RadioSelect)


class SettingsForm(forms.Form):
    """What a key is for. A filter that admits nobody stays one, unless somebody lifts it."""

    name = forms.CharField(required=False, max_length=255, widget=forms.TextInput(attrs=QUIET))
    is_required = forms.BooleanField(
        label="Always use it for the models it is for",
        required=False,
    )
    is_byok_only = forms.BooleanField(label="Never use our endpoints of this provider", required=False)
    declared_zdr = YesOrNoField(label="Account keeps nothing (ZDR)", choices=YES_OR_NO, required=False)
    declared_region = forms.ChoiceField(label="Account’s region", required=False)
    models_are = _scope("Models", "Any model")
    models = LinesField(
        required=False,
        label="Models, one a line",
        widget=forms.Textarea(attrs=QUIET | {"rows": 4, "placeholder": "author/model"}),
    )
    keys_are = _scope("API keys", "Any key")
    keys = forms.MultipleChoiceField(label="These keys", required=False, widget=forms.CheckboxSelectMultiple)
    members_are = _scope("Members", "Anybody")
    members = forms.MultipleChoiceField(
        label="These members", required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(
        self,
        *args: Any,
        credential: ByokCredential,
        filters: Filters,
        keys: Sequence[tuple[str, str]],
        members: Sequence[tuple[str, str]],
        **kwargs: Any,
    ) -> None:
        kwargs["initial"] = _initial(credential, filters)
        super().__init__(*args, **kwargs)
        self.credential = credential
        offered: dict[str, Sequence[tuple[str, str]]] = {
            "declared_region": _regions(credential),
            "keys": keys,
            "members": members,
        }
        for name, choices in offered.items():
            self.fields[name].choices = choices  # type: ignore[attr-defined]  # a field of choices

    def clean_models(self) -> list[str]:
        """Slugs of models, each once."""
        models = list(dict.fromkeys(self.cleaned_data["models"]))
        for model in models:
            try:
                MODEL(model)
            except ValidationError:
                raise ValidationError(f"“{model[:60]}” is no model’s slug, such as author/model.") from None
        return models

    def clean(self) -> dict[str, Any]:
        """A filter names something, unless it was empty already."""
        values: dict[str, Any] = super().clean() or {}
        for name in ("models", "keys", "members"):
            listed = values.get(name, [])
            was_empty = self.initial[f"{name}_are"] == THESE and not self.initial[name]
            if len(listed) > MOST_IN_FILTER:
                self.add_error(name, f"At most {MOST_IN_FILTER}.")
            elif (
                values.get(f"{name}_are") == THESE
                and not listed
                and not was_empty
                and name not in self.errors
            ):
                self.add_error(name, "Name at least one.")
        return values

    def changes(self) -> dict[str, Any]:
        """What differs, as the domain names it."""
        values = self.cleaned_data
        wanted = {
            "name": values["name"] or None,
            "is_required": values["is_required"],
            "is_byok_only": values["is_byok_only"],
            "declared_zdr": values["declared_zdr"],
            "declared_region": values["declared_region"] or None,
        }
        found = {name: value for name, value in wanted.items() if getattr(self.credential, name) != value}
        columns = {
            "models": "allowed_models",
            "keys": "allowed_api_key_hashes",
            "members": "allowed_user_ids",
        }
        for name, column in columns.items():
            if values[f"{name}_are"] != self.initial[f"{name}_are"] or (
                values[f"{name}_are"] == THESE and set(values[name]) != set(self.initial[name])
            ):
                found[column] = None if values[f"{name}_are"] == ANY else values[name]
        return found


def key_choices(keys: QuerySet[ApiKey], chosen: Sequence[str] | None) -> list[tuple[str, str]]:
    """Keys to choose among: those that are chosen, and the first of the others by name."""
    rows = list(keys.filter(hash__in=chosen or []).order_by("name", "pk"))
    others = keys.exclude(hash__in=chosen or []).order_by("name", "pk")[:MOST_CHOICES]
    return [(row.hash, f"{row.name} ({row.label})") for row in (*rows, *others)]


def member_choices(members: QuerySet[Membership], chosen: Sequence[int] | None) -> list[tuple[str, str]]:
    """Members to choose among: those that are chosen, and the first of the others by their address."""
    named = members.select_related("user").order_by("user__email", "pk")
    rows = [*named.filter(pk__in=chosen or []), *named.exclude(pk__in=chosen or [])[:MOST_CHOICES]]
    return [(row.user.public_id, row.user.email) for row in rows]


def _initial(credential: ByokCredential, filters: Filters) -> Mapping[str, Any]:
    listed = {
        "models": credential.allowed_models,
        "keys": filters.api_key_hashes,
        "members": filters.user_ids,
    }
    scopes = {f"{name}_are": ANY if value is None else THESE for name, value in listed.items()}
    plain = ("name", "is_required", "is_byok_only", "declared_zdr", "declared_region")
    return {
        **{name: getattr(credential, name) for name in plain},
        **scopes,
        **{name: value or [] for name, value in listed.items()},
    }


def _regions(credential: ByokCredential) -> list[tuple[str, str]]:
    """What may be declared of the account."""
    allowed = {credential.key_region or GLOBAL}
    if credential.provider not in KEY_NAMES_REGION:
        allowed |= DECLARABLE.get(credential.provider, frozenset())
    return [("", "Not declared"), *((slug, name) for slug, name in REGIONS.items() if slug in allowed)]
