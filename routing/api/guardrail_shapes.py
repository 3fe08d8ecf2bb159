"""How guardrails look in answers, and what bodies may say about them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.api.privacy import slug_list
from accounts.api.schema import answer
from config.lib.api_fields import Choice, Flag, Moment, StrictSerializer, Text, Usd
from routing.guardrail_checks import DATA_REGIONS, LONGEST_LABEL
from routing.guardrails import ACTIONS, BUILTINS, SCAN_SCOPES
from routing.guardrails.patterns import LONGEST_PATTERN
from routing.models import Guardrail
from routing.models.guardrail import ZDR_GROUPS

RESET_NAMES = {letter: name for name, letter in Guardrail.RESETS.items()}
COLUMNS = {
    "limit_usd": "limit_nano",
    "reset_interval": "limit_interval",
    "include_byok_in_budgets": "is_byok_in_budgets",
    "filter_outputs": "is_filtering_outputs",
}


class Interval(serializers.ChoiceField):
    """`daily`, `weekly`, `monthly` or null outside, the interval's letter inside."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__([name for name in RESET_NAMES.values() if name], allow_null=True, **kwargs)

    def to_internal_value(self, data: Any) -> str | None:  # type: ignore[override]  # null is a choice
        return Guardrail.RESETS[super().to_internal_value(data if isinstance(data, str) else repr(data))]

    def to_representation(self, value: str | None) -> str | None:  # type: ignore[override]  # null is a choice
        return RESET_NAMES[value]


class FilterShape(StrictSerializer):
    """A custom filter: an RE2 pattern and what happens where it matches."""

    pattern = Text(min_length=1, max_length=LONGEST_PATTERN)
    action = Choice(ACTIONS)
    label = Text(max_length=LONGEST_LABEL, allow_null=True, allow_blank=True, default=None)  # type: ignore[assignment]  # a field


class BuiltinShape(serializers.Serializer[dict[str, Any]]):
    """A built-in filter as answers show it: with its placeholder, and with its scope where it has one."""

    slug = serializers.ChoiceField(list(BUILTINS))
    action = serializers.ChoiceField(ACTIONS)
    label = serializers.CharField(required=False)  # type: ignore[assignment]  # a field
    scan_scope = serializers.ChoiceField(SCAN_SCOPES, required=False)

    def to_representation(self, instance: dict[str, Any]) -> dict[str, Any]:
        check = BUILTINS.get(instance["slug"])
        return {**instance, "label": check.placeholder} if check else dict(instance)


