"""GET and PATCH /organization/settings."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import organizations
from accounts.api.rates import RatesChange, RatesShape
from accounts.api.schema import answer, errors
from accounts.api.views import ManagementView
from accounts.permissions import Permission
from config.lib.api_fields import Flag


class OrganizationSettingsShape(RatesShape):
    """Settings of an organization as a whole."""

    id = serializers.UUIDField(source="public_id")
    is_filtered_model_catalog_enabled = serializers.BooleanField(
        source="is_model_catalog_filtered",
        help_text="Whether the catalog shows the organization's keys only the models that they may use.",
    )


class OrganizationSettingsChange(RatesChange):
    """What can be set; what is left out stays as it is, but something must be named."""

    is_filtered_model_catalog_enabled = Flag(source="is_model_catalog_filtered", required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError(
                {"is_filtered_model_catalog_enabled": ["This field is required."]}
            )
        return attrs


SETTINGS = answer("OrganizationSettingsAnswer", data=OrganizationSettingsShape())


class OrganizationSettingsView(ManagementView):
    """The settings of the key's organization."""

    permission = Permission.ACCOUNT_MANAGE

    @extend_schema(
        operation_id="getOrganizationSettings",
        tags=["Organization"],
        responses={200: SETTINGS, **errors(401, 403)},
    )
    def get(self, request: Request) -> Response:
        return Response({"data": OrganizationSettingsShape(self.organization).data})

    @extend_schema(
        operation_id="updateOrganizationSettings",
        tags=["Organization"],
        request=OrganizationSettingsChange,
        responses={200: SETTINGS, **errors(400, 401, 403)},
    )
    def patch(self, request: Request) -> Response:
        body = OrganizationSettingsChange(data=request.data)
        body.is_valid(raise_exception=True)
        changed = organizations.change(organization=self.organization, by=self.actor, **body.validated_data)
        return Response({"data": OrganizationSettingsShape(changed).data})
