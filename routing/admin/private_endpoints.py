"""Endpoints that organizations bring, and their prices; a secret is typed here and never shown."""

from __future__ import annotations

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminPasswordWidget

from accounts.doors import through_admin
from config.lib.admin import ScopedModelAdmin
from config.lib.admin_fields import LinesField, choice
from config.lib.money import NotAnAmount, plain_usd, usd_from_femto
from routing import private_endpoints as private
from routing.credential_formats import DATA_REGIONS, UnusableCredential
from routing.models import PrivateEndpoint, PrivatePrice
from routing.models.private_endpoint import BYOK, NO_CREDENTIAL, OWN
from routing.private_pricing import Rates, rate_from_usd
from routing.private_upstreams import ADDRESSED, UnknownProvider, UnusableUpstream
from routing.private_validation import validate
from workspaces.models import Workspace

REGIONS = (("", "Not declared"), *((name, name) for name in DATA_REGIONS))
AUTHENTICATIONS = (
    (BYOK, "The workspace's BYOK credential for the provider"),
    (OWN, "A key of its own"),
    (NO_CREDENTIAL, "None"),
)
FORMATS = (("", "As its provider is spoken to"), *((name, name) for name in ADDRESSED))
IDENTITY = ("organization", "provider", "wire_format", "model_slug")
SETTINGS = (
    "model_name",
    "upstream_model",
    "base_url",
    "authentication",
    "secret",
    "context_length",
    "max_completion_tokens",
    "supported_parameters",
    "declared_zdr",
    "declared_region",
)
FIXED = (*IDENTITY, "status", "validated_at", "public_id", "created_by", "created_at", "updated_at")
UNITS = ("prompt", "completion", "cache_read", "cache_write")
SHOWN = tuple(f"{unit}_price" for unit in UNITS)


class EndpointForm(forms.ModelForm):
    """A draft; a new secret takes the place of the old one."""

    wire_format = choice(FORMATS, required=False)
    authentication = choice(AUTHENTICATIONS)
    secret = forms.CharField(
        required=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text="The key of its own. Once saved it is never shown; empty leaves it as it is.",
    )
    supported_parameters = LinesField(required=False, help_text="One a line.")
    declared_region = choice(REGIONS, required=False)

    class Meta:
        model = PrivateEndpoint
        fields = (*IDENTITY, *(name for name in SETTINGS if name != "secret"))
        labels = {"model_slug": "Model", "base_url": "Base URL", "declared_zdr": "Declared ZDR"}
        help_texts = {
            "model_name": "For a model that the catalog does not have: makes it one of your own.",
            "base_url": "Empty for providers whose address is in the credential.",
        }

    def clean_wire_format(self):
        """Nothing is the provider's usual one."""
        return self.cleaned_data["wire_format"] or None

    def clean_declared_region(self):
        """Nothing is no declaration."""
        return self.cleaned_data["declared_region"] or None

    def clean_model_name(self):
        """Nothing is no name."""
        return self.cleaned_data["model_name"] or None

    def clean_base_url(self):
        """Nothing is no address."""
        return self.cleaned_data["base_url"] or None

    def clean_supported_parameters(self):
        """Nothing is an empty list."""
        return self.cleaned_data["supported_parameters"] or []


