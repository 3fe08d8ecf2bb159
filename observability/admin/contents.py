"""That something is kept of a request, and its deletion; what was said is shown by the API to whom it may be."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Func, IntegerField

from accounts.doors import through_admin
from accounts.models import Organization
from config.lib.admin_lists import KeysetModelAdmin, by_name
from config.lib.ids import generation_id, parse_generation_id
from observability import contents
from observability.models import GenerationContent
from workspaces.models import Workspace


@admin.register(GenerationContent)
class GenerationContentAdmin(KeysetModelAdmin):
    """Deleting one is written to the audit log, as it is through the API."""

    may = administrators_may = frozenset({"view", "delete"})
    list_display = ("generation", "workspace_id", "is_logged", "size")
    list_filter = (
        by_name(Organization, "organization_id"),
        by_name(Workspace, "workspace_id"),
        "is_logged",
    )
    search_fields = ("generation_id",)
    search_help_text = "The whole id of a generation, beginning with gen-"
    exclude = ("generation_id", "sealed")
    readonly_fields = ("generation", "size")

    def get_queryset(self, request):
        size = Func("sealed", function="octet_length", output_field=IntegerField())
        return super().get_queryset(request).defer("sealed").annotate(sealed_bytes=size)

    def get_search_results(self, request, queryset, search_term):
        """The content of the generation with this id; anything else finds nothing."""
        if not search_term:
            return queryset, False
        identifier = parse_generation_id(search_term.strip())
        return (queryset.filter(pk=identifier) if identifier else queryset.none()), False

    @admin.display(description="Generation")
    def generation(self, row):
        """As the API names it."""
        return generation_id(row.pk)

    @admin.display(description="Bytes, sealed")
    def size(self, row):
        """What it takes in the database."""
        return row.sealed_bytes

    def remove_row(self, request, row):
        contents.forget(organization_id=row.organization_id, generation_id=row.pk, by=through_admin(request))
