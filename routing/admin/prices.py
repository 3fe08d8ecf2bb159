"""Price versions: followed by newer ones, never changed."""

from __future__ import annotations

from django import forms
from django.contrib import admin
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminTextInputWidget

from accounts.doors import through_admin
from config.lib.admin import ScopedModelAdmin
from config.lib.money import plain_usd, usd_from_femto
from routing import catalog
from routing.catalog_file import PRICED, InvalidCatalog, PriceFile
from routing.models import PriceVersion

REQUIRED = ("prompt", "completion")
SHOWN = tuple(f"{unit}_price" for unit in PRICED)


def _price(unit):
    return forms.DecimalField(
        label=f"{unit.replace('_', ' ').capitalize()}, US dollars per unit",
        required=unit in REQUIRED,
        min_value=0,
        max_digits=20,
        decimal_places=15,
        widget=UnfoldAdminDecimalFieldWidget,
    )


class PriceForm(forms.ModelForm):
    """Dollars per token (request, image, search), as in a catalog file; what is left out costs as its base unit."""

    prompt, completion, request = _price("prompt"), _price("completion"), _price("request")
    reasoning, cache_read, cache_write = _price("reasoning"), _price("cache_read"), _price("cache_write")
    image, audio, web_search = _price("image"), _price("audio"), _price("web_search")
    source = forms.CharField(max_length=100, required=False, widget=UnfoldAdminTextInputWidget)

    class Meta:
        model = PriceVersion
        fields = ("endpoint", "source")


@admin.register(PriceVersion)
class PriceVersionAdmin(ScopedModelAdmin):
    """Adding one makes it the endpoint's price from now on."""

    may = frozenset({"view", "add"})
    refusals = {InvalidCatalog: None}
    form = PriceForm
    list_display = ("endpoint", "valid_from", "prompt_price", "completion_price", "request_price", "source")
    list_select_related = ("endpoint__model",)
    list_filter = ("endpoint__provider",)
    search_fields = ("endpoint__model__slug", "endpoint__tag")
    ordering = ("-valid_from", "-pk")
    autocomplete_fields = ("endpoint",)

    def get_fields(self, request, obj=None):
        if obj is None:
            return ("endpoint", *PRICED, "source")
        return ("endpoint", "valid_from", *SHOWN, "source")

    def get_readonly_fields(self, request, obj=None):
        return () if obj is None else SHOWN

    def create_row(self, request, values):
        prices = {unit: plain_usd(values[unit]) for unit in PRICED if values[unit] is not None}
        return catalog.set_price(
            endpoint=values["endpoint"],
            price=PriceFile(**prices),
            source=values["source"],
            by=through_admin(request),
        )


def _column(unit):
    @admin.display(description=unit.replace("_", " ").capitalize())
    def column(self, version):
        femto = getattr(version, f"{unit}_femto")
        return "–" if femto is None else f"${plain_usd(usd_from_femto(femto))}"

    return column


for _unit in PRICED:
    setattr(PriceVersionAdmin, f"{_unit}_price", _column(_unit))
