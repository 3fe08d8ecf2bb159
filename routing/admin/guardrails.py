"""Guardrails, and who is held to them."""

from __future__ import annotations

from django import forms
from django.contrib import admin

from accounts.doors import through_admin
from config.lib.admin import ScopedModelAdmin
from config.lib.admin_fields import LinesField, NanoField, choice
from config.lib.display import exact_money_text
from routing import guardrail_assignments, guardrail_settings
from routing.guardrail_assignments import UnknownKeys
from routing.guardrail_checks import InvalidGuardrail
from routing.guardrail_rows import GuardrailGone
from routing.models import Guardrail, KeyAssignment, MemberAssignment
from workspaces.bulk_members import UnknownMembers

RESETS = (("", "–"), ("d", "Daily"), ("w", "Weekly"), ("m", "Monthly"))
LISTS = ("allowed_models", "ignored_models", "allowed_providers", "ignored_providers", "allowed_data_regions")
SETTINGS = (
    "workspace",
    "name",
    "description",
    "limit_nano",
    "limit_interval",
    "is_byok_in_budgets",
    *LISTS,
    "enable_paid_model_training",
    "enable_free_model_training",
    "enable_free_model_publication",
    "enforce_zdr_anthropic",
    "enforce_zdr_openai",
    "enforce_zdr_google",
    "enforce_zdr_xai",
    "enforce_zdr_other",
    "allow_safety_retention_google",
    "allow_safety_retention_other",
    "is_filtering_outputs",
)
FIXED = (
    "workspace",
    "content_filters",
    "content_filter_builtins",
    "public_id",
    "is_default",
    "created_by",
    "created_at",
    "updated_at",
)


class GuardrailForm(forms.ModelForm):
    """Limits in dollars; lists one entry a line, where an empty one restricts nothing."""

    limit_nano = NanoField(label="Limit in US dollars", required=False, min_value=0)
    limit_interval = choice(RESETS, label="Limit resets", required=False)
    allowed_models = LinesField(required=False)
    ignored_models = LinesField(required=False)
    allowed_providers = LinesField(required=False)
    ignored_providers = LinesField(required=False)
    allowed_data_regions = LinesField(required=False)

    class Meta:
        model = Guardrail
        fields = SETTINGS
        labels = {
            "is_byok_in_budgets": "BYOK counts towards the limit",
            "is_filtering_outputs": "Content filters look at answers too",
        }

    def clean_limit_interval(self):
        """None for a guardrail without a limit."""
        return self.cleaned_data["limit_interval"] or None

    def clean_description(self):
        """None rather than nothing."""
        return self.cleaned_data["description"] or None

    def clean(self):
        """A limit and how often it resets come together, or neither."""
        values = super().clean() or self.cleaned_data
        has_limit, has_interval = values.get("limit_nano") is not None, bool(values.get("limit_interval"))
        is_read = not self.errors.keys() & {"limit_nano", "limit_interval"}
        if is_read and has_limit and not has_interval:
            self.add_error("limit_interval", "Say how often the limit resets.")
        if is_read and has_interval and not has_limit:
            self.add_error("limit_nano", "Give the limit that resets, or choose –.")
        return values


@admin.register(Guardrail)
class GuardrailAdmin(ScopedModelAdmin):
    """Content filters are edited where they are checked, by the API; a default guardrail appears once it is written."""

    may = administrators_may = frozenset({"view", "add", "change", "delete"})
    refusals = {InvalidGuardrail: None, GuardrailGone: None}
    form = GuardrailForm
    list_display = ("name", "workspace", "organization", "is_default", "limit", "updated_at")
    list_select_related = ("workspace", "organization")
    list_filter = ("organization", "workspace", "is_default")
    search_fields = ("name",)
    autocomplete_fields = ("workspace",)

    def get_fields(self, request, obj=None):
        return SETTINGS if obj is None else (*SETTINGS, *FIXED[1:])

    def get_readonly_fields(self, request, obj=None):
        return () if obj is None else FIXED

    @admin.display(description="Limit")
    def limit(self, guardrail):
        """In dollars, per key and per member, with how often it resets."""
        if guardrail.limit_nano is None:
            return "–"
        resets = dict(RESETS)[guardrail.limit_interval].lower()
        return f"{exact_money_text(guardrail.limit_nano)} {resets}"

    def create_row(self, request, values):
        return guardrail_settings.create(**values, by=through_admin(request))

    def change_row(self, request, row, changes):
        return guardrail_settings.change(guardrail=row, **changes, by=through_admin(request))

    def remove_row(self, request, row):
        guardrail_settings.delete(guardrail=row, by=through_admin(request))


@admin.register(KeyAssignment)
class KeyAssignmentAdmin(ScopedModelAdmin):
    """A key that has a guardrail is released before it gets another one here."""

    may = administrators_may = frozenset({"view", "add", "delete"})
    refusals = {UnknownKeys: "api_key", GuardrailGone: "guardrail"}
    list_display = ("api_key", "guardrail", "organization", "assigned_by", "created_at")
    list_select_related = ("api_key", "guardrail", "organization", "assigned_by")
    list_filter = ("organization", "guardrail")
    search_fields = ("api_key__name", "guardrail__name")
    autocomplete_fields = ("guardrail", "api_key")

    def get_fields(self, request, obj=None):
        both = ("guardrail", "api_key")
        return both if obj is None else (*both, "public_id", "assigned_by", "created_at")

    def create_row(self, request, values):
        guardrail, key = values["guardrail"], values["api_key"]
        guardrail_assignments.assign_keys(guardrail=guardrail, keys=[key], by=through_admin(request))
        return self.get_queryset(request).get(api_key=key)

    def remove_row(self, request, row):
        by = through_admin(request)
        guardrail_assignments.unassign_keys(guardrail=row.guardrail, keys=[row.api_key], by=by)


@admin.register(MemberAssignment)
class MemberAssignmentAdmin(ScopedModelAdmin):
    """A member who has a guardrail is released before he gets another one here."""

    may = administrators_may = frozenset({"view", "add", "delete"})
    refusals = {UnknownMembers: "membership", GuardrailGone: "guardrail"}
    list_display = ("membership", "guardrail", "organization", "assigned_by", "created_at")
    list_select_related = (
        "membership__user",
        "membership__organization",
        "guardrail",
        "organization",
        "assigned_by",
    )
    list_filter = ("organization", "guardrail")
    search_fields = ("membership__user__email", "guardrail__name")
    autocomplete_fields = ("guardrail", "membership")

    def get_fields(self, request, obj=None):
        both = ("guardrail", "membership")
        return both if obj is None else (*both, "public_id", "assigned_by", "created_at")

    def create_row(self, request, values):
        guardrail, membership = values["guardrail"], values["membership"]
        guardrail_assignments.assign_members(
            guardrail=guardrail, memberships=[membership], by=through_admin(request)
        )
        return self.get_queryset(request).get(membership=membership)

    def remove_row(self, request, row):
        by = through_admin(request)
        guardrail_assignments.unassign_members(guardrail=row.guardrail, memberships=[row.membership], by=by)
