"""/management-keys: to list and to revoke; people make them, in the dashboard."""

from __future__ import annotations

import re
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import management_keys
from accounts.api.schema import PAGE, DeletedAnswer, answer, errors
from accounts.api.views import MANAGEMENT_ONLY, ManagementView
from accounts.models import ManagementKey
from accounts.models.management_key import ManagementKeyQuerySet
from accounts.permissions import NotPermitted, NotYours, Permission
from config.lib.api_errors import ApiError, not_found
from config.lib.api_fields import Moment, query_page

HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
ID = OpenApiParameter("hash", str, OpenApiParameter.PATH, description="The key's public hash.")


class ManagementKeyShape(serializers.Serializer[Any]):  # one, or with many=True several
    """A management key; its secret was shown once and is kept nowhere."""

    hash = serializers.CharField()
    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # the name of a field here
    disabled = serializers.BooleanField(source="is_disabled")
    creator_user_id = serializers.CharField(source="created_by.public_id", allow_null=True)
    created_at = Moment()
    expires_at = Moment(allow_null=True)


MANAGEMENT_KEY = answer("ManagementKeyAnswer", data=ManagementKeyShape())
MANAGEMENT_KEYS = answer(
    "ManagementKeyList", data=ManagementKeyShape(many=True), total_count=serializers.IntegerField()
)


class ManagementKeyPage(ManagementView):
    """What the views share: whoever holds a management key may see and revoke all of the organization's."""

    permission = Permission.MANAGEMENT_KEYS

    def check_caller(self, request: Request) -> None:
        try:
            self.caller.require(self.permission, is_own=True)
        except (NotPermitted, NotYours):
            raise ApiError(403, MANAGEMENT_ONLY) from None

    def keys(self) -> ManagementKeyQuerySet:
        """Those that were not revoked."""
        rows: ManagementKeyQuerySet = ManagementKey.objects.for_organization(self.organization_id)
        return rows.filter(deleted_at=None).select_related("created_by")


class ManagementKeysView(ManagementKeyPage):
    """The organization's management keys, the newest first."""

    @extend_schema(
        operation_id="listManagementKeys",
        tags=["Management keys"],
        parameters=PAGE,
        responses={200: MANAGEMENT_KEYS, **errors(400, 401, 403)},
    )
    def get(self, request: Request) -> Response:
        keys = self.keys().order_by("-pk")
        page = keys[query_page(request)]
        return Response({"data": ManagementKeyShape(page, many=True).data, "total_count": keys.count()})


class OneManagementKeyView(ManagementKeyPage):
    """One management key."""

    key: ManagementKey

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        key = self.keys().filter(hash=kwargs["hash"] if HASH.fullmatch(kwargs["hash"]) else "").first()
        if key is None:
            raise not_found()
        self.key = key

    @extend_schema(
        operation_id="getManagementKey",
        tags=["Management keys"],
        parameters=[ID],
        responses={200: MANAGEMENT_KEY, **errors(401, 403, 404)},
    )
    def get(self, request: Request, **address: str) -> Response:
        return Response({"data": ManagementKeyShape(self.key).data})

    @extend_schema(
        operation_id="revokeManagementKey",
        tags=["Management keys"],
        parameters=[ID],
        responses={200: DeletedAnswer, **errors(401, 403, 404)},
    )
    def delete(self, request: Request, **address: str) -> Response:
        """End it for good; a key may end itself."""
        management_keys.revoke(key=self.key, by=self.actor)
        return Response(DeletedAnswer({"deleted": True}).data)
