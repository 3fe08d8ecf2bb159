"""GET and PATCH /organization/privacy; ours, as the contract has no operation for it (spec: contract notes 6)."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import privacy
from accounts.api.schema import answer, errors
from accounts.api.views import ManagementView
from accounts.models import PrivacySettings
from accounts.permissions import Permission
from accounts.slug_lists import MOST_SLUGS, NotASlugList
from config.lib.api_fields import Flag, Moment, StrictSerializer, Text

NOT_EMPTY = "must not be empty; null restricts nothing."


def slug_list(what: str) -> serializers.ListField:
    """A list of slugs in a body; null restricts nothing, and an empty one is refused."""
    return serializers.ListField(
        child=Text(),
        min_length=1,
        max_length=MOST_SLUGS,
        allow_null=True,
        required=False,
        help_text=what,
        error_messages={"min_length": NOT_EMPTY},
    )


class PhraseShape(StrictSerializer):
    """A phrase that is no prompt injection here, whatever the detector thinks."""

    phrase = Text()
    is_active = Flag(default=True)


class PrivacyShape(serializers.Serializer[PrivacySettings]):
    """What the account allows at most; workspaces and guardrails can only be stricter."""

    allowed_models = serializers.ListField(child=serializers.CharField(), allow_null=True)
    ignored_models = serializers.ListField(child=serializers.CharField(), allow_null=True)
    allowed_providers = serializers.ListField(child=serializers.CharField(), allow_null=True)
    ignored_providers = serializers.ListField(child=serializers.CharField(), allow_null=True)
    enable_paid_model_training = serializers.BooleanField()
    enable_free_model_training = serializers.BooleanField()
    enable_paid_model_publication = serializers.BooleanField()
    enable_free_model_publication = serializers.BooleanField()
    enforce_zdr_anthropic = serializers.BooleanField()
    enforce_zdr_openai = serializers.BooleanField()
    enforce_zdr_google = serializers.BooleanField()
    enforce_zdr_xai = serializers.BooleanField()
    enforce_zdr_other = serializers.BooleanField()
    allow_safety_retention_google = serializers.BooleanField()
    allow_safety_retention_other = serializers.BooleanField()
    is_io_logging_allowed = serializers.BooleanField()
    prompt_injection_allowlist = PhraseShape(many=True)
    updated_at = Moment(allow_null=True)


class PrivacyChange(StrictSerializer):
    """What can be set; what is left out stays as it is, and a list is replaced as a whole."""

    allowed_models = slug_list("The only models that may be used.")
    ignored_models = slug_list("Models that are never used.")
    allowed_providers = slug_list("The only providers that may be used.")
    ignored_providers = slug_list("Providers that are never used.")
    enable_paid_model_training = Flag(required=False)
    enable_free_model_training = Flag(required=False)
    enable_paid_model_publication = Flag(required=False)
    enable_free_model_publication = Flag(required=False)
    enforce_zdr_anthropic = Flag(required=False)
    enforce_zdr_openai = Flag(required=False)
    enforce_zdr_google = Flag(required=False)
    enforce_zdr_xai = Flag(required=False)
    enforce_zdr_other = Flag(required=False)
    allow_safety_retention_google = Flag(required=False)
    allow_safety_retention_other = Flag(required=False)
    is_io_logging_allowed = Flag(required=False)
    prompt_injection_allowlist = PhraseShape(many=True, required=False)

    def validate_prompt_injection_allowlist(self, value: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [dict(entry) for entry in value]


PRIVACY = answer("PrivacyAnswer", data=PrivacyShape())


class PrivacyView(ManagementView):
    """The privacy settings of the key's organization."""

    permission = Permission.ACCOUNT_MANAGE
    refusals = {NotASlugList: 400, privacy.NotAnAllowlist: 400}

    @extend_schema(
        operation_id="getPrivacySettings",
        tags=["Organization"],
        responses={200: PRIVACY, **errors(401, 403)},
    )
    def get(self, request: Request) -> Response:
        return Response({"data": PrivacyShape(privacy.settings_of(self.organization)).data})

    @extend_schema(
        operation_id="updatePrivacySettings",
        tags=["Organization"],
        request=PrivacyChange,
        responses={200: PRIVACY, **errors(400, 401, 403)},
    )
    def patch(self, request: Request) -> Response:
        body = PrivacyChange(data=request.data)
        body.is_valid(raise_exception=True)
        changed = privacy.change(organization=self.organization, by=self.actor, **body.validated_data)
        return Response({"data": PrivacyShape(changed).data})
