"""The privacy settings of an account, the ceiling of its workspaces."""

from __future__ import annotations

from django import forms
from django.contrib import admin

from accounts import privacy
from accounts.doors import through_admin
from accounts.models import PrivacySettings
from accounts.slug_lists import NotASlugList
from config.lib.admin import ScopedModelAdmin
from config.lib.admin_fields import LinesField

LISTS = ("allowed_models", "ignored_models", "allowed_providers", "ignored_providers")
FLAGS = (
    "enable_paid_model_training",
    "enable_free_model_training",
    "enable_paid_model_publication",
    "enable_free_model_publication",
    "enforce_zdr_anthropic",
    "enforce_zdr_openai",
    "enforce_zdr_google",
    "enforce_zdr_xai",
    "enforce_zdr_other",
    "allow_safety_retention_google",
    "allow_safety_retention_other",
    "is_io_logging_allowed",
)


class PrivacyForm(forms.ModelForm):
    """Lists are typed one slug a line; an empty one restricts nothing."""

    allowed_models = LinesField(required=False)
    ignored_models = LinesField(required=False)
    allowed_providers = LinesField(required=False)
    ignored_providers = LinesField(required=False)

    class Meta:
        model = PrivacySettings
        fields = ("organization", *LISTS, *FLAGS)


@admin.register(PrivacySettings)
class PrivacySettingsAdmin(ScopedModelAdmin):
    """The allowlist of phrases is edited where it is checked, by the API."""

    may = administrators_may = frozenset({"view", "add", "change"})
    refusals = {NotASlugList: None}
    form = PrivacyForm
    list_display = ("organization", "is_io_logging_allowed", "updated_at")
    list_select_related = ("organization",)
    list_filter = ("organization",)
    autocomplete_fields = ("organization",)

    def get_fields(self, request, obj=None):
        added = () if obj is None else ("prompt_injection_allowlist", "created_at", "updated_at")
        return ("organization", *LISTS, *FLAGS, *added)

    def get_readonly_fields(self, request, obj=None):
        if obj is None:
            return ()
        return ("organization", "prompt_injection_allowlist", "created_at", "updated_at")

    def create_row(self, request, values):
        return privacy.change(**values, by=through_admin(request))

    def change_row(self, request, row, changes):
        return privacy.change(organization=row.organization, **changes, by=through_admin(request))
