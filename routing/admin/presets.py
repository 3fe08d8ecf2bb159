"""Presets and their versions: versions are added and read, never changed."""

from __future__ import annotations

import json
from typing import cast

from django import forms
from django.contrib import admin
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.doors import through_admin
from config.lib.admin import ScopedModelAdmin
from config.lib.admin_declared import JSONTextField
from config.lib.admin_fields import choice
from config.lib.admin_lists import one_of
from routing import presets
from routing.gateway.client import RefusedError
from routing.models import Preset, PresetVersion
from routing.preset_config import Content
from workspaces.locking import WorkspaceGone

FIXED = ("workspace", "slug", "public_id", "created_by", "created_at", "updated_at", "status_updated_at")
REFUSALS = {
    RefusedError: "config",
    presets.PresetArchived: None,
    presets.TooManyPresets: None,
    presets.PresetGone: None,
    WorkspaceGone: "workspace",
}


class ContentForm(forms.ModelForm):
    """What a version says, typed."""

    system_prompt = forms.CharField(required=False, strip=False, widget=UnfoldAdminTextareaWidget)
    config = JSONTextField(
        required=False, label="Parameters", help_text="A JSON object, by the names of Chat Completions."
    )

    def clean_config(self):
        """An object; nothing typed is an empty one."""
        config = self.cleaned_data["config"]
        if config is None:
            return {}
        if not isinstance(config, dict):
            raise forms.ValidationError("This must be a JSON object.")
        return config


class NewPresetForm(ContentForm):
    """A preset with its first version."""

    class Meta:
        model = Preset
        fields = ("workspace", "slug")


class PresetForm(forms.ModelForm):
    """What can be changed on a preset."""

    status = choice([(status, status.capitalize()) for status in Preset.STATUSES])

    class Meta:
        model = Preset
        fields = ("name", "description", "status", "designated_version")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        versions = cast(forms.ModelChoiceField, self.fields["designated_version"])
        if versions.queryset is not None:
            versions.queryset = versions.queryset.filter(preset=self.instance).order_by("-number")


class NewVersionForm(ContentForm):
    """Another version of a preset, which becomes its designated one."""

    class Meta:
        model = PresetVersion
        fields = ("preset", "system_prompt")


@admin.register(Preset)
class PresetAdmin(ScopedModelAdmin):
    """A preset; its parameters are in its versions."""

    may = administrators_may = frozenset({"view", "add", "change", "delete"})
    shown = {"deleted_at": None}
    refusals = {**REFUSALS, presets.VersionOfAnother: "designated_version"}
    form = PresetForm
    list_display = ("slug", "name", "workspace", "status", "designated_version", "organization", "updated_at")
    list_select_related = ("workspace", "designated_version", "organization")
    list_filter = ("organization", "workspace", one_of("status", Preset.STATUSES))
    search_fields = ("slug", "name")
    ordering = ("-updated_at", "-pk")
    autocomplete_fields = ("workspace",)

    def get_form(self, request, obj=None, change=False, **kwargs):
        """Another form for a new one."""
        if obj is None:
            kwargs["form"] = NewPresetForm
        return super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request, obj=None):
        if obj is None:
            return ("workspace", "slug", "system_prompt", "config")
        return ("name", "description", "status", "designated_version", *FIXED)

    def get_readonly_fields(self, request, obj=None):
        return () if obj is None else FIXED

    def create_row(self, request, values):
        return presets.save_version(
            workspace=values["workspace"],
            slug=values["slug"],
            content=_content(values),
            by=through_admin(request),
        )

    def change_row(self, request, row, changes):
        return presets.change(preset=row, **changes, by=through_admin(request))

    def remove_row(self, request, row):
        presets.delete(preset=row, by=through_admin(request))


@admin.register(PresetVersion)
class PresetVersionAdmin(ScopedModelAdmin):
    """What a preset said, says, or will say."""

    may = administrators_may = frozenset({"view", "add"})
    shown = {"preset__deleted_at": None}
    refusals = REFUSALS | {WorkspaceGone: "preset"}
    form = NewVersionForm
    list_display = ("preset", "number", "workspace", "organization", "created_by", "created_at")
    list_select_related = ("preset__workspace", "organization", "created_by")
    list_filter = ("organization", "preset__workspace")
    search_fields = ("preset__slug",)
    autocomplete_fields = ("preset",)

    def get_fields(self, request, obj=None):
        if obj is None:
            return ("preset", "system_prompt", "config")
        return ("preset", "number", "system_prompt", "parameters", "public_id", "created_by", "created_at")

    def get_readonly_fields(self, request, obj=None):
        return () if obj is None else ("parameters",)

    @admin.display(description="Workspace")
    def workspace(self, version):
        """Where its preset is."""
        return version.preset.workspace

    @admin.display(description="Parameters")
    def parameters(self, version):
        """Readable."""
        return json.dumps(version.config, indent=2, ensure_ascii=False)

    def create_row(self, request, values):
        preset = values["preset"]
        saved = presets.save_version(
            workspace=preset.workspace,
            slug=preset.slug,
            content=_content(values),
            by=through_admin(request),
        )
        return saved.designated_version


def _content(values):
    return Content(values["config"], values["system_prompt"] or None)
