"""/external-users and /external-users/{user}."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.schema import IDEMPOTENCY_KEY, PAGE, answer, errors
from accounts.api.views import ManagementView, once
from accounts.permissions import Permission
from config.lib.api_body import UNSTORABLE
from config.lib.api_errors import ApiError, not_found
from config.lib.api_fields import Flag, Moment, StrictSerializer, Text, query_flag, query_page
from workspaces import external_users
from workspaces.models import ExternalUser
from workspaces.models.external_user import ExternalUserQuerySet

USER = OpenApiParameter("user", str, OpenApiParameter.PATH, description="The partner's id, URL-encoded.")
FILTERS = [
    OpenApiParameter("user", str, description="Only this id."),
    OpenApiParameter("include_inactive", bool, description="Also list deactivated registrations."),
    *PAGE,
]


class ExternalUserShape(serializers.Serializer[Any]):  # one, or with many=True several
    """A registration of somebody whom a partner knows."""

    user = serializers.CharField(source="identifier")
    is_active = serializers.BooleanField(help_text="Decides about no request.")
    created_at = Moment()
    updated_at = Moment()


EXTERNAL_USER = answer("ExternalUserAnswer", data=ExternalUserShape())
EXTERNAL_USERS = answer(
    "ExternalUserList", data=ExternalUserShape(many=True), total_count=serializers.IntegerField()
)


class Registration(StrictSerializer):
    """The id that the partner gave him; it never changes."""

    user = Text(min_length=1, max_length=external_users.LONGEST_IDENTIFIER)

    def validate_user(self, value: str) -> str:
        if value != value.strip():
            raise serializers.ValidationError("must not begin or end with white space.")
        return value


class ExternalUserChange(StrictSerializer):
    """Whether the registration is active."""

    is_active = Flag()


class ExternalUsersView(ManagementView):
    """The registrations of the organization."""

    permission = Permission.ACCOUNT_MANAGE
    hidden_from_inference_keys = frozenset({"POST"})
    refusals = {external_users.AlreadyRegistered: 409}

    @extend_schema(
        operation_id="listExternalUsers",
        tags=["External Users"],
        parameters=FILTERS,
        responses={200: EXTERNAL_USERS, **errors(400, 401, 403)},
    )
    def get(self, request: Request) -> Response:
        users: ExternalUserQuerySet = ExternalUser.objects.for_organization(self.organization_id)
        if not query_flag(request, "include_inactive"):
            users = users.active()
        sought = request.query_params.get("user")
        if sought is not None:
            users = users.filter(identifier=_storable(sought, status=400))
        rows = users.order_by("created_at", "pk")[query_page(request)]
        return Response({"data": ExternalUserShape(rows, many=True).data, "total_count": users.count()})

    @extend_schema(
        operation_id="createExternalUser",
        tags=["External Users"],
        parameters=[IDEMPOTENCY_KEY],
        request=Registration,
        responses={201: EXTERNAL_USER, **errors(400, 401, 409, 422)},
    )
    @once
    def post(self, request: Request) -> Response:
        body = Registration(data=request.data)
        body.is_valid(raise_exception=True)
        user = external_users.register(
            organization=self.organization, identifier=body.validated_data["user"], by=self.actor
        )
        return Response({"data": ExternalUserShape(user).data}, status=201)


class ExternalUserView(ManagementView):
    """One registration, active or not, addressed by the partner's id."""

    permission = Permission.ACCOUNT_MANAGE
    hidden_from_inference_keys = frozenset({"PATCH", "DELETE"})
    user: ExternalUser

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        users = ExternalUser.objects.for_organization(self.organization_id)
        user = users.filter(identifier=_storable(kwargs["user"], status=404)).first()
        if user is None:
            raise not_found()
        self.user = user

    @extend_schema(
        operation_id="getExternalUser",
        tags=["External Users"],
        parameters=[USER],
        responses={200: EXTERNAL_USER, **errors(401, 403, 404)},
    )
    def get(self, request: Request, **address: str) -> Response:
        return Response({"data": ExternalUserShape(self.user).data})

    @extend_schema(
        operation_id="updateExternalUser",
        tags=["External Users"],
        parameters=[USER],
        request=ExternalUserChange,
        responses={200: EXTERNAL_USER, **errors(400, 401, 404)},
    )
    def patch(self, request: Request, **address: str) -> Response:
        body = ExternalUserChange(data=request.data)
        body.is_valid(raise_exception=True)
        changed = external_users.set_active(user=self.user, by=self.actor, **body.validated_data)
        return Response({"data": ExternalUserShape(changed).data})

    @extend_schema(
        operation_id="deleteExternalUser",
        tags=["External Users"],
        parameters=[USER],
        responses={204: OpenApiResponse(description="It is inactive; its id stays."), **errors(401, 404)},
    )
    def delete(self, request: Request, **address: str) -> Response:
        external_users.set_active(user=self.user, is_active=False, by=self.actor)
        return Response(status=204)


def _storable(identifier: str, *, status: int) -> str:
    """An id of the address as PostgreSQL takes it. Raises ApiError: none that it refuses was ever registered."""
    if not UNSTORABLE.search(identifier):
        return identifier
    raise not_found() if status == 404 else ApiError(400, "user: must not contain NUL.")
