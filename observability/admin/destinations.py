"""Destinations of traces; secrets are typed here and never shown."""

from __future__ import annotations

import time

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from accounts.doors import through_admin
from config.lib.admin import ScopedModelAdmin
from config.lib.admin_declared import JSONTextField
from config.lib.admin_fields import choice
from config.lib.declared import NotValid
from observability import destination_settings as settings
from observability.destination_config import shown_config
from observability.destination_probes import TRIAL_SECONDS, TooManyTrials, probe
from observability.destination_rows import DestinationGone, TooManyDestinations
from observability.destinations import DESTINATIONS
from observability.destinations.destination import Probed
from observability.models import Destination
from workspaces.locking import WorkspaceGone

PLACE = ("workspace", "type")
SETTINGS = (
    *("name", "configuration", "is_enabled", "is_everywhere", "is_private", "sampling_rate"),
    *("regions", "filter_rules", "metadata_groups"),
)
FIXED = (
    "organization",
    *PLACE,
    "source",
    "api_key_ids",
    "public_id",
    "created_by",
    "created_at",
    "updated_at",
)


def several(values, **options):
    """Check boxes for a column that holds a list of known words."""
    return forms.MultipleChoiceField(
        choices=[(value, value.replace("_", " ").capitalize()) for value in values],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        **options,
    )


class DestinationForm(forms.ModelForm):
    """The configuration is JSON, as the API takes it: masked values stand for what is kept."""

    type = choice(())
    configuration = JSONTextField(
        help_text="JSON, by type; see docs/broadcast.md. Secrets are sealed, and shown masked from then on."
    )
    regions = several(settings.REGIONS)
    filter_rules = JSONTextField(
        required=False, help_text='{"groups": [{"rules": […]}]}; empty: all requests.'
    )
    metadata_groups = several(settings.METADATA_GROUPS, required=False)

    class Meta:
        model = Destination
        fields = (*PLACE, "name", "is_enabled", "is_everywhere", "is_private", "sampling_rate", *SETTINGS[6:])
        labels = {"is_everywhere": "In all workspaces", "is_private": "Privacy mode"}
        help_texts = {
            "is_everywhere": "Each other workspace gets a copy that follows this one.",
            "is_private": "Without prompts and completions.",
            "sampling_rate": "The share of sessions, from 0.0001 to 1.",
        }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        kind_field = self.fields.get("type")
        if isinstance(kind_field, forms.ChoiceField):
            kind_field.choices = [(slug, kind.name) for slug, kind in sorted(DESTINATIONS.items())]
            self.initial.setdefault("regions", [settings.REGIONS[0]])
        if self.instance.pk is not None:
            self.initial["configuration"] = shown_config(self.instance)


@admin.register(Destination)
class DestinationAdmin(ScopedModelAdmin):
    """Its filter of keys is shown here, and edited where it is checked: through the API."""

    may = administrators_may = frozenset({"view", "add", "change", "delete"})
    shown = {"deleted_at": None}
    refusals = {
        NotValid: None,
        settings.UnknownType: "type",
        settings.PrivacyLocked: "is_private",
        settings.IsCopy: None,
        settings.NoCopy: None,
        TooManyDestinations: None,
        DestinationGone: None,
        WorkspaceGone: "workspace",
    }
    form = DestinationForm
    list_display = ("name", "type", "workspace", "organization", "is_enabled", "is_everywhere", "source")
    list_select_related = ("workspace", "organization", "source")
    list_filter = ("organization", "workspace", "type", "is_enabled")
    search_fields = ("name", "type")
    ordering = ("organization", "workspace", "pk")
    autocomplete_fields = ("workspace",)
    actions = ("try_out", "detach")

    def get_queryset(self, request):
        return super().get_queryset(request).filter(type__in=DESTINATIONS)

    def get_fields(self, request, obj=None):
        return (*PLACE, *SETTINGS) if obj is None else (*SETTINGS, *FIXED)

    def get_readonly_fields(self, request, obj=None):
        return () if obj is None else FIXED

    def create_row(self, request, values):
        kind, groups = values.pop("type"), values.pop("metadata_groups")
        config = values.pop("configuration")
        return settings.create(
            kind=kind,
            config=config,
            metadata_groups=dict.fromkeys(groups, True),
            **values,
            by=through_admin(request),
        )

    def change_row(self, request, row, changes):
        if "configuration" in changes:
            changes["config"] = _whole(row, changes.pop("configuration"))
        if "metadata_groups" in changes:
            chosen = changes["metadata_groups"]
            changes["metadata_groups"] = {name: name in chosen for name in settings.METADATA_GROUPS}
        return settings.change(destination=row, **changes, by=through_admin(request))

    def remove_row(self, request, row):
        settings.delete(destination=row, by=through_admin(request))

    @admin.action(description="Test the connection", permissions=["change"])
    def try_out(self, request, queryset):
        """A live call each, for a handful at most; says what failed."""
        until = time.monotonic() + TRIAL_SECONDS
        for destination in queryset:
            if time.monotonic() > until:
                self.message_user(
                    request, f"{destination}: not tried, the others took long.", messages.WARNING
                )
                continue
            try:
                found = probe(destination=destination)
            except (NotValid, TooManyTrials) as error:
                found = Probed(is_ok=False, message=str(error).rstrip("."))
            level = messages.SUCCESS if found.is_ok else messages.ERROR
            self.message_user(request, f"{destination}: {found.message or 'connected'}.", level)

    @admin.action(description="Detach copies from what they follow", permissions=["change"])
    def detach(self, request, queryset):
        """All or none."""
        with transaction.atomic():
            done = [settings.detach(destination=row, by=through_admin(request)) for row in queryset]
        self.message_user(request, f"{len(done)} destinations follow no other one.")


def _whole(row, typed):
    """What was typed is the whole configuration: a field that is not there any more is taken away."""
    return dict.fromkeys(shown_config(row)) | typed if isinstance(typed, dict) else typed
