"""GET and PATCH /organization/settings."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.schema import answer, errors
from accounts.api.views import ManagementView
from accounts.models import Organization
from accounts.organizations import filter_model_catalog
from accounts.permissions import Permission
from config.lib.api_fields import Flag, StrictSerializer


class OrganizationSettingsShape(serializers.Serializer[Organization]):
    """Settings of an organization as a whole."""

    id = serializers.UUIDField(source="public_id")
    is_filtered_model_catalog_enabled = serializers.BooleanField(
        source="is_model_catalog_filtered",
        help_text="Whether the catalog shows the organization's keys only the models that they may use.",
    )


class OrganizationSettingsChange(StrictSerializer):
    """What can be set."""

    is_filtered_model_catalog_enabled = Flag()


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
        changed = filter_model_catalog(
            organization=self.organization,
            is_filtered=body.validated_data["is_filtered_model_catalog_enabled"],
            by=self.actor,
        )
        return Response({"data": OrganizationSettingsShape(changed).data})
