"""/keys/{hash}/rotate and /keys/{hash}/secrets."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.schema import IDEMPOTENCY_KEY, DeletedAnswer, answer, errors
from accounts.api.views import once
from config.lib.api_errors import not_found
from config.lib.api_fields import Moment, StrictSerializer, Whole
from workspaces import rotation
from workspaces.api.key_shapes import NEW_KEY, KeyShape
from workspaces.api.keys import HASH, KeyView
from workspaces.key_secrets import secrets_of
from workspaces.visible_keys import statuses_of


class SecretShape(serializers.Serializer[Any]):  # one, or with many=True several
    """A secret that opens the key, or did; of a partner's own nothing is shown."""

    label = serializers.CharField(allow_null=True)  # type: ignore[assignment]  # the answer's field
    hash = serializers.CharField(allow_null=True)
    is_current = serializers.BooleanField()
    works_until = Moment(allow_null=True, help_text="When its grace ends; null: as long as the key works.")
    last_used_at = Moment(allow_null=True)


SECRETS = answer("SecretList", data=SecretShape(many=True))


class Rotation(StrictSerializer):
    """How long the secret before goes on working."""

    grace_seconds = Whole(
        min_value=0,
        max_value=rotation.MOST_GRACE_SECONDS,
        default=rotation.DEFAULT_GRACE_SECONDS,
        help_text="0: every other secret of the key that we made ends at once.",
    )


class RotateView(KeyView):
    """Gives a key another secret; hash and label are the new one's, everything else stays."""

    refusals = {rotation.StillInGrace: 409}

    @extend_schema(
        operation_id="rotateKey",
        tags=["API Keys"],
        parameters=[IDEMPOTENCY_KEY],
        request=Rotation,
        responses={200: NEW_KEY, **errors(400, 401, 403, 404, 409, 422)},
    )
    @once
    def post(self, request: Request, **address: str) -> Response:
        body = Rotation(data=request.data)
        body.is_valid(raise_exception=True)
        issued = rotation.rotate(key=self.key, by=self.actor, **body.validated_data)
        (status,) = statuses_of([issued.key])
        return Response({"data": KeyShape(status).data, "key": issued.secret})


class SecretsView(KeyView):
    """The secrets of a key, each with its last use."""

    @extend_schema(
        operation_id="listKeySecrets",
        tags=["API Keys"],
        responses={200: SECRETS, **errors(401, 403, 404)},
    )
    def get(self, request: Request, **address: str) -> Response:
        return Response({"data": SecretShape(secrets_of(self.key), many=True).data})


class OneSecretView(KeyView):
    """A former secret of a key, addressed by its hash."""

    refusals = {rotation.NoFormerSecret: 404, rotation.PresentSecret: 409}

    @extend_schema(
        operation_id="endKeySecret",
        tags=["API Keys"],
        responses={200: DeletedAnswer, **errors(401, 403, 404, 409)},
    )
    def delete(self, request: Request, **address: str) -> Response:
        if not HASH.fullmatch(address["secret"]):
            raise not_found()
        rotation.end_former(key=self.key, digest=address["secret"], by=self.actor)
        return Response({"deleted": True})
