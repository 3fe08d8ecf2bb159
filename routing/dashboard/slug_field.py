"""A list of models or providers in a form: what is chosen, what a search of the catalog offers, names of one's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms

from accounts.slug_lists import PATTERNS, NotASlugList, check_slug_lists
from routing.catalog_snapshot import CatalogSnapshot

OFFERED = 8
LONGEST_SEARCH = 200
LISTS = ("allowed_models", "ignored_models", "allowed_providers", "ignored_providers")
NAMES = {
    "allowed_models": ("Only these models", "Every model may be used."),
    "ignored_models": ("Never these models", "No model is left out."),
    "allowed_providers": ("Only these providers", "Every provider may be asked."),
    "ignored_providers": ("Never these providers", "No provider is left out."),
}


@dataclass(frozen=True)
class Offer:
    """A slug that can be chosen, and what people call it."""

    slug: str
    name: str


@dataclass(frozen=True)
class SlugList:
    """A list as the form shows it: `chosen` is ticked, `offered` is not."""

    field: str
    label: str
    when_empty: str
    chosen: list[Offer]
    offered: list[Offer]
    sought: str
    errors: list[str]


class _Values(forms.Widget):
    """All values of a name, and one line each of what was typed where there is no script."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        typed = str(data.get(f"{name}_typed", "")).split()
        values = data.getlist(name) if hasattr(data, "getlist") else data.get(name, [])
        return list(dict.fromkeys([*values, *typed]))


class SlugsField(forms.Field):
    """A list of slugs; nothing chosen restricts nothing and is None."""

    widget = _Values

    def __init__(self, name: str) -> None:
        super().__init__(label=NAMES[name][0], required=False)
        self._name = name

    def clean(self, value: Any) -> list[str] | None:
        """The list as the columns have it."""
        chosen = list(value or ()) or None
        try:
            check_slug_lists({self._name: chosen})
        except NotASlugList as error:
            raise forms.ValidationError(str(error).partition(": ")[2]) from error
        return chosen


def slug_list(form: forms.Form, name: str, catalog: CatalogSnapshot) -> SlugList:
    """A list of the form with what the catalog offers for the search that came with it."""
    chosen = [str(slug) for slug in form[name].value() or ()]
    sought = str(form.data.get(f"find_{name}", "")).strip()[:LONGEST_SEARCH]
    names = _providers(catalog) if name.endswith("providers") else _models(catalog)
    return SlugList(
        field=name,
        label=NAMES[name][0],
        when_empty=NAMES[name][1],
        chosen=[Offer(slug, names.get(slug.lower(), "not in the catalog")) for slug in chosen],
        offered=list(_offers(names, {slug.lower() for slug in chosen}, sought, name)),
        sought=sought,
        errors=[str(error) for error in form.errors.get(name, ())] if form.is_bound else [],
    )


def _offers(names: Mapping[str, str], chosen: set[str], sought: str, field: str) -> Iterable[Offer]:
    """The first that are called so; and what was typed by itself, as lists may name what is not there yet."""
    if not sought:
        return
    words = sought.lower().split()
    found = [
        Offer(slug, name)
        for slug, name in names.items()
        if slug not in chosen and all(word in slug or word in name.lower() for word in words)
    ]
    yield from found[:OFFERED]
    typed = sought.lower()
    if typed not in names and typed not in chosen and PATTERNS[field].fullmatch(sought):
        yield Offer(sought, "as it is written; not in the catalog")


def _models(catalog: CatalogSnapshot) -> dict[str, str]:
    """Those that all can reach first, then those that need a key of one's own, then the rest."""
    names = {slug.lower(): model.name for slug, model in catalog.models.items()}
    for slug, model in catalog.byok_models.items():
        names.setdefault(slug.lower(), f"{model.name}, with an own provider key")
    for slug in catalog.unroutable:
        names.setdefault(slug.lower(), "cannot be reached now")
    return names


def _providers(catalog: CatalogSnapshot) -> dict[str, str]:
    """Providers, and behind them the tags of their regions and tiers."""
    names = {slug.lower(): provider.name for slug, provider in catalog.providers.items()}
    for slug, provider in catalog.byok_providers.items():
        names.setdefault(slug.lower(), f"{provider.name}, with an own key")
    for model in {**catalog.byok_models, **catalog.models}.values():
        for entry in model.endpoints:
            names.setdefault(entry.tag.lower(), f"{entry.provider.name}, {entry.tag.partition('/')[2]} only")
    return names
