"""Management keys, shown once, then revoked or kept; and the answers kept for those who ask twice."""

from __future__ import annotations

from django.contrib import admin

from accounts import management_keys
from accounts.doors import through_admin
from accounts.models import IdempotentAnswer, ManagementKey
from config.lib.admin_lists import KeysetModelAdmin
from config.lib.admin_secrets import IssuesSecrets


@admin.register(ManagementKey)
class ManagementKeyAdmin(IssuesSecrets):
    """Deleting a key revokes it."""

    may = administrators_may = frozenset({"view", "add", "delete"})
    shown = {"deleted_at": None}
    list_display = ("name", "label", "organization", "created_by", "expires_at", "created_at")
    list_select_related = ("organization", "created_by")
    list_filter = ("organization",)
    search_fields = ("name", "label")
    autocomplete_fields = ("organization",)

    def get_fields(self, request, obj=None):
        if obj is None:
            return ("organization", "name", "expires_at")
        return ("organization", "name", "label", "hash", "created_by", "expires_at", "created_at")

    def create_row(self, request, values):
        issued = management_keys.issue(**values, by=through_admin(request))
        self.show_once(request, issued.secret)
        return issued.key

    def remove_row(self, request, row):
        management_keys.revoke(key=row, by=through_admin(request))


@admin.register(IdempotentAnswer)
class IdempotentAnswerAdmin(KeysetModelAdmin):
    """For platform staff: that an answer is kept, not what it says."""

    list_display = ("created_at", "organization", "caller", "status")
    list_select_related = ("organization",)
    fields = ("organization", "caller", "status", "created_at")
