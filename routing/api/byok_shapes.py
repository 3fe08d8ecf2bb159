"""How a BYOK credential looks in bodies and answers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.core.validators import RegexValidator
from rest_framework import serializers

from accounts.api.schema import answer
from config.lib.api_fields import Choice, Flag, Moment, StrictSerializer, Text
from routing.byok_filters import Filters, shown_filters
from routing.credential_formats import DATA_REGIONS, MOST_CHARACTERS
from routing.models import ByokCredential
from routing.models.credential import MOST_IN_FILTER

HASH = RegexValidator(r"\A[0-9a-f]{64}\Z", "must be 64 lower-case hexadecimal digits.")
MODEL = RegexValidator(
    re.compile(r"\A[~a-z0-9][a-z0-9._-]*/[a-z0-9][a-z0-9.:_-]*\Z", re.IGNORECASE), "must be a model's slug."
)


@dataclass(frozen=True)
class Described:
    """A credential with its filters as they are shown."""

    credential: ByokCredential
    filters: Filters


class CredentialShape(serializers.Serializer[Any]):  # one, or with many=True several
    """A credential; its secret is never shown."""

    id = serializers.UUIDField(source="credential.public_id")
    provider = serializers.CharField(source="credential.provider")
    workspace_id = serializers.UUIDField(
        source="credential.workspace.public_id", default=None, allow_null=True, help_text="null: everywhere."
    )
    label = serializers.CharField(  # type: ignore[assignment]  # the answer's field
        source="credential.label", help_text="A masked snippet of the key."
    )
    name = serializers.CharField(source="credential.name", allow_null=True)
    disabled = serializers.BooleanField(source="credential.is_disabled")
    is_fallback = serializers.BooleanField(
        source="credential.is_fallback", help_text="Tried after shared capacity."
    )
    is_required = serializers.BooleanField(
        source="credential.is_required", help_text="No shared capacity for the models that it applies to."
    )
    is_byok_only = serializers.BooleanField(
        source="credential.is_byok_only", help_text="No shared capacity of this provider at all."
    )
    declared_zdr = serializers.BooleanField(source="credential.declared_zdr", allow_null=True)
    declared_region = serializers.ChoiceField(
        DATA_REGIONS, source="credential.declared_region", allow_null=True
    )
    allowed_models = serializers.ListField(
        source="credential.allowed_models", child=serializers.CharField(), allow_null=True
    )
    allowed_api_key_hashes = serializers.ListField(
        source="filters.api_key_hashes", child=serializers.CharField(), allow_null=True
    )
    allowed_user_ids = serializers.ListField(
        source="filters.user_ids", child=serializers.CharField(), allow_null=True
    )
    sort_order = serializers.IntegerField(
        source="credential.sort_order", help_text="Tried in ascending order."
    )
    created_at = Moment(source="credential.created_at")


CREDENTIAL = answer("ByokCredentialAnswer", data=CredentialShape())
CREDENTIALS = answer(
    "ByokCredentialList", data=CredentialShape(many=True), total_count=serializers.IntegerField()
)


class CredentialChange(StrictSerializer):
    """What can be changed on a credential; what is left out stays as it is, null lifts a restriction."""

    key = Text(
        max_length=MOST_CHARACTERS,
        required=False,
        help_text="Takes the place of the secret; never shown again.",
    )
    name = Text(max_length=255, allow_null=True, allow_blank=True, required=False)
    disabled = Flag(source="is_disabled", required=False)
    is_fallback = Flag(required=False)
    is_required = Flag(required=False)
    is_byok_only = Flag(required=False)
    declared_zdr = Flag(allow_null=True, required=False)
    declared_region = Choice(DATA_REGIONS, allow_null=True, required=False)
    allowed_models = serializers.ListField(
        child=Text(max_length=200, validators=[MODEL]),
        max_length=MOST_IN_FILTER,
        allow_null=True,
        required=False,
    )
    allowed_api_key_hashes = serializers.ListField(
        child=Text(validators=[HASH]),
        min_length=1,
        max_length=MOST_IN_FILTER,
        allow_null=True,
        required=False,
    )
    allowed_user_ids = serializers.ListField(
        child=Text(max_length=60), max_length=MOST_IN_FILTER, allow_null=True, required=False
    )

    def validate_name(self, value: str | None) -> str | None:
        return value or None

    def validate_allowed_models(self, value: list[str] | None) -> list[str] | None:
        return None if value is None else list(dict.fromkeys(value))


class CredentialCreation(CredentialChange):
    """What a new credential begins with."""

    provider = Text(max_length=60)
    key = Text(max_length=MOST_CHARACTERS, help_text="The provider's key; it is sealed and never shown.")
    workspace_id = Text(
        max_length=60,
        allow_null=True,
        required=False,
        help_text="An id or slug; null: usable in all workspaces; left out: the Default workspace.",
    )


def described(organization_id: int, credentials: Iterable[ByokCredential]) -> list[dict[str, Any]]:
    """The credentials as answers show them; two more queries however many they are."""
    rows = list(credentials)
    shown = [
        Described(row, filters)
        for row, filters in zip(rows, shown_filters(organization_id, rows), strict=True)
    ]
    return [dict(shape) for shape in CredentialShape(shown, many=True).data]
