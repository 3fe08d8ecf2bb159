"""Requests and what became of them, to be read."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import OuterRef, Subquery

from accounts.models import Organization
from config.lib.admin_lists import KeysetModelAdmin, by_name, exactly, one_of
from config.lib.display import exact_money_text
from config.lib.ids import parse_generation_id
from observability.models import Generation
from workspaces.models import Workspace

STATES = (
    Generation.COMPLETED,
    Generation.ERROR,
    Generation.CANCELLED,
    Generation.INTERRUPTED,
    Generation.REFUSED,
)


@admin.register(Generation)
class GenerationAdmin(KeysetModelAdmin):
    """One request; found by its id, listed by key, never counted."""

    administrators_may = frozenset({"view"})
    list_display = (
        "public_id",
        "admitted_at",
        "workspace",
        "model",
        "provider",
        "status",
        "tokens",
        "cost",
    )
    list_filter = (
        by_name(Organization, "organization_id"),
        by_name(Workspace, "workspace_id"),
        one_of("status", STATES),
        exactly("model", title="model"),
        exactly("provider", title="provider"),
        exactly("tool", title="server tool"),
    )
    search_fields = ("id",)
    search_help_text = "The whole id, beginning with gen-"
    exclude = ("cost_nano", "byok_nano", "upstream_cost_nano")
    readonly_fields = ("public_id", "workspace", "cost", "byok", "upstream_cost")

    def get_queryset(self, request):
        names = Workspace.objects.filter(pk=OuterRef("workspace_id")).values("name")
        return super().get_queryset(request).annotate(workspace_name=Subquery(names))

    @admin.display(description="Workspace")
    def workspace(self, row):
        """By its name; a deleted one keeps it."""
        return row.workspace_name

    def get_search_results(self, request, queryset, search_term):
        """The one generation with this id; anything else finds nothing."""
        if not search_term:
            return queryset, False
        identifier = parse_generation_id(search_term.strip())
        return (queryset.filter(pk=identifier) if identifier else queryset.none()), False

    @admin.display(description="Tokens")
    def tokens(self, row):
        """Prompt and completion."""
        return f"{row.prompt_tokens} → {row.completion_tokens}"

    @admin.display(description="Cost")
    def cost(self, row):
        """Charged."""
        return exact_money_text(row.cost_nano)

    @admin.display(description="BYOK at list price")
    def byok(self, row):
        """Metered, not charged."""
        return exact_money_text(row.byok_nano)

    @admin.display(description="Cost at the provider")
    def upstream_cost(self, row):
        """What the provider asks."""
        return "–" if row.upstream_cost_nano is None else exact_money_text(row.upstream_cost_nano)