@admin.register(PrivateEndpoint)
class PrivateEndpointAdmin(ScopedModelAdmin):
    """Only drafts are edited; the list's actions lead through the rest of an endpoint's life."""

    may = administrators_may = frozenset({"view", "add", "change", "delete"})
    shown = {"deleted_at": None}
    refusals = {
        UnknownProvider: "provider",
        UnusableUpstream: "base_url",
        UnusableCredential: "secret",
        private.UnknownModel: "model_slug",
        private.UnusableEndpoint: None,
        private.NotNow: None,
        private.EndpointGone: None,
    }
    form = EndpointForm
    list_display = ("model_slug", "provider", "upstream_model", "organization", "status", "validated_at")
    list_select_related = ("organization",)
    list_filter = ("organization", "provider", "status")
    search_fields = ("model_slug", "provider", "upstream_model")
    ordering = ("organization", "model_slug", "pk")
    autocomplete_fields = ("organization",)
    actions = ("try_out", "activate", "disable", "enable")

    def get_fields(self, request, obj=None):
        return (*IDENTITY, *SETTINGS) if obj is None else (*SETTINGS, *FIXED)

    def get_readonly_fields(self, request, obj=None):
        return () if obj is None else FIXED

    def create_row(self, request, values):
        asked = dict(values)
        return private.create(
            model=asked.pop("model_slug"), secret=asked.pop("secret"), **asked, by=through_admin(request)
        )

    def change_row(self, request, row, changes):
        secret = changes.pop("secret", "") or None
        return private.change(endpoint=row, secret=secret, **changes, by=through_admin(request))

    def remove_row(self, request, row):
        private.delete(endpoint=row, by=through_admin(request))

    @admin.action(description="Validate with the Default workspace's credentials", permissions=["change"])
    def try_out(self, request, queryset):
        """A live call each; says what failed."""
        for endpoint in queryset:
            own = Workspace.objects.for_organization(endpoint.organization_id).live()
            workspace = own.order_by("-is_default", "pk").first()
            if workspace is None:
                raise private.NotNow("The organization has no workspace.")
            found = validate(endpoint=endpoint, workspace=workspace, by=through_admin(request))
            faults = ", ".join(f"{check.name}: {check.reason}" for check in found.checks if not check.passed)
            level = messages.SUCCESS if found.passed else messages.ERROR
            self.message_user(request, f"{endpoint}: {faults or 'passed'}.", level)

    @admin.action(description="Activate", permissions=["change"])
    def activate(self, request, queryset):
        """All or none."""
        self._step(request, queryset, private.activate)

    @admin.action(description="Disable", permissions=["change"])
    def disable(self, request, queryset):
        """All or none."""
        self._step(request, queryset, private.disable)

    @admin.action(description="Enable", permissions=["change"])
    def enable(self, request, queryset):
        """All or none."""
        self._step(request, queryset, private.enable)

    def _step(self, request, endpoints, step):
        with transaction.atomic():
            done = [step(endpoint=endpoint, by=through_admin(request)) for endpoint in endpoints]
        self.message_user(request, f"{len(done)} endpoints are {done[0].status if done else 'as before'}.")


def _price(unit):
    return forms.DecimalField(
        label=f"{unit.replace('_', ' ').capitalize()}, US dollars per token",
        required=unit in ("prompt", "completion"),
        min_value=0,
        max_value=9000,
        max_digits=20,
        decimal_places=15,
        widget=UnfoldAdminDecimalFieldWidget,
    )


class PriceForm(forms.ModelForm):
    """Dollars per token; what is left out is derived, or is the prompt's."""

    prompt, completion = _price("prompt"), _price("completion")
    cache_read, cache_write = _price("cache_read"), _price("cache_write")

    class Meta:
        model = PrivatePrice
        fields = ("endpoint",)


@admin.register(PrivatePrice)
class PrivatePriceAdmin(ScopedModelAdmin):
    """Adding one makes it the endpoint's price from now on."""

    may = administrators_may = frozenset({"view", "add"})
    shown = {"endpoint__deleted_at": None}
    refusals = {NotAnAmount: None, private.EndpointGone: "endpoint"}
    form = PriceForm
    list_display = ("endpoint", "organization", "valid_from", "prompt_price", "completion_price")
    list_select_related = ("endpoint", "organization")
    list_filter = ("organization",)
    search_fields = ("endpoint__model_slug",)
    ordering = ("-valid_from", "-pk")
    autocomplete_fields = ("endpoint",)

    def get_fields(self, request, obj=None):
        return ("endpoint", *UNITS) if obj is None else ("endpoint", "valid_from", *SHOWN)

    def get_readonly_fields(self, request, obj=None):
        return () if obj is None else SHOWN

    def create_row(self, request, values):
        femtos = {unit: rate_from_usd(values[unit]) for unit in UNITS if values[unit] is not None}
        endpoint = values["endpoint"]
        private.set_pricing(endpoint=endpoint, rates=Rates(**femtos), by=through_admin(request))
        prices = PrivatePrice.objects.for_organization(endpoint.organization_id)
        return prices.filter(endpoint=endpoint).latest("valid_from", "pk")


def _column(unit):
    @admin.display(description=unit.replace("_", " ").capitalize())
    def column(self, price):
        femto = getattr(price, f"{unit}_femto")
        return "–" if femto is None else f"${plain_usd(usd_from_femto(femto))}"

    return column


for _unit in UNITS:
    setattr(PrivatePriceAdmin, f"{_unit}_price", _column(_unit))
