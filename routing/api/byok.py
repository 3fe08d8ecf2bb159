"""/byok and /byok/{id}."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.schema import IDEMPOTENCY_KEY, PAGE, DeletedAnswer, errors
from accounts.api.views import ManagementView, once
from accounts.permissions import Permission
from config.lib.api_errors import ApiError, not_found
from config.lib.api_fields import query_page
from routing import byok
from routing.api.byok_shapes import CREDENTIAL, CREDENTIALS, CredentialChange, CredentialCreation, described
from routing.byok_filters import UnknownReference
from routing.byok_providers import is_provider
from routing.credential_formats import UndeclarableRegion, UnusableCredential
from routing.models import ByokCredential
from routing.models.credential import ByokCredentialQuerySet
from workspaces.api.places import referenced_workspace
from workspaces.models import Workspace
from workspaces.models.workspace import UUID_TEXT

UNACCEPTABLE: dict[type[Exception], int] = {
    UnusableCredential: 400,
    UndeclarableRegion: 400,
    UnknownReference: 400,
    byok.FallbackOnly: 400,
}
ID = OpenApiParameter(
    "id", {"type": "string", "format": "uuid"}, OpenApiParameter.PATH, description="The credential's id."
)
FILTERS = [
    OpenApiParameter(
        "workspace_id",
        str,
        description="What may be used in this workspace (id or slug), global credentials included; "
        "else in the Default workspace.",
    ),
    OpenApiParameter("provider", str, description="Only this provider's."),
    *PAGE,
]


class CredentialsView(ManagementView):
    """The credentials of the organization for providers."""

    permission = Permission.WORKSPACE_CONFIGURE
    hidden_from_inference_keys = frozenset({"GET"})
    refusals = {**UNACCEPTABLE, byok.UnknownProvider: 400, byok.WorkspaceGone: 400}

    @extend_schema(
        operation_id="listBYOKKeys",
        tags=["BYOK"],
        parameters=FILTERS,
        responses={200: CREDENTIALS, **errors(400, 401)},
    )
    def get(self, request: Request) -> Response:
        workspace = referenced_workspace(self.organization_id, request.query_params.get("workspace_id"))
        usable: ByokCredentialQuerySet = _live(self.organization_id).usable_in(workspace)
        provider = request.query_params.get("provider")
        if provider is not None:
            if "\0" in provider or not is_provider(provider):
                raise ApiError(400, "provider: there is no such provider.")
            usable = usable.filter(provider=provider)
        page = usable.in_order()[query_page(request)]
        data = described(self.organization_id, page)
        return Response({"data": data, "total_count": usable.count()})

    @extend_schema(
        operation_id="createBYOKKey",
        tags=["BYOK"],
        parameters=[IDEMPOTENCY_KEY],
        request=CredentialCreation,
        responses={201: CREDENTIAL, **errors(400, 401, 403, 409, 422)},
    )
    @once
    def post(self, request: Request) -> Response:
        body = CredentialCreation(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        credential = byok.create(
            workspace=self.place(asked),
            organization=self.organization,
            provider=asked.pop("provider"),
            secret=asked.pop("key"),
            by=self.actor,
            **asked,
        )
        return Response({"data": described(self.organization_id, [credential])[0]}, status=201)

    def place(self, asked: dict[str, Any]) -> Workspace | None:
        """Where the new credential belongs; taken out of what was asked. Null is everywhere, nothing the Default."""
        if "workspace_id" in asked and asked["workspace_id"] is None:
            del asked["workspace_id"]
            return None
        return referenced_workspace(self.organization_id, asked.pop("workspace_id", None))


class OneCredentialView(ManagementView):
    """One credential, addressed by its id."""

    permission = Permission.WORKSPACE_CONFIGURE
    hidden_from_inference_keys = frozenset({"GET", "PATCH", "DELETE"})
    refusals = {**UNACCEPTABLE, byok.CredentialGone: 404}
    credential: ByokCredential

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        wanted = kwargs["id"]
        live = _live(self.organization_id)
        found = live.filter(public_id=wanted).first() if UUID_TEXT.fullmatch(wanted) else None
        if found is None:
            raise not_found()
        self.credential = found

    @extend_schema(
        operation_id="getBYOKKey",
        tags=["BYOK"],
        parameters=[ID],
        responses={200: CREDENTIAL, **errors(401, 404)},
    )
    def get(self, request: Request, **address: str) -> Response:
        return Response({"data": described(self.organization_id, [self.credential])[0]})

    @extend_schema(
        operation_id="updateBYOKKey",
        tags=["BYOK"],
        parameters=[ID],
        request=CredentialChange,
        responses={200: CREDENTIAL, **errors(400, 401, 404)},
    )
    def patch(self, request: Request, **address: str) -> Response:
        body = CredentialChange(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        secret = asked.pop("key", None)
        changed = byok.change(credential=self.credential, by=self.actor, secret=secret, **asked)
        return Response({"data": described(self.organization_id, [changed])[0]})

    @extend_schema(
        operation_id="deleteBYOKKey",
        tags=["BYOK"],
        parameters=[ID],
        responses={200: DeletedAnswer, **errors(401, 404)},
    )
    def delete(self, request: Request, **address: str) -> Response:
        byok.delete(credential=self.credential, by=self.actor)
        return Response({"deleted": True})


def _live(organization_id: int) -> ByokCredentialQuerySet:
    credentials: ByokCredentialQuerySet = ByokCredential.objects.for_organization(organization_id).live()
    return credentials.select_related("workspace")
