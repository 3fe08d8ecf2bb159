"""Feedback on generations, to be read."""

from __future__ import annotations

from django.contrib import admin

from accounts.models import Organization
from config.lib.admin_lists import KeysetModelAdmin, by_name, one_of
from config.lib.ids import parse_generation_id
from observability.models import GenerationFeedback
from observability.models.feedback import CATEGORIES
from workspaces.models import Workspace


@admin.register(GenerationFeedback)
class GenerationFeedbackAdmin(KeysetModelAdmin):
    """One complaint; found by the generation that it is about."""

    administrators_may = frozenset({"view"})
    list_display = ("created_at", "category", "generation", "comment")
    list_filter = (
        by_name(Organization, "organization_id"),
        by_name(Workspace, "workspace_id"),
        one_of("category", CATEGORIES),
    )
    search_fields = ("generation_id",)
    search_help_text = "The whole id of a generation, beginning with gen-"
    exclude = ("generation_id",)
    readonly_fields = ("generation",)

    def get_search_results(self, request, queryset, search_term):
        """What was said of the generation with this id; anything else finds nothing."""
        if not search_term:
            return queryset, False
        identifier = parse_generation_id(search_term.strip())
        return (queryset.filter(generation_id=identifier) if identifier else queryset.none()), False

    @admin.display(description="Generation")
    def generation(self, row):
        """As the API names it."""
        return row.public_generation_id
