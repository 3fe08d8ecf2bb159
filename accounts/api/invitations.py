"""/organization/invitations."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import invitations
from accounts.api.members import RoleField
from accounts.api.schema import IDEMPOTENCY_KEY, PAGE, DeletedAnswer, answer, errors
from accounts.api.views import ManagementView, once
from accounts.invitation_mail import MailNotSent
from accounts.models import Invitation, Membership
from accounts.models.invitation import InvitationQuerySet
from accounts.permissions import NotPermitted, Permission
from config.lib.api_errors import not_found
from config.lib.api_fields import Moment, StrictSerializer, Text, query_page

UUID_TEXT = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
NOTHING = "00000000-0000-0000-0000-000000000000"
STATES = [Invitation.PENDING, Invitation.EXPIRED, Invitation.ACCEPTED]
ID = OpenApiParameter("id", str, OpenApiParameter.PATH, description="The invitation's id.")


class InvitationShape(serializers.Serializer[Any]):  # one, or with many=True several
    """An address that was asked to join; the link itself is in the mail alone."""

    id = serializers.UUIDField(source="public_id")
    email = serializers.EmailField()
    role = RoleField()
    workspace_ids = serializers.ListField(child=serializers.UUIDField(), source="workspaces")
    status = serializers.ChoiceField(STATES, source="state")
    invited_by_user_id = serializers.CharField(source="invited_by.public_id", allow_null=True)
    created_at = Moment()
    sent_at = Moment()
    expires_at = Moment()
    accepted_at = Moment(allow_null=True)


INVITATION = answer("InvitationAnswer", data=InvitationShape())
INVITATIONS = answer(
    "InvitationList", data=InvitationShape(many=True), total_count=serializers.IntegerField()
)


class NewInvitation(StrictSerializer):
    """Whom to invite, as what, and into which workspaces besides the Default one."""

    email = serializers.EmailField(max_length=254)
    role = RoleField(default=Membership.MEMBER)
    workspace_ids = serializers.ListField(
        child=Text(max_length=100), max_length=100, default=list, help_text="Ids or slugs."
    )


class InvitationsView(ManagementView):
    """The organization's invitations but for those that were revoked, the newest first."""

    permission = Permission.ACCOUNT_MANAGE
    refusals: ClassVar[dict[type[Exception], int]] = {
        invitations.PersonalOrganization: 400,
        invitations.UnknownWorkspaces: 400,
        invitations.AlreadyMember: 409,
        invitations.AlreadyInvited: 409,
        invitations.TooManyMails: 429,
        NotPermitted: 403,
        MailNotSent: 503,
    }

    @extend_schema(
        operation_id="listInvitations",
        tags=["Organization"],
        parameters=PAGE,
        responses={200: INVITATIONS, **errors(400, 401, 403)},
    )
    def get(self, request: Request) -> Response:
        rows = shown(self.organization_id).order_by("-pk")
        page = rows[query_page(request)]
        return Response({"data": InvitationShape(page, many=True).data, "total_count": rows.count()})

    @extend_schema(
        operation_id="createInvitation",
        tags=["Organization"],
        parameters=[IDEMPOTENCY_KEY],
        request=NewInvitation,
        responses={201: INVITATION, **errors(400, 401, 403, 409, 422, 429)},
    )
    @once
    def post(self, request: Request) -> Response:
        """Invite an address. Only people, in the dashboard, may invite administrators."""
        body = NewInvitation(data=request.data)
        body.is_valid(raise_exception=True)
        values = body.validated_data
        if values["role"] != Membership.MEMBER:
            self.caller.require(Permission.ROLES_CHANGE)
        made = invitations.invite(
            organization=self.organization,
            email=values["email"],
            role=values["role"],
            workspaces=values["workspace_ids"],
            by=self.actor,
        )
        return Response({"data": InvitationShape(made).data}, status=201)


class InvitationView(ManagementView):
    """A view about one invitation."""

    permission = Permission.ACCOUNT_MANAGE
    refusals = {
        invitations.NotOpen: 409,
        invitations.TooManyMails: 429,
        NotPermitted: 403,
        MailNotSent: 503,
    }
    invitation: Invitation

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        reference = kwargs["id"] if UUID_TEXT.fullmatch(kwargs["id"]) else NOTHING
        invitation = shown(self.organization_id).filter(public_id=reference).first()
        if invitation is None:
            raise not_found()
        self.invitation = invitation


class OneInvitationView(InvitationView):
    """One invitation."""

    @extend_schema(
        operation_id="getInvitation",
        tags=["Organization"],
        parameters=[ID],
        responses={200: INVITATION, **errors(401, 403, 404)},
    )
    def get(self, request: Request, **address: str) -> Response:
        return Response({"data": InvitationShape(self.invitation).data})

    @extend_schema(
        operation_id="revokeInvitation",
        tags=["Organization"],
        parameters=[ID],
        responses={200: DeletedAnswer, **errors(401, 403, 404, 409)},
    )
    def delete(self, request: Request, **address: str) -> Response:
        """Revoke it; its link works no longer."""
        invitations.revoke(invitation=self.invitation, by=self.actor)
        return Response(DeletedAnswer({"deleted": True}).data)


class ResendInvitationView(InvitationView):
    """Sends an invitation once more."""

    @extend_schema(
        operation_id="resendInvitation",
        tags=["Organization"],
        parameters=[ID, IDEMPOTENCY_KEY],
        request=None,
        responses={200: INVITATION, **errors(401, 403, 404, 409, 422, 429)},
    )
    @once
    def post(self, request: Request, **address: str) -> Response:
        """Send a new link, good for another seven days; the old one ends. An administrator's is for people to send."""
        if self.invitation.role != Membership.MEMBER:
            self.caller.require(Permission.ROLES_CHANGE)
        sent = invitations.resend(invitation=self.invitation, by=self.actor)
        return Response({"data": InvitationShape(sent).data})


def shown(organization_id: int) -> InvitationQuerySet:
    """Those that were not revoked."""
    rows: InvitationQuerySet = Invitation.objects.for_organization(organization_id).filter(revoked_at=None)
    return rows.select_related("invited_by")
