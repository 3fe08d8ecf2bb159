"""/keys and /keys/{hash}."""

from __future__ import annotations

import re
from typing import Any

from django.db.models import Q
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.rates import RatesChange
from accounts.api.schema import IDEMPOTENCY_KEY, PAGE, DeletedAnswer, errors
from accounts.api.views import ManagementView, once
from accounts.models import Membership
from accounts.permissions import Permission
from config.lib.api_errors import ApiError, not_found
from config.lib.api_fields import Choice, Flag, Moment, StrictSerializer, Text, Usd, query_flag, query_page
from config.lib.rated import RATES
from workspaces import api_keys
from workspaces.api.key_shapes import KEY, KEYS, NEW_KEY, RESET_NAMES, KeyShape
from workspaces.api.places import referenced_workspace
from workspaces.bulk_members import UnknownMembers, memberships_by_user
from workspaces.external_keys import UnusableSecret, hash_of_external
from workspaces.key_secrets import addressed
from workspaces.models import ApiKey
from workspaces.models.api_key import ApiKeyQuerySet
from workspaces.visible_keys import statuses_of

PAGE_SIZE = 100
HASH = re.compile(r"[0-9a-f]{64}")
FILTERS = [
    OpenApiParameter("include_disabled", bool, description="Also list disabled keys."),
    OpenApiParameter("include_expired", bool, description="Also list expired keys."),
    OpenApiParameter(
        "workspace_id", str, description="Whose keys, by id or slug; else the Default workspace's."
    ),
    PAGE[0],
]
COLUMNS = {
    "name": "name",
    "disabled": "is_disabled",
    "limit": "limit_nano",
    "limit_reset": "limit_interval",
    "include_byok_in_limit": "is_byok_in_limit",
    "expires_at": "expires_at",
    **{name: name for name in RATES},
}


class Reset(Choice):
    """`daily`, `weekly`, `monthly` or null outside, the interval's letter inside."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__([name for name in RESET_NAMES.values() if name], allow_null=True, **kwargs)


class External(StrictSerializer):
    """A partner's own identity for whoever uses the key."""

    user = Text(min_length=1, max_length=512)
    api_key = Text(required=False, help_text="A secret of the partner's own that opens the key as well.")

    def validate_api_key(self, value: str) -> str:
        try:
            return hash_of_external(value)
        except UnusableSecret as error:
            raise serializers.ValidationError(str(error)) from None


class KeyChange(RatesChange):
    """What can be changed on a key; what is left out stays as it is."""

    name = Text(min_length=1, max_length=255, required=False)
    disabled = Flag(required=False)
    limit = Usd(allow_null=True, required=False)
    limit_reset = Reset(required=False)
    include_byok_in_limit = Flag(required=False)
    workspace_id = Text(min_length=1, max_length=60, required=False)


class KeyCreation(RatesChange):
    """What a new key begins with."""

    name = Text(min_length=1, max_length=255)
    creator_user_id = Text(min_length=1, allow_null=True, required=False)
    expires_at = Moment(allow_null=True, required=False)
    external = External(required=False)
    limit = Usd(allow_null=True, required=False)
    limit_reset = Reset(required=False)
    include_byok_in_limit = Flag(required=False)
    workspace_id = Text(min_length=1, max_length=60, required=False)


