"""Workspaces and who is in them."""

from __future__ import annotations

from django.contrib import admin

from accounts.doors import through_admin
from accounts.privacy import IoLoggingForbidden
from config.lib.admin import ScopedModelAdmin
from config.lib.rated import RATES
from workspaces import members, workspaces
from workspaces.models import Workspace, WorkspaceMember

SETTINGS = (
    "name",
    "slug",
    "description",
    "default_text_model",
    "default_image_model",
    "default_provider_sort",
    "is_strict",
    "is_broadcast_enabled",
    "is_io_logging_enabled",
    "is_data_discount_logging_enabled",
    "io_logging_sampling_rate",
    *RATES,
)


@admin.register(Workspace)
class WorkspaceAdmin(ScopedModelAdmin):
    """The lists of keys and tools among its settings are edited where they are checked: dashboard and API."""

    may = administrators_may = frozenset({"view", "add", "change", "delete"})
    shown = {"deleted_at": None}
    refusals = {
        workspaces.SlugTaken: "slug",
        IoLoggingForbidden: "is_io_logging_enabled",
        workspaces.WorkspaceHasActiveKeys: None,
        workspaces.ConfirmationNeeded: None,
    }
    list_display = ("name", "slug", "organization", "is_default", "is_strict", "created_at")
    list_select_related = ("organization",)
    list_filter = ("organization", "is_default")
    search_fields = ("name", "slug")
    ordering = ("organization", "name", "pk")
    autocomplete_fields = ("organization",)

    def get_fields(self, request, obj=None):
        if obj is None:
            return ("organization", *SETTINGS)
        return (
            "organization",
            *SETTINGS,
            "public_id",
            "is_default",
            "created_by",
            "created_at",
            "updated_at",
        )

    def get_readonly_fields(self, request, obj=None):
        if obj is None:
            return ()
        return ("organization", "public_id", "is_default", "created_by", "created_at", "updated_at")

    def create_row(self, request, values):
        return workspaces.create(**values, by=through_admin(request))

    def change_row(self, request, row, changes):
        return workspaces.change(workspace=row, **changes, by=through_admin(request))

    def remove_row(self, request, row):
        workspaces.delete(workspace=row, by=through_admin(request))


@admin.register(WorkspaceMember)
class WorkspaceMemberAdmin(ScopedModelAdmin):
    """Seats are added and removed; a role of its own comes from an identity provider only."""

    may = administrators_may = frozenset({"view", "add", "delete"})
    shown = {"workspace__deleted_at": None, "membership__removed_at": None}
    refusals = {
        members.DefaultWorkspace: "workspace",
        members.NotInOrganization: "membership",
        members.HasActiveKeys: None,
    }
    list_display = ("membership", "workspace", "organization", "role", "created_at")
    list_select_related = ("membership__user", "membership__organization", "workspace", "organization")
    list_filter = ("organization", "workspace")
    search_fields = ("membership__user__email", "workspace__name")
    autocomplete_fields = ("workspace", "membership")

    def get_fields(self, request, obj=None):
        return (
            ("workspace", "membership") if obj is None else ("workspace", "membership", "role", "created_at")
        )

    def create_row(self, request, values):
        return members.add(**values, by=through_admin(request))

    def remove_row(self, request, row):
        members.remove(workspace=row.workspace, membership=row.membership, by=through_admin(request))
