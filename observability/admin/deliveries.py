"""Deliveries to destinations, to be read: how each destination fares, its batches, and what was ordered."""

from __future__ import annotations

from django.contrib import admin
from django.utils import timezone

from accounts.models import Organization
from config.lib.admin import ScopedModelAdmin
from config.lib.admin_lists import KeysetModelAdmin, by_name, one_of
from observability.delivery_reading import OUTCOMES
from observability.models import DeliveryJob, DeliveryReceipt, DeliveryState, Destination
from workspaces.models import Workspace


@admin.register(DeliveryState)
class DeliveryStateAdmin(ScopedModelAdmin):
    """How a destination fares; accepted = sent + dead + pending."""

    administrators_may = frozenset({"view"})
    list_display = (
        *("destination", "pending", "breaker", "accepted", "sent", "dead", "dropped"),
        *("last_delivered_at", "last_error"),
    )
    list_select_related = ("destination",)
    list_filter = (by_name(Organization, "organization_id"),)
    exclude = ("recent",)
    readonly_fields = ("pending", "breaker")
    ordering = ("pk",)

    @admin.display(description="Pending")
    def pending(self, row):
        """How many wait."""
        return row.accepted - row.sent - row.dead

    @admin.display(description="Breaker")
    def breaker(self, row):
        """Whether it is sent to."""
        if row.open_until is not None and row.open_until > timezone.now():
            return "open" if row.openings else "paused"
        return "half open" if row.openings else "closed"


@admin.register(DeliveryReceipt)
class DeliveryReceiptAdmin(KeysetModelAdmin):
    """One batch and what came back."""

    administrators_may = frozenset({"view"})
    list_display = ("created_at", "destination_id", "outcome", "traces", "delivered", "http_status", "error")
    list_filter = (
        by_name(Organization, "organization_id"),
        by_name(Workspace, "workspace_id"),
        by_name(Destination, "destination_id"),
        one_of("outcome", OUTCOMES),
    )


@admin.register(DeliveryJob)
class DeliveryJobAdmin(KeysetModelAdmin):
    """A replay, a discard or a back-fill, and how far it is."""

    administrators_may = frozenset({"view"})
    list_display = ("created_at", "destination", "kind", "examined", "done", "left_out", "finished_at")
    list_select_related = ("destination",)
    list_filter = (by_name(Organization, "organization_id"), by_name(Destination, "destination_id"))
    exclude = ("cursor",)