class BuiltinChange(StrictSerializer):
    """A built-in filter to apply. A label is taken for old clients' sake and not kept, as the contract says."""

    slug = Choice(list(BUILTINS))
    action = Choice(ACTIONS)
    label = Text(max_length=LONGEST_LABEL, allow_blank=True, required=False)  # type: ignore[assignment]  # a field
    scan_scope = Choice(SCAN_SCOPES, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        kept = {name: value for name, value in attrs.items() if name != "label"}
        scopes = BUILTINS[kept["slug"]].scan_scopes
        return {"scan_scope": scopes[-1], **kept} if scopes else kept


class GuardrailShape(serializers.Serializer[Any]):  # one, or with many=True several
    """A guardrail. Null restricts nothing."""

    id = serializers.UUIDField(source="public_id")
    workspace_id = serializers.UUIDField(source="workspace.public_id")
    name = serializers.CharField()
    description = serializers.CharField(allow_null=True)
    limit_usd = Usd(source="limit_nano", allow_null=True)
    reset_interval = Interval(source="limit_interval")
    include_byok_in_budgets = serializers.BooleanField(source="is_byok_in_budgets")
    allowed_models = serializers.ListField(child=serializers.CharField(), allow_null=True)
    ignored_models = serializers.ListField(child=serializers.CharField(), allow_null=True)
    allowed_providers = serializers.ListField(child=serializers.CharField(), allow_null=True)
    ignored_providers = serializers.ListField(child=serializers.CharField(), allow_null=True)
    allowed_data_regions = serializers.ListField(child=serializers.ChoiceField(DATA_REGIONS), allow_null=True)
    enable_paid_model_training = serializers.BooleanField(allow_null=True)
    enable_free_model_training = serializers.BooleanField(allow_null=True)
    enable_free_model_publication = serializers.BooleanField(allow_null=True)
    enforce_zdr = serializers.BooleanField(allow_null=True, help_text="What all groups agree on, or null.")
    enforce_zdr_anthropic = serializers.BooleanField(allow_null=True)
    enforce_zdr_openai = serializers.BooleanField(allow_null=True)
    enforce_zdr_google = serializers.BooleanField(allow_null=True)
    enforce_zdr_xai = serializers.BooleanField(allow_null=True)
    enforce_zdr_other = serializers.BooleanField(allow_null=True)
    allow_safety_retention_google = serializers.BooleanField(allow_null=True)
    allow_safety_retention_other = serializers.BooleanField(allow_null=True)
    content_filters = FilterShape(many=True, allow_null=True)
    content_filter_builtins = BuiltinShape(many=True, allow_null=True)
    filter_outputs = serializers.BooleanField(
        source="is_filtering_outputs", help_text="Whether content filters look at answers too."
    )
    created_at = Moment()
    updated_at = Moment(allow_null=True)


GUARDRAIL = answer("GuardrailAnswer", data=GuardrailShape())
GUARDRAILS = answer("GuardrailList", data=GuardrailShape(many=True), total_count=serializers.IntegerField())


class GuardrailChange(StrictSerializer):
    """What can be set on a guardrail; what is left out stays as it is, and a list is replaced as a whole."""

    name = Text(min_length=1, max_length=200, required=False)
    description = Text(max_length=1000, allow_null=True, allow_blank=True, required=False)
    limit_usd = Usd(allow_null=True, required=False, help_text="With `reset_interval`, or neither.")
    reset_interval = Interval(required=False)
    include_byok_in_budgets = Flag(required=False)
    allowed_models = slug_list("The only models that may be used.")
    ignored_models = slug_list("Models that are never used.")
    allowed_providers = slug_list("The only providers that may be used.")
    ignored_providers = slug_list("Providers that are never used.")
    allowed_data_regions = serializers.ListField(
        child=Choice(DATA_REGIONS), min_length=1, max_length=10, allow_null=True, required=False
    )
    enable_paid_model_training = Flag(allow_null=True, required=False)
    enable_free_model_training = Flag(allow_null=True, required=False)
    enable_free_model_publication = Flag(allow_null=True, required=False)
    enforce_zdr = Flag(allow_null=True, required=False, help_text="For all groups that are not named.")
    enforce_zdr_anthropic = Flag(allow_null=True, required=False)
    enforce_zdr_openai = Flag(allow_null=True, required=False)
    enforce_zdr_google = Flag(allow_null=True, required=False)
    enforce_zdr_xai = Flag(allow_null=True, required=False)
    enforce_zdr_other = Flag(allow_null=True, required=False)
    allow_safety_retention_google = Flag(allow_null=True, required=False)
    allow_safety_retention_other = Flag(allow_null=True, required=False)
    content_filters = FilterShape(many=True, allow_null=True, required=False)
    content_filter_builtins = BuiltinChange(many=True, allow_null=True, required=False)
    filter_outputs = Flag(
        required=False, help_text="Whether content filters look at answers too; not in OpenRouter's contract."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The columns that the body sets."""
        columns = {COLUMNS.get(name, name): value for name, value in attrs.items()}
        if "enforce_zdr" in columns:
            everywhere = columns.pop("enforce_zdr")
            return {f"enforce_zdr_{group}": everywhere for group in ZDR_GROUPS} | columns
        return columns


class GuardrailCreation(GuardrailChange):
    """What a new guardrail begins with."""

    name = Text(min_length=1, max_length=200)
    workspace_id = Text(min_length=1, max_length=60, required=False)


class KeyAssignmentShape(serializers.Serializer[Any]):  # with many=True several
    """A key that is held to a guardrail."""

    id = serializers.UUIDField(source="public_id")
    guardrail_id = serializers.UUIDField(source="guardrail.public_id")
    key_hash = serializers.CharField(source="api_key.hash")
    key_name = serializers.CharField(source="api_key.name")
    key_label = serializers.CharField(source="api_key.label")
    assigned_by = serializers.CharField(source="assigned_by.public_id", default=None, allow_null=True)
    created_at = Moment()


class MemberAssignmentShape(serializers.Serializer[Any]):  # with many=True several
    """A member of the organization who is held to a guardrail."""

    id = serializers.UUIDField(source="public_id")
    guardrail_id = serializers.UUIDField(source="guardrail.public_id")
    organization_id = serializers.UUIDField(source="organization.public_id")
    user_id = serializers.CharField(source="membership.user.public_id")
    assigned_by = serializers.CharField(source="assigned_by.public_id", default=None, allow_null=True)
    created_at = Moment()
