"""How a destination of traces looks in bodies and answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.validators import RegexValidator
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.api.schema import answer
from config.lib.api_fields import Anything, Choice, Flag, Moment, Rate, StrictSerializer, Text
from observability.destination_config import shown_config
from observability.destination_settings import METADATA_GROUPS, REGIONS
from observability.filter_rules import RULES_SCHEMA
from observability.models import Destination
from workspaces.models import ApiKey

HASH = RegexValidator(r"\A[0-9a-f]{64}\Z", "must be 64 lower-case hexadecimal digits.")
MOST_KEYS = 1_000
GROUP_PREFIX = "broadcast_generation_"
ALIASES = {"eu": "europe"}


@extend_schema_field(RULES_SCHEMA)
class FilterRules(Anything):
    """Filter rules; observability.filter_rules judges them."""


class DestinationShape(serializers.Serializer[Any]):  # one, or with many=True several
    """A destination; its secrets are masked."""

    id = serializers.UUIDField()
    workspace_id = serializers.UUIDField()
    type = serializers.CharField(help_text="Which vendor it is.")
    name = serializers.CharField()
    enabled = serializers.BooleanField()
    config = serializers.DictField(help_text="By type; secrets are masked.")
    api_key_hashes = serializers.ListField(
        child=serializers.CharField(), allow_null=True, help_text="null: all keys; empty: none is left."
    )
    sampling_rate = serializers.FloatField(help_text="The share of sessions, from 0.0001 to 1.")
    privacy_mode = serializers.BooleanField(help_text="Without prompts and completions.")
    filter_rules = FilterRules(allow_null=True)
    regions = serializers.ListField(child=serializers.ChoiceField(REGIONS))
    broadcast_generation_cost = serializers.BooleanField()
    broadcast_generation_identity = serializers.BooleanField()
    broadcast_generation_request_context = serializers.BooleanField()
    broadcast_generation_cost_allocation = serializers.BooleanField()
    all_workspaces = serializers.BooleanField(
        help_text="Whether each other workspace has a copy that follows."
    )
    source_id = serializers.UUIDField(allow_null=True, help_text="The destination that this copy follows.")
    created_at = Moment()
    updated_at = Moment()


DESTINATION = answer("ObservabilityDestinationAnswer", data=DestinationShape())
LIST = answer(
    "ObservabilityDestinationList", data=DestinationShape(many=True), total_count=serializers.IntegerField()
)
TRIED = answer(
    "ObservabilityDestinationTried",
    data=answer(
        "ObservabilityDestinationTrial",
        success=serializers.BooleanField(),
        message=serializers.CharField(allow_null=True),
    ),
)


class DestinationChange(StrictSerializer):
    """What can be changed on a destination; what is left out stays as it is."""

    name = Text(max_length=255, required=False)
    enabled = Flag(source="is_enabled", required=False)
    config = Anything(
        required=False,
        help_text="By type. Masked values are ignored, null takes a field away, the others stay.",
    )
    api_key_hashes = serializers.ListField(
        child=Text(validators=[HASH]), min_length=1, max_length=MOST_KEYS, allow_null=True, required=False
    )
    sampling_rate = Rate(min_value=0.0001, max_value=1, required=False)
    privacy_mode = Flag(source="is_private", required=False)
    filter_rules = FilterRules(allow_null=True, required=False)
    regions = serializers.ListField(
        child=Choice((*REGIONS, *ALIASES)), min_length=1, max_length=10, required=False
    )
    broadcast_generation_cost = Flag(required=False)
    broadcast_generation_identity = Flag(required=False)
    broadcast_generation_request_context = Flag(required=False)
    broadcast_generation_cost_allocation = Flag(required=False)
    all_workspaces = Flag(
        source="is_everywhere",
        required=False,
        help_text="Each other workspace gets a copy that follows, new ones too. An addition of Headgate's.",
    )

    def validate_regions(self, value: list[str]) -> list[str]:
        return list(dict.fromkeys(ALIASES.get(region, region) for region in value))

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        groups = {
            name: attrs.pop(GROUP_PREFIX + name) for name in METADATA_GROUPS if GROUP_PREFIX + name in attrs
        }
        return {**attrs, "metadata_groups": groups} if groups else attrs


class DestinationCreation(DestinationChange):
    """What a new destination begins with."""

    type = Text(max_length=30)
    name = Text(max_length=255)
    config = Anything(help_text="By type; see the documentation of destinations.")
    workspace_id = Text(
        max_length=60, required=False, help_text="An id or slug; left out: the Default workspace."
    )


class ConfigToTry(StrictSerializer):
    """A configuration that is not kept yet."""

    type = Text(max_length=30)
    config = Anything()


class ChangesToTry(StrictSerializer):
    """What of the configuration would be changed."""

    config = Anything(required=False)


def described(rows: Iterable[Destination]) -> list[dict[str, Any]]:
    """The destinations as answers show them; one more query however many they are."""
    listed = list(rows)
    hashes = _hashes(listed)
    return [
        dict(shape) for shape in DestinationShape([_shown(row, hashes) for row in listed], many=True).data
    ]


def _shown(row: Destination, hashes: dict[int, str]) -> dict[str, Any]:
    ids = row.api_key_ids
    return {
        "id": row.public_id,
        "workspace_id": row.workspace.public_id,
        "type": row.type,
        "name": row.name,
        "enabled": row.is_enabled,
        "config": shown_config(row),
        "api_key_hashes": None if ids is None else [hashes[pk] for pk in ids if pk in hashes],
        "sampling_rate": row.sampling_rate,
        "privacy_mode": row.is_private,
        "filter_rules": row.filter_rules,
        "regions": row.regions,
        **{GROUP_PREFIX + name: name in row.metadata_groups for name in METADATA_GROUPS},
        "all_workspaces": row.is_everywhere,
        "source_id": row.source.public_id if row.source else None,
        "created_at": row.created_at,
        "updated_at": row.updated_at or row.created_at,
    }


def _hashes(rows: list[Destination]) -> dict[int, str]:
    """The hashes of the keys that filters name, by the keys' ids."""
    named = {pk for row in rows for pk in row.api_key_ids or ()}
    organizations = {row.organization_id for row in rows}
    active = (
        ApiKey.objects.for_organization(organizations.pop()).active()
        if organizations
        else ApiKey.objects.none()
    )
    return dict(active.filter(pk__in=named).values_list("pk", "hash"))
