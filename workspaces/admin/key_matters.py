"""Authorization codes, former secrets and registrations: looked at, and registrations switched."""

from __future__ import annotations

from django.contrib import admin

from accounts.doors import through_admin
from config.lib.admin import ScopedModelAdmin
from config.lib.admin_lists import KeysetModelAdmin
from workspaces import external_users
from workspaces.models import AuthCode, ExternalUser, FormerSecret, SecretUse


@admin.register(AuthCode)
class AuthCodeAdmin(KeysetModelAdmin):
    """What was allowed to whom; never the code."""

    administrators_may = frozenset({"view"})
    list_display = ("key_name", "callback_url", "workspace", "owner", "created_at", "used_at")
    list_select_related = ("workspace", "owner__user", "owner__organization")
    fields = (
        ("organization", "workspace", "owner"),
        ("key_name", "callback_url", "method"),
        ("limit_nano", "limit_interval", "expires_at"),
        ("created_by", "created_at", "used_at"),
    )


@admin.register(FormerSecret)
class FormerSecretAdmin(KeysetModelAdmin):
    """The secrets that keys had before they were rotated."""

    administrators_may = frozenset({"view"})
    list_display = ("label", "key", "works_until", "replaced_at")
    list_select_related = ("key",)
    fields = ("organization", "key", "number", "label", "hash", "works_until", "replaced_at", "last_used_at")


@admin.register(SecretUse)
class SecretUseAdmin(KeysetModelAdmin):
    """For platform staff: when secrets of rotated keys were last used, as ingest wrote it."""

    list_display = ("api_key_id", "number", "organization_id", "last_used_at")


@admin.register(ExternalUser)
class ExternalUserAdmin(ScopedModelAdmin):
    """Registrations stay; one that is not needed is deactivated."""

    may = administrators_may = frozenset({"view", "add", "change"})
    refusals = {external_users.AlreadyRegistered: "identifier"}
    list_display = ("identifier", "organization", "is_active", "created_at", "updated_at")
    list_select_related = ("organization",)
    list_filter = ("organization", "is_active")
    search_fields = ("identifier",)
    autocomplete_fields = ("organization",)

    def get_fields(self, request, obj=None):
        if obj is None:
            return ("organization", "identifier")
        return ("organization", "identifier", "is_active", "created_at", "updated_at")

    def get_readonly_fields(self, request, obj=None):
        return () if obj is None else ("organization", "identifier", "created_at", "updated_at")

    def create_row(self, request, values):
        return external_users.register(**values, by=through_admin(request))

    def change_row(self, request, row, changes):
        return external_users.set_active(user=row, by=through_admin(request), **changes)
