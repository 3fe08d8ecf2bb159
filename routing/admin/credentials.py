"""Credentials for providers that organizations bring; a secret is typed here and never shown."""

from __future__ import annotations

from django import forms
from django.contrib import admin
from unfold.widgets import UnfoldAdminPasswordWidget

from accounts.doors import through_admin
from config.lib.admin import ScopedModelAdmin
from config.lib.admin_fields import choice
from routing import byok
from routing.credential_formats import DATA_REGIONS, UndeclarableRegion, UnusableCredential
from routing.models import ByokCredential

REGIONS = (("", "Not declared"), *((name, name) for name in DATA_REGIONS))
PLACE = ("organization", "workspace", "provider")
SETTINGS = (
    "name",
    "secret",
    "is_fallback",
    "is_required",
    "is_byok_only",
    "declared_zdr",
    "declared_region",
    "is_disabled",
)
FILTERS = ("allowed_models", "allowed_api_key_ids", "allowed_member_ids")
FIXED = (*PLACE, "label", *FILTERS, "public_id", "created_by", "created_at", "updated_at")


class CredentialForm(forms.ModelForm):
    """A new secret takes the place of the old one."""

    secret = forms.CharField(
        strip=True,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text="The provider's key, or its credential as JSON. Once saved it is never shown.",
    )
    declared_region = choice(REGIONS, required=False)

    class Meta:
        model = ByokCredential
        fields = (*PLACE, *SETTINGS[:1], *SETTINGS[2:], "sort_order")
        labels = {"is_byok_only": "BYOK only", "declared_zdr": "Declared ZDR", "is_disabled": "Disabled"}
        help_texts = {"workspace": "Empty: usable in all workspaces of the organization."}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None:
            self.fields["secret"].required = False
            self.fields["secret"].help_text = "Replaces the secret; empty leaves it as it is."

    def clean_declared_region(self):
        """Nothing is no declaration."""
        return self.cleaned_data["declared_region"] or None

    def clean_name(self):
        """Nothing is no name."""
        return self.cleaned_data["name"] or None


@admin.register(ByokCredential)
class ByokCredentialAdmin(ScopedModelAdmin):
    """Its filters are shown here, and edited where they are checked: through the API."""

    may = administrators_may = frozenset({"view", "add", "change", "delete"})
    shown = {"deleted_at": None}
    refusals = {
        byok.UnknownProvider: "provider",
        byok.WorkspaceGone: "workspace",
        byok.FallbackOnly: None,
        byok.CredentialGone: None,
        UnusableCredential: "secret",
        UndeclarableRegion: "declared_region",
    }
    form = CredentialForm
    list_display = ("provider", "name", "label", "workspace", "organization", "sort_order", "is_fallback")
    list_select_related = ("workspace", "organization")
    list_filter = ("organization", "workspace", "provider", "is_fallback", "is_disabled")
    search_fields = ("name", "label", "provider")
    ordering = ("organization", "provider", "is_fallback", "sort_order", "pk")
    autocomplete_fields = ("organization", "workspace")

    def get_fields(self, request, obj=None):
        return (*PLACE, *SETTINGS) if obj is None else (*SETTINGS, "sort_order", *FIXED)

    def get_readonly_fields(self, request, obj=None):
        return () if obj is None else FIXED

    def create_row(self, request, values):
        return byok.create(**values, by=through_admin(request))

    def change_row(self, request, row, changes):
        secret = changes.pop("secret", "") or None
        return byok.change(credential=row, secret=secret, **changes, by=through_admin(request))

    def remove_row(self, request, row):
        byok.delete(credential=row, by=through_admin(request))
