"""Inference keys: shown once when they are issued, by their label ever after."""

from __future__ import annotations

from django import forms
from django.contrib import admin
from django.db import transaction
from django.utils import timezone

from accounts.doors import through_admin
from config.lib.admin_fields import NanoField, choice
from config.lib.admin_lists import KeysetModelAdmin
from config.lib.admin_secrets import IssuesSecrets
from config.lib.display import exact_money_text
from config.lib.rated import RATES
from workspaces import api_keys
from workspaces.models import ApiKey, ApiKeyUse

RESETS = (("t", "Never"), ("d", "Daily"), ("w", "Weekly"), ("m", "Monthly"))
AT_FIRST = (
    "workspace",
    "owner",
    "name",
    "limit_nano",
    "limit_interval",
    "is_byok_in_limit",
    "expires_at",
    "external_user",
)
LATER = ("is_disabled", *RATES)
FIXED = ("organization", "label", "hash", "created_by", "created_at", "updated_at")


class ApiKeyForm(forms.ModelForm):
    """Limits in dollars."""

    limit_nano = NanoField(label="Limit in US dollars", required=False, min_value=0)
    limit_interval = choice(RESETS, label="Limit resets", initial="t")

    class Meta:
        model = ApiKey
        fields = (*AT_FIRST, *LATER)
        labels = {
            "is_byok_in_limit": "BYOK counts towards the limit",
            "is_disabled": "Disabled",
            "expires_at": "Expires at (UTC)",
        }


@admin.register(ApiKey)
class ApiKeyAdmin(IssuesSecrets):
    """A key without an owner is its workspace's own."""

    may = administrators_may = frozenset({"view", "add", "change", "delete"})
    shown = {"deleted_at": None}
    refusals = {
        api_keys.OwnerNotInWorkspace: "owner",
        api_keys.WorkspaceOfAnother: "workspace",
    }
    form = ApiKeyForm
    list_display = ("name", "label", "workspace", "owner", "state", "limit", "expires_at", "created_at")
    list_select_related = ("workspace", "owner__user", "owner__organization")
    list_filter = ("organization", "workspace", "is_disabled")
    search_fields = ("name", "label", "external_user")
    autocomplete_fields = ("workspace", "owner")
    actions = ("disable", "enable")

    def get_fields(self, request, obj=None):
        return AT_FIRST if obj is None else (*AT_FIRST, *LATER, *FIXED)

    def get_readonly_fields(self, request, obj=None):
        return () if obj is None else FIXED

    @admin.display(description="State")
    def state(self, key):
        """The first reason why it would be refused."""
        if key.is_disabled:
            return "disabled"
        return "expired" if key.expires_at is not None and key.expires_at <= timezone.now() else "active"

    @admin.display(description="Limit")
    def limit(self, key):
        """In dollars, with how often it resets."""
        if key.limit_nano is None:
            return "–"
        resets = dict(RESETS)[key.limit_interval].lower()
        return exact_money_text(key.limit_nano) + ("" if key.limit_interval == "t" else f" {resets}")

    @admin.action(description="Disable selected keys", permissions=["change"])
    def disable(self, request, queryset):
        """All or none."""
        self._switch(request, queryset, is_disabled=True)

    @admin.action(description="Enable selected keys", permissions=["change"])
    def enable(self, request, queryset):
        """All or none."""
        self._switch(request, queryset, is_disabled=False)

    def _switch(self, request, keys, *, is_disabled):
        with transaction.atomic():
            changed = [
                api_keys.change(key=key, is_disabled=is_disabled, by=through_admin(request))
                for key in keys.exclude(is_disabled=is_disabled)
            ]
        self.message_user(request, f"{len(changed)} keys {'disabled' if is_disabled else 'enabled'}.")

    def create_row(self, request, values):
        issued = api_keys.issue(**values, by=through_admin(request))
        self.show_once(request, issued.secret)
        return issued.key

    def change_row(self, request, row, changes):
        return api_keys.change(key=row, **changes, by=through_admin(request))

    def remove_row(self, request, row):
        api_keys.delete(key=row, by=through_admin(request))


@admin.register(ApiKeyUse)
class ApiKeyUseAdmin(KeysetModelAdmin):
    """For platform staff: when keys were last used, as ingest wrote it."""

    list_display = ("api_key_id", "organization_id", "last_used_at")
