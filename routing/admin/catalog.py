"""Providers, models and endpoints. What a catalog file may not say, a form may not either."""

from __future__ import annotations

from django import forms
from django.contrib import admin
from unfold.widgets import UnfoldAdminPasswordWidget

from accounts.doors import through_admin
from config.lib.admin import ScopedModelAdmin
from config.lib.admin_fields import choice
from routing import catalog
from routing.catalog_file import InvalidCatalog, parse_catalog
from routing.models import Endpoint, LanguageModel, Provider
from routing.providers import WIRE_FORMATS


class CatalogForm(forms.ModelForm):
    """A form whose values must make a valid catalog file."""

    beside: frozenset[str] = frozenset()
    """Fields that a file does not have."""
    lists: frozenset[str] = frozenset()
    """Fields that hold lists, which may be empty."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for name in self.lists & self.fields.keys():
            self.fields[name].required = False  # to Django an empty list is nothing at all

    def as_file(self, values):
        """The values as a catalog file would say them."""
        raise NotImplementedError

    def clean(self):
        values = super().clean() or {}
        values |= {name: values[name] or [] for name in self.lists & values.keys()}
        if not self.errors:
            try:
                parse_catalog(self.as_file({k: v for k, v in values.items() if k not in self.beside}))
            except InvalidCatalog as error:
                raise forms.ValidationError(str(error)) from error
        return values


class ProviderForm(CatalogForm):
    """The credential is typed here and never shown."""

    beside = frozenset({"credential"})
    wire_format = choice([(name, name) for name in WIRE_FORMATS])
    credential = forms.CharField(
        required=False,
        strip=True,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text="Replaces the sealed credential; empty leaves it as it is. Another address clears it.",
    )

    class Meta:
        model = Provider
        exclude = ()

    def as_file(self, values):
        return {"providers": [values]}


class LanguageModelForm(CatalogForm):
    """A model without its endpoints."""

    beside = frozenset({"author", "created_at"})
    lists = frozenset({"input_modalities", "output_modalities"})

    class Meta:
        model = LanguageModel
        exclude = ("author", "created_at")

    def as_file(self, values):
        return {"models": [values]}


class EndpointForm(CatalogForm):
    """One endpoint of a model; its prices are versions of their own."""

    beside = frozenset({"model", "provider"})
    lists = frozenset({"supported_parameters"})

    class Meta:
        model = Endpoint
        exclude = ()

    def as_file(self, values):
        provider = (self.cleaned_data.get("provider") or self.instance.provider).slug
        model = self.cleaned_data.get("model") or self.instance.model
        endpoint = {"provider": provider, **values}
        return {"models": [{"slug": model.slug, "name": model.name, "endpoints": [endpoint]}]}


class CatalogAdmin(ScopedModelAdmin):
    """Rows of the catalog are disabled, not deleted: history names them."""

    may = frozenset({"view", "add", "change"})

    def create_row(self, request, values):
        return catalog.create(row=self.model(**values), by=through_admin(request))

    def change_row(self, request, row, changes):
        return catalog.change(row=row, **changes, by=through_admin(request)) if changes else row


@admin.register(Provider)
class ProviderAdmin(CatalogAdmin):
    """A company or server that serves models."""

    form = ProviderForm
    list_display = ("name", "slug", "wire_format", "base_url", "has_credential", "is_enabled", "is_simulator")
    list_filter = ("is_enabled", "is_simulator")
    search_fields = ("name", "slug")
    ordering = ("slug",)
    readonly_fields = ("has_credential", "created_at")

    @admin.display(description="Sealed credential", boolean=True)
    def has_credential(self, provider):
        """Whether one is kept here; one from the environment is named by its variable."""
        return bool(provider.sealed_credential)

    def create_row(self, request, values):
        credential = values.pop("credential")
        provider = super().create_row(request, values)
        return self._seal(request, provider, credential)

    def change_row(self, request, row, changes):
        credential = changes.pop("credential", "")
        return self._seal(request, super().change_row(request, row, changes), credential)

    def _seal(self, request, provider, credential):
        if credential:
            catalog.set_credential(provider=provider, secret=credential, by=through_admin(request))
        return provider


@admin.register(LanguageModel)
class LanguageModelAdmin(CatalogAdmin):
    """A model by its author/slug; the author is the first part."""

    form = LanguageModelForm
    list_display = ("slug", "name", "context_length", "is_enabled", "created_at")
    list_filter = ("is_enabled", "author")
    search_fields = ("slug", "name")
    ordering = ("slug",)
    readonly_fields = ("author", "created_at")

    def create_row(self, request, values):
        return super().create_row(request, values | {"author": values["slug"].partition("/")[0]})

    def change_row(self, request, row, changes):
        if "slug" in changes:
            changes = changes | {"author": changes["slug"].partition("/")[0]}
        return super().change_row(request, row, changes)


@admin.register(Endpoint)
class EndpointAdmin(CatalogAdmin):
    """One model as one provider serves it."""

    form = EndpointForm
    list_display = ("model", "provider", "tag", "upstream_model", "is_zdr", "is_enabled")
    list_select_related = ("model", "provider")
    list_filter = ("provider", "is_enabled", "is_zdr")
    search_fields = ("model__slug", "tag", "upstream_model")
    ordering = ("model__slug", "tag", "pk")
    autocomplete_fields = ("model", "provider")
    readonly_fields = ("created_at",)
