"""Events: what people did without changing a setting, to be read."""

from __future__ import annotations

from django.contrib import admin

from accounts.audit_events import KINDS
from accounts.audit_log import DOORS
from accounts.history import who_made
from accounts.models import AuditEvent, Organization
from config.lib.admin_lists import KeysetModelAdmin, by_name, one_of


@admin.register(AuditEvent)
class AuditEventAdmin(KeysetModelAdmin):
    """One event: who, when, through which door, from where."""

    administrators_may = frozenset({"view"})
    list_display = ("created_at", "kind", "who", "door", "address", "organization")
    list_select_related = ("organization", "user", "management_key")
    list_filter = (
        by_name(Organization, "organization_id"),
        one_of("kind", tuple(KINDS)),
        one_of("door", DOORS),
    )
    fields = (("created_at", "kind"), ("who", "door"), "address", "detail", "organization")
    readonly_fields = ("who",)

    @admin.display(description="By")
    def who(self, event):
        """The person or the key behind it."""
        return who_made(event)
