"""Revisions: the record of every change of a setting, to be read."""

from __future__ import annotations

from django.contrib import admin
from django.template.loader import render_to_string

from accounts.history import who_made
from accounts.models import Organization, Revision
from accounts.revisions import diff
from config.lib.admin_lists import KeysetModelAdmin, by_name, exactly, one_of

DOORS = ("api", "dashboard", "admin", "shell", "scim", "stripe")


@admin.register(Revision)
class RevisionAdmin(KeysetModelAdmin):
    """One change: who, when, through which door, and what it changed."""

    administrators_may = frozenset({"view"})
    list_display = ("created_at", "action", "object_type", "object_name", "who", "door", "organization")
    list_select_related = ("organization", "user", "management_key")
    list_filter = (
        by_name(Organization, "organization_id"),
        one_of("action", ("create", "update", "delete")),
        one_of("door", DOORS),
        exactly("object_type", title="object type"),
        exactly("object_id", title="object id"),
    )
    fields = (
        ("created_at", "action"),
        ("object_type", "object_id"),
        "object_name",
        "changes",
        ("who", "door"),
        ("address", "reason"),
        "organization",
    )
    readonly_fields = ("changes", "who")

    @admin.display(description="By")
    def who(self, revision):
        """The person or the key behind it."""
        return who_made(revision)

    @admin.display(description="Changes")
    def changes(self, revision):
        """Each changed column, before and after."""
        return render_to_string(
            "admin/headgate/_changes.html", {"changes": diff(revision.before, revision.after)}
        )
