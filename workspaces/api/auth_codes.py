"""/auth/keys and /auth/keys/code: keys for applications, by OAuth PKCE."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpRequest
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.schema import IDEMPOTENCY_KEY, answer, errors
from accounts.api.views import ManagementView, once
from accounts.models import Membership
from accounts.permissions import Permission
from config.lib.api import ApiView, client_address
from config.lib.api_fields import Choice, Moment, StrictSerializer, Text, Usd
from config.lib.scoping import enter_tenant
from workspaces import auth_codes
from workspaces.api.keys import Reset
from workspaces.api.places import referenced_workspace
from workspaces.callbacks import UnusableCallback, app_id, check_callback
from workspaces.members import is_member
from workspaces.models import ApiKey, AuthCode, Workspace

METHODS = [AuthCode.S256, AuthCode.PLAIN]
LONGEST_TEXT = 1024


class CodeRequest(StrictSerializer):
    """What an application is to be allowed."""

    callback_url = Text(max_length=2048, help_text="https, or http on localhost or 127.0.0.1; any port.")
    code_challenge = Text(max_length=128, required=False)
    code_challenge_method = Choice(METHODS, required=False)
    key_label = Text(min_length=1, max_length=100, required=False)
    limit = Usd(required=False)
    usage_limit_type = Reset(required=False)
    expires_at = Moment(allow_null=True, required=False)
    workspace_id = Text(min_length=1, max_length=60, required=False)
    spawn_agent = Text(max_length=LONGEST_TEXT, required=False, help_text="Accepted and not kept.")
    spawn_cloud = Text(max_length=LONGEST_TEXT, required=False, help_text="Accepted and not kept.")

    def validate_callback_url(self, value: str) -> str:
        try:
            check_callback(value)
        except UnusableCallback as error:
            raise serializers.ValidationError(str(error)) from None
        return value

    def asked(self) -> auth_codes.Request:
        """The request as the domain has it. Raises UnusableChallenge."""
        given = self.validated_data
        return auth_codes.Request(
            callback_url=given["callback_url"],
            challenge=auth_codes.read_challenge(
                given.get("code_challenge"), given.get("code_challenge_method")
            ),
            key_label=given.get("key_label", ""),
            limit_nano=given.get("limit"),
            limit_interval=ApiKey.RESETS[given.get("usage_limit_type")],
            expires_at=given.get("expires_at"),
        )


class CodeShape(serializers.Serializer[Any]):
    """A code, which is shown once."""

    id = serializers.CharField(source="code", help_text="The code to exchange.")
    app_id = serializers.SerializerMethodField()
    created_at = Moment(source="row.created_at")

    def get_app_id(self, made: auth_codes.NewCode) -> int:
        """The application by its callback's host."""
        return app_id(made.row.callback_url)


class CodesView(ManagementView):
    """Makes codes without asking anybody: whoever has a management key may issue keys."""

    permission = Permission.OTHERS_KEYS
    refusals = {auth_codes.UnusableChallenge: 400}

    @extend_schema(
        operation_id="createAuthKeysCode",
        tags=["OAuth"],
        parameters=[IDEMPOTENCY_KEY],
        request=CodeRequest,
        responses={200: answer("AuthCodeAnswer", data=CodeShape()), **errors(400, 401, 403, 409, 422)},
    )
    @once
    def post(self, request: Request) -> Response:
        body = CodeRequest(data=request.data)
        body.is_valid(raise_exception=True)
        workspace = referenced_workspace(self.organization_id, body.validated_data.get("workspace_id"))
        made = auth_codes.allow(
            workspace=workspace, owner=self.owner(workspace), request=body.asked(), by=self.actor
        )
        return Response({"data": CodeShape(made).data})

    def owner(self, workspace: Workspace) -> Membership | None:
        """Who made the management key, if he is in the workspace; else the key will be the workspace's own."""
        management_key = self.caller.management_key
        if management_key is None or management_key.created_by_id is None:
            return None
        live = Membership.objects.for_organization(self.organization_id).live()
        maker = live.filter(user_id=management_key.created_by_id).first()
        return maker if maker is not None and is_member(maker, workspace) else None


class Exchange(StrictSerializer):
    """The code, and what proves that it is the asker's."""

    code = Text(min_length=1, max_length=LONGEST_TEXT)
    code_verifier = Text(max_length=LONGEST_TEXT, required=False)
    code_challenge_method = Text(required=False, allow_null=True, max_length=20)


class ExchangeAnswer(serializers.Serializer[Any]):
    """The key, shown this once, and whose it is."""

    key = serializers.CharField()
    user_id = serializers.CharField(allow_null=True)


class ExchangeView(ApiView):
    """Exchanges a code for a key. It asks for no key, and answers pages of any site: the code is the credential."""

    refusals = {
        auth_codes.WrongMethod: 400,
        auth_codes.InvalidCode: 403,
        auth_codes.CodeExpired: 403,
    }
    cross_origin: ClassVar[dict[str, str]] = {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Methods": "POST",
        "Access-Control-Allow-Headers": "*, Authorization",
        "Access-Control-Max-Age": "86400",
    }
    organization_id: int
    caller_name: str
    secret: str

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Whoever repeats an exchange is known by his code, and by all else that he sends."""
        super().initial(request, *args, **kwargs)
        if request.method == "POST" and "Idempotency-Key" in request.headers:
            body = Exchange(data=request.data)
            body.is_valid(raise_exception=True)
            row = auth_codes.find(body.validated_data["code"])
            self.secret, self.caller_name = body.validated_data["code"], f"auth_code:{row.pk}"
            self.organization_id = row.organization_id
            enter_tenant(row.organization_id)

    @extend_schema(
        operation_id="exchangeAuthCodeForAPIKey",
        tags=["OAuth"],
        auth=[],
        parameters=[IDEMPOTENCY_KEY],
        request=Exchange,
        responses={200: ExchangeAnswer, **errors(400, 403, 409, 422)},
    )
    @once
    def post(self, request: Request) -> Response:
        body = Exchange(data=request.data)
        body.is_valid(raise_exception=True)
        issued, user = auth_codes.exchange(
            code=body.validated_data["code"],
            verifier=body.validated_data.get("code_verifier"),
            method=body.validated_data.get("code_challenge_method"),
            address=client_address(request),
        )
        found = {"key": issued.secret, "user_id": user.public_id if user else None}
        return Response(ExchangeAnswer(found).data)

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        """A browser's question before a page of another site may ask."""
        return Response(status=204)

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Let any page read the answer, and nobody keep it."""
        for name, value in (self.cross_origin | {"Cache-Control": "no-store"}).items():
            response[name] = value
        finished: Response = super().finalize_response(request, response, *args, **kwargs)
        return finished
