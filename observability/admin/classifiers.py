"""Classifiers of requests, and what they have sorted."""

from __future__ import annotations

from django import forms
from django.contrib import admin

from accounts.doors import through_admin
from accounts.models import Organization
from config.lib.admin import ScopedModelAdmin
from config.lib.admin_declared import JSONTextField
from config.lib.admin_lists import KeysetModelAdmin, by_name, one_of
from config.lib.declared import NotValid
from config.lib.ids import parse_generation_id
from observability import classifier_settings as settings
from observability.models import Classification, Classifier
from workspaces.locking import WorkspaceGone
from workspaces.models import Workspace

SETTINGS = ("name", "model", "instructions", "taxonomy", "sampling_rate", "is_enabled")
FIXED = (
    *("organization", "workspace", "api_key_ids", "key", "public_id"),
    *("created_by", "created_at", "updated_at"),
)


class ClassifierForm(forms.ModelForm):
    """The taxonomy is JSON, as the API takes it."""

    taxonomy = JSONTextField(
        help_text='[{"name": "topic", "labels": [{"label": "billing"}, …]}, …]; see docs/classifiers.md.'
    )

    class Meta:
        model = Classifier
        fields = ("workspace", *SETTINGS)
        help_texts = {
            "model": "The slug of the model that sorts; its requests are charged to the workspace.",
            "sampling_rate": "The share of sessions, from 0.0001 to 1.",
        }


@admin.register(Classifier)
class ClassifierAdmin(ScopedModelAdmin):
    """Its filter of keys is shown here, and edited where it is checked: through the API."""

    may = administrators_may = frozenset({"view", "add", "change", "delete"})
    shown = {"deleted_at": None}
    refusals = {
        NotValid: None,
        settings.TooManyClassifiers: None,
        settings.ClassifierGone: None,
        WorkspaceGone: "workspace",
    }
    form = ClassifierForm
    list_display = ("name", "model", "workspace", "organization", "is_enabled", "sampling_rate")
    list_select_related = ("workspace", "organization")
    list_filter = ("organization", "workspace", "is_enabled")
    search_fields = ("name", "model")
    ordering = ("organization", "workspace", "pk")
    autocomplete_fields = ("workspace",)

    def get_fields(self, request, obj=None):
        return ("workspace", *SETTINGS) if obj is None else (*SETTINGS, *FIXED)

    def get_readonly_fields(self, request, obj=None):
        return () if obj is None else FIXED

    def create_row(self, request, values):
        return settings.create(**values, by=through_admin(request))

    def change_row(self, request, row, changes):
        return settings.change(classifier=row, **changes, by=through_admin(request))

    def remove_row(self, request, row):
        settings.delete(classifier=row, by=through_admin(request))


@admin.register(Classification)
class ClassificationAdmin(KeysetModelAdmin):
    """One request that was sorted, or is to be; found by its generation."""

    administrators_may = frozenset({"view"})
    list_display = ("created_at", "generation", "status", "tags", "error")
    list_filter = (
        by_name(Organization, "organization_id"),
        by_name(Workspace, "workspace_id"),
        one_of("status", Classification.STATUSES),
    )
    search_fields = ("generation_id",)
    search_help_text = "The whole id of a generation, beginning with gen-"
    exclude = ("generation_id",)
    readonly_fields = ("generation",)

    def get_search_results(self, request, queryset, search_term):
        """What became of the generation with this id; anything else finds nothing."""
        if not search_term:
            return queryset, False
        identifier = parse_generation_id(search_term.strip())
        return (queryset.filter(generation_id=identifier) if identifier else queryset.none()), False

    @admin.display(description="Generation")
    def generation(self, row):
        """As the API names it."""
        return row.public_generation_id
