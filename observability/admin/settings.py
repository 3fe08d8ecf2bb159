"""For how long workspaces keep what their I/O logging logs; its switches are on the workspace's own page."""

from __future__ import annotations

from django.contrib import admin

from accounts.doors import through_admin
from config.lib.admin import ScopedModelAdmin
from observability import settings
from observability.models import ObservabilitySettings
from workspaces.locking import WorkspaceGone


@admin.register(ObservabilitySettings)
class ObservabilitySettingsAdmin(ScopedModelAdmin):
    """One per workspace; deleting it makes the default hold again."""

    may = administrators_may = frozenset({"view", "add", "change", "delete"})
    refusals = {settings.InvalidRetention: "retention_days", WorkspaceGone: "workspace"}
    list_display = ("workspace", "organization", "retention_days", "updated_at")
    list_select_related = ("workspace", "organization")
    list_filter = ("organization", "workspace")
    autocomplete_fields = ("workspace",)
    ordering = ("organization", "workspace")

    def get_fields(self, request, obj=None):
        fields = ("workspace", "retention_days")
        return fields if obj is None else (*fields, "updated_at")

    def get_readonly_fields(self, request, obj=None):
        return () if obj is None else ("workspace", "updated_at")

    def create_row(self, request, values):
        workspace = values.pop("workspace")
        settings.change(workspace=workspace, **values, by=through_admin(request))
        return ObservabilitySettings.objects.for_workspace(workspace).get()

    def change_row(self, request, row, changes):
        settings.change(workspace=row.workspace, **changes, by=through_admin(request))
        row.refresh_from_db()
        return row

    def remove_row(self, request, row):
        settings.reset(workspace=row.workspace, by=through_admin(request))
