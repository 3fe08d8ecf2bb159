"""/presets, /presets/{slug} and its versions."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.schema import PAGE, DeletedAnswer, errors
from accounts.permissions import Permission
from config.lib.api_errors import ApiError
from config.lib.api_fields import Choice, StrictSerializer, Text, Whole, query_page
from routing import presets
from routing.api.preset_places import (
    NUMBER,
    SLUG,
    VERSION,
    WORKSPACE,
    KeyOfWorkspaceView,
    PresetView,
    VersionView,
    described,
    versions_of,
)
from routing.api.preset_shapes import (
    DIFFERENCE,
    PRESET,
    PRESETS,
    VERSION_ANSWER,
    VERSIONS,
    PresetDifferenceShape,
    PresetShape,
    VersionShape,
    WholePresetShape,
)
from routing.models import Preset, PresetVersion
from routing.models.preset import PresetQuerySet

ALL_WORKSPACES = OpenApiParameter(
    "workspace_id",
    str,
    description="Whose presets, by id or slug; else those of all workspaces. Inference keys: their own only.",
)
FROM = OpenApiParameter("from", int, description="The other version's number; else the one before.")


class PresetChange(StrictSerializer):
    """What can be changed on a preset; what is left out stays as it is. Parameters change by a new version."""

    name = Text(min_length=1, max_length=200, required=False)
    description = Text(max_length=1000, allow_null=True, allow_blank=True, required=False)
    status = Choice(Preset.STATUSES, required=False)
    designated_version = Whole(required=False, help_text="The number of the version that requests get.")

    def validate_designated_version(self, value: int) -> PresetVersion:
        preset: Preset = self.context["preset"]
        found = presets.versions_of(preset).filter(number=value).first() if 0 < value < 2**31 else None
        if found is None:
            raise serializers.ValidationError("there is no such version.")
        return found


class PresetsView(KeyOfWorkspaceView):
    """The presets of a workspace, or of all of them."""

    @extend_schema(
        operation_id="listPresets",
        tags=["Presets"],
        parameters=[ALL_WORKSPACES, *PAGE],
        responses={200: PRESETS, **errors(400, 401, 404)},
    )
    def get(self, request: Request) -> Response:
        page, rows = query_page(request), described(self.rows(request))
        shown = PresetShape(rows.order_by("-updated_at", "-pk")[page], many=True)
        return Response({"data": shown.data, "total_count": rows.count()})

    def rows(self, request: Request) -> PresetQuerySet:
        """The presets that are asked for."""
        if self.api_key is None and "workspace_id" not in request.query_params:
            everywhere: PresetQuerySet = Preset.objects.for_organization(self.organization_id).live()
            return everywhere
        return presets.presets_of(self.named_workspace(request))


class OnePresetView(PresetView):
    """One preset."""

    permissions = {"PATCH": Permission.PRESETS_CHANGE, "DELETE": Permission.PRESETS_CHANGE}
    refusals = {presets.PresetGone: 404, presets.VersionOfAnother: 400}

    @extend_schema(
        operation_id="getPreset",
        tags=["Presets"],
        parameters=[SLUG, WORKSPACE],
        responses={200: PRESET, **errors(400, 401, 404)},
    )
    def get(self, request: Request, **address: str) -> Response:
        return Response({"data": WholePresetShape(self.preset).data})

    @extend_schema(
        operation_id="updatePreset",
        tags=["Presets"],
        parameters=[SLUG, WORKSPACE],
        request=PresetChange,
        responses={200: PRESET, **errors(400, 401, 403, 404)},
    )
    def patch(self, request: Request, **address: str) -> Response:
        body = PresetChange(data=request.data, context={"preset": self.preset})
        body.is_valid(raise_exception=True)
        changed = presets.change(preset=self.preset, by=self.actor, **body.validated_data)
        return answered(changed)

    @extend_schema(
        operation_id="deletePreset",
        tags=["Presets"],
        parameters=[SLUG, WORKSPACE],
        responses={200: DeletedAnswer, **errors(400, 401, 403, 404)},
    )
    def delete(self, request: Request, **address: str) -> Response:
        presets.delete(preset=self.preset, by=self.actor)
        return Response({"deleted": True})


class PresetVersionsView(PresetView):
    """The versions of a preset."""

    @extend_schema(
        operation_id="listPresetVersions",
        tags=["Presets"],
        parameters=[SLUG, WORKSPACE, *PAGE],
        responses={200: VERSIONS, **errors(400, 401, 404)},
    )
    def get(self, request: Request, **address: str) -> Response:
        rows = versions_of(self.preset)
        page = VersionShape(rows.order_by("number")[query_page(request)], many=True)
        return Response({"data": page.data, "total_count": rows.count()})


class PresetVersionView(VersionView):
    """One version of a preset."""

    @extend_schema(
        operation_id="getPresetVersion",
        tags=["Presets"],
        parameters=[SLUG, VERSION, WORKSPACE],
        responses={200: VERSION_ANSWER, **errors(400, 401, 404)},
    )
    def get(self, request: Request, **address: str) -> Response:
        return Response({"data": VersionShape(self.version).data})


class PresetDifferenceView(VersionView):
    """What a version changed."""

    @extend_schema(
        operation_id="diffPresetVersion",
        tags=["Presets"],
        parameters=[SLUG, VERSION, WORKSPACE, FROM],
        responses={200: DIFFERENCE, **errors(400, 401, 404)},
    )
    def get(self, request: Request, **address: str) -> Response:
        older = self.older(request.query_params.get("from"))
        changes = presets.difference(older or PresetVersion(), self.version)
        described_changes = [
            {"field": name, "before": before, "after": after} for name, (before, after) in changes.items()
        ]
        shown = {
            "from_version": older.number if older else None,
            "to_version": self.version.number,
            "changes": described_changes,
        }
        return Response({"data": PresetDifferenceShape(shown).data})

    def older(self, reference: str | None) -> PresetVersion | None:
        """The version to compare with; None for the first version, which came from nothing. Raises ApiError."""
        if reference is None:
            return versions_of(self.preset).filter(number=self.version.number - 1).first()
        named = int(reference) if NUMBER.fullmatch(reference) else 0
        found = versions_of(self.preset).filter(number=named).first()
        if found is None:
            raise ApiError(400, "from: there is no such version.")
        return found


def answered(preset: Preset) -> Response:
    """The preset as it is stored now, with its designated version."""
    stored = described(presets.presets_of(preset.workspace)).get(pk=preset.pk)
    return Response({"data": WholePresetShape(stored).data})