class KeysView(ManagementView):
    """The inference keys of the organization."""

    permission = Permission.OTHERS_KEYS
    hidden_from_inference_keys = frozenset({"GET"})
    refusals = {api_keys.OwnerNotInWorkspace: 400}

    @extend_schema(
        operation_id="list",
        tags=["API Keys"],
        parameters=FILTERS,
        responses={200: KEYS, **errors(400, 401, 404)},
    )
    def get(self, request: Request) -> Response:
        reference = request.query_params.get("workspace_id")
        workspace = referenced_workspace(self.organization_id, reference, missing=404)
        keys: ApiKeyQuerySet = ApiKey.objects.for_workspace(workspace).active()
        if not query_flag(request, "include_disabled"):
            keys = keys.filter(is_disabled=False)
        if not query_flag(request, "include_expired"):
            keys = keys.filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()))
        page = query_page(request, default=PAGE_SIZE, maximum=PAGE_SIZE)
        rows = with_relations(keys).order_by("-created_at", "-pk")[page]
        return Response({"data": KeyShape(statuses_of(rows), many=True).data})

    @extend_schema(
        operation_id="createKeys",
        tags=["API Keys"],
        parameters=[IDEMPOTENCY_KEY],
        request=KeyCreation,
        responses={201: NEW_KEY, **errors(400, 401, 403, 409, 422)},
    )
    @once
    def post(self, request: Request) -> Response:
        body = KeyCreation(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        external = asked.get("external", {})
        issued = api_keys.issue(
            workspace=referenced_workspace(self.organization_id, asked.get("workspace_id")),
            owner=self.creator(asked.get("creator_user_id")),
            external_user=external.get("user"),
            external_hash=external.get("api_key"),
            by=self.actor,
            **_columns(asked),
        )
        stored = with_relations(ApiKey.objects.for_organization(self.organization_id)).get(pk=issued.key.pk)
        (status,) = statuses_of([stored])
        return Response({"data": KeyShape(status).data, "key": issued.secret}, status=201)

    def creator(self, user_id: str | None) -> Membership | None:
        """The member whose key it will be; nobody's: a system key of the workspace."""
        if user_id is None:
            return None
        try:
            (membership,) = memberships_by_user(self.organization_id, [user_id])
        except UnknownMembers:
            raise ApiError(400, "creator_user_id: no such member of the organization.") from None
        return membership


class KeyView(ManagementView):
    """A view about one key, addressed by the SHA-256 of its present secret or of any that it had before."""

    permission = Permission.OTHERS_KEYS
    key: ApiKey

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        keys = with_relations(ApiKey.objects.for_organization(self.organization_id).active())
        key = addressed(keys, kwargs["hash"]) if HASH.fullmatch(kwargs["hash"]) else None
        if key is None:
            raise not_found()
        self.key = key


class OneKeyView(KeyView):
    """One inference key."""

    hidden_from_inference_keys = frozenset({"GET", "DELETE"})
    refusals = {api_keys.OwnerNotInWorkspace: 409}

    @extend_schema(operation_id="getKey", tags=["API Keys"], responses={200: KEY, **errors(401, 404)})
    def get(self, request: Request, **address: str) -> Response:
        return described(self.key)

    @extend_schema(
        operation_id="updateKeys",
        tags=["API Keys"],
        request=KeyChange,
        responses={200: KEY, **errors(400, 401, 403, 404, 409)},
    )
    def patch(self, request: Request, **address: str) -> Response:
        body = KeyChange(data=request.data)
        body.is_valid(raise_exception=True)
        changes = _columns(body.validated_data)
        if "workspace_id" in body.validated_data:
            reference = body.validated_data["workspace_id"]
            changes["workspace"] = referenced_workspace(self.organization_id, reference)
        return described(api_keys.change(key=self.key, by=self.actor, **changes))

    @extend_schema(
        operation_id="deleteKeys", tags=["API Keys"], responses={200: DeletedAnswer, **errors(401, 404, 409)}
    )
    def delete(self, request: Request, **address: str) -> Response:
        if address["hash"] != self.key.hash:  # whoever cleans up after a rotation means the old secret alone
            raise ApiError(409, f"This is a former secret of the key {self.key.hash}, which would end too.")
        api_keys.delete(key=self.key, by=self.actor)
        return Response({"deleted": True})


def with_relations(keys: ApiKeyQuerySet) -> ApiKeyQuerySet:
    """The keys with what their shape reads."""
    return keys.select_related("workspace", "owner__user", "created_by")


def _columns(asked: dict[str, Any]) -> dict[str, Any]:
    changes = {COLUMNS[name]: value for name, value in asked.items() if name in COLUMNS}
    if "limit_interval" in changes:
        changes["limit_interval"] = ApiKey.RESETS[changes["limit_interval"]]
    return changes


def described(key: ApiKey) -> Response:
    """The answer that shows one key."""
    (status,) = statuses_of([key])
    return Response({"data": KeyShape(status).data})
