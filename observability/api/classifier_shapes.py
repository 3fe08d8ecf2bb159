"""How a classifier, and what it has sorted, look in bodies and answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.api.schema import answer
from config.lib.api_fields import Anything, Flag, Moment, Rate, StrictSerializer, Text, Usd
from observability.api.destination_shapes import HASH, MOST_KEYS
from observability.classifier_settings import LONGEST_INSTRUCTIONS
from observability.models import Classification, Classifier
from observability.taxonomy import SCHEMA
from workspaces.models import ApiKey


@extend_schema_field(SCHEMA)
class TaxonomyField(Anything):
    """Dimensions with their labels; observability.taxonomy judges them."""


class ClassifierShape(serializers.Serializer[Any]):  # one, or with many=True several
    """A classifier. `key_hash` is the key that its model is asked with; null while it has none."""

    id = serializers.UUIDField()
    workspace_id = serializers.UUIDField()
    name = serializers.CharField()
    model = serializers.CharField()
    instructions = serializers.CharField()
    taxonomy = TaxonomyField()
    sampling_rate = serializers.FloatField(help_text="The share of sessions, from 0.0001 to 1.")
    api_key_hashes = serializers.ListField(
        child=serializers.CharField(), allow_null=True, help_text="null: all keys; empty: none is left."
    )
    enabled = serializers.BooleanField()
    key_hash = serializers.CharField(allow_null=True)
    created_at = Moment()
    updated_at = Moment()


class ClassifierChange(StrictSerializer):
    """What can be changed on a classifier; what is left out stays as it is."""

    name = Text(max_length=255, required=False)
    model = Text(max_length=255, required=False, help_text="The slug of the model that sorts.")
    instructions = Text(
        max_length=LONGEST_INSTRUCTIONS, allow_blank=True, required=False, help_text="Told to the model."
    )
    taxonomy = TaxonomyField(required=False)
    sampling_rate = Rate(min_value=0.0001, max_value=1, required=False)
    api_key_hashes = serializers.ListField(
        child=Text(validators=[HASH]), min_length=1, max_length=MOST_KEYS, allow_null=True, required=False
    )
    enabled = Flag(source="is_enabled", required=False)


class ClassifierCreation(ClassifierChange):
    """What a new classifier begins with."""

    name = Text(max_length=255)
    model = Text(max_length=255, help_text="The slug of the model that sorts.")
    taxonomy = TaxonomyField()
    workspace_id = Text(
        max_length=60, required=False, help_text="An id or slug; left out: the Default workspace."
    )


class ClassificationShape(serializers.Serializer[Any]):  # one, or with many=True several
    """What became of one request. `tags` has a label for each dimension once it is `done`, else null.

    `answer_id` is the generation by which the model was asked, `cost` what that cost.
    """

    generation_id = serializers.CharField(source="public_generation_id")
    status = serializers.ChoiceField(Classification.STATUSES)
    tags = serializers.DictField(child=serializers.CharField(), allow_null=True)
    error = serializers.CharField()
    answer_id = serializers.CharField(source="public_answer_id", allow_null=True)
    cost = Usd(source="cost_nano")
    created_at = Moment()
    settled_at = Moment(allow_null=True)


CLASSIFIER = answer("ClassifierAnswer", data=ClassifierShape())
LIST = answer("ClassifierList", data=ClassifierShape(many=True), total_count=serializers.IntegerField())
CLASSIFICATIONS = answer(
    "ClassificationList", data=ClassificationShape(many=True), total_count=serializers.IntegerField()
)


def described(rows: Iterable[Classifier]) -> list[dict[str, Any]]:
    """The classifiers as answers show them; one more query however many they are."""
    listed = list(rows)
    hashes = _hashes(listed)
    return [dict(shape) for shape in ClassifierShape([_shown(row, hashes) for row in listed], many=True).data]


def _shown(row: Classifier, hashes: dict[int, str]) -> dict[str, Any]:
    ids = row.api_key_ids
    return {
        "id": row.public_id,
        "workspace_id": row.workspace.public_id,
        "name": row.name,
        "model": row.model,
        "instructions": row.instructions,
        "taxonomy": row.taxonomy,
        "sampling_rate": row.sampling_rate,
        "api_key_hashes": None if ids is None else [hashes[pk] for pk in ids if pk in hashes],
        "enabled": row.is_enabled,
        "key_hash": hashes.get(row.key_id) if row.key_id else None,
        "created_at": row.created_at,
        "updated_at": row.updated_at or row.created_at,
    }


def _hashes(rows: list[Classifier]) -> dict[int, str]:
    """The hashes of the keys that classifiers name or have, by the keys' ids."""
    named = {pk for row in rows for pk in (*(row.api_key_ids or ()), row.key_id) if pk}
    organizations = {row.organization_id for row in rows}
    active = (
        ApiKey.objects.for_organization(organizations.pop()).active()
        if organizations
        else ApiKey.objects.none()
    )
    return dict(active.filter(pk__in=named).values_list("pk", "hash"))
