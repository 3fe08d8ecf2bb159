"""How presets and their versions look in answers."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.api.schema import answer
from config.lib.api_fields import Anything, Moment
from routing.models import Preset, PresetVersion


class VersionShape(serializers.Serializer[Any]):  # one, or with many=True several
    """A version of a preset; it never changes."""

    id = serializers.UUIDField(source="public_id")
    preset_id = serializers.UUIDField(source="preset.public_id")
    version = serializers.IntegerField(source="number")
    creator_id = serializers.SerializerMethodField()
    system_prompt = serializers.CharField(allow_null=True)
    config = serializers.DictField(help_text="Parameters by their names in Chat Completions.")
    created_at = Moment()
    updated_at = Moment(source="created_at")

    def get_creator_id(self, version: PresetVersion) -> str:
        """Who made it; the workspace, when no person is behind the key."""
        if version.created_by is not None:
            return version.created_by.public_id
        return str(version.preset.workspace.public_id)


class PresetShape(serializers.Serializer[Any]):  # one, or with many=True several
    """A preset without its versions."""

    id = serializers.UUIDField(source="public_id")
    creator_user_id = serializers.CharField(source="created_by.public_id", default=None, allow_null=True)
    workspace_id = serializers.UUIDField(source="workspace.public_id")
    name = serializers.CharField()
    slug = serializers.CharField()
    description = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField(Preset.STATUSES)
    designated_version_id = serializers.UUIDField(
        source="designated_version.public_id", default=None, allow_null=True
    )
    created_at = Moment()
    updated_at = Moment()
    status_updated_at = Moment(allow_null=True)


class WholePresetShape(PresetShape):
    """A preset with the version that requests get."""

    designated_version = serializers.SerializerMethodField()

    @extend_schema_field(VersionShape(allow_null=True))
    def get_designated_version(self, preset: Preset) -> Any:  # as its shape says
        """The version, or null."""
        version = preset.designated_version
        if version is None:
            return None
        version.preset = preset
        return VersionShape(version).data


class ChangeShape(serializers.Serializer[Any]):
    """A parameter that differs; null where there is none."""

    field = serializers.CharField()
    before = Anything()
    after = Anything()


class PresetDifferenceShape(serializers.Serializer[Any]):
    """What differs between two versions."""

    from_version = serializers.IntegerField(allow_null=True)
    to_version = serializers.IntegerField()
    changes = ChangeShape(many=True)


PRESET = answer("PresetAnswer", data=WholePresetShape())
PRESETS = answer("PresetList", data=PresetShape(many=True), total_count=serializers.IntegerField())
VERSION_ANSWER = answer("PresetVersionAnswer", data=VersionShape())
VERSIONS = answer("PresetVersionList", data=VersionShape(many=True), total_count=serializers.IntegerField())
DIFFERENCE = answer("PresetDifferenceAnswer", data=PresetDifferenceShape())
