"""/organization/members."""

from __future__ import annotations

import re
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import organizations
from accounts.api.rates import RatesChange, RatesShape
from accounts.api.schema import PAGE, DeletedAnswer, answer, errors
from accounts.api.views import ManagementView
from accounts.models import Membership
from accounts.models.membership import MembershipQuerySet
from accounts.permissions import Permission
from config.lib.api_errors import not_found
from config.lib.api_fields import Choice, query_page

PUBLIC_USER_ID = re.compile(r"user_(\d{1,18})", re.ASCII)
NOBODY = 0
PREFIX = "org:"
ROLES = {role: PREFIX + role for role in (Membership.ADMIN, Membership.MEMBER)}


class RoleField(Choice):
    """A role of the organization, as the contract names it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(list(ROLES.values()), **kwargs)

    def to_internal_value(self, data: Any) -> str:  # the parsed value, of any type
        return str(super().to_internal_value(data)).removeprefix(PREFIX)

    def to_representation(self, value: str) -> str:
        return PREFIX + value


class OrganizationMemberShape(RatesShape):
    """A member of the organization; the rates count what he does in all of its workspaces together."""

    id = serializers.CharField(source="user.public_id")
    first_name = serializers.CharField(source="user.first_name", allow_null=True)
    last_name = serializers.CharField(source="user.last_name", allow_null=True)
    email = serializers.EmailField(source="user.email")
    role = RoleField()


MEMBERS = answer(
    "OrganizationMemberList", data=OrganizationMemberShape(many=True), total_count=serializers.IntegerField()
)
MEMBER = answer("OrganizationMemberAnswer", data=OrganizationMemberShape())
USER_ID = OpenApiParameter("user_id", str, OpenApiParameter.PATH, description="The member's id.")


class OrganizationMemberChange(RatesChange):
    """What can be set on a member; what is left out stays as it is."""


def members_of(organization_id: int) -> MembershipQuerySet:
    """The live members."""
    members: MembershipQuerySet = Membership.objects.for_organization(organization_id).live()
    return members.select_related("user")


class OrganizationMembersView(ManagementView):
    """The members of the organization, the earliest first."""

    permission = Permission.ACCOUNT_MANAGE
    hidden_from_inference_keys = frozenset({"GET"})

    @extend_schema(
        operation_id="listOrganizationMembers",
        tags=["Organization"],
        parameters=PAGE,
        responses={200: MEMBERS, **errors(400, 401)},
    )
    def get(self, request: Request) -> Response:
        members = members_of(self.organization_id).order_by("created_at", "pk")
        page = members[query_page(request)]
        return Response(
            {"data": OrganizationMemberShape(page, many=True).data, "total_count": members.count()}
        )


class OneOrganizationMemberView(ManagementView):
    """One member. Roles are given by people, in the dashboard."""

    permission = Permission.ACCOUNT_MANAGE
    refusals = {organizations.LastAdministrator: 400, organizations.NotAMember: 404}

    @extend_schema(
        operation_id="getOrganizationMember",
        tags=["Organization"],
        parameters=[USER_ID],
        responses={200: MEMBER, **errors(401, 403, 404)},
    )
    def get(self, request: Request, **address: str) -> Response:
        return Response({"data": OrganizationMemberShape(self._named(address)).data})

    @extend_schema(
        operation_id="updateOrganizationMember",
        tags=["Organization"],
        parameters=[USER_ID],
        request=OrganizationMemberChange,
        responses={200: MEMBER, **errors(400, 401, 403, 404)},
    )
    def patch(self, request: Request, **address: str) -> Response:
        """Set a member's rates."""
        membership = self._named(address)
        body = OrganizationMemberChange(data=request.data)
        body.is_valid(raise_exception=True)
        changed = organizations.change_member(membership=membership, by=self.actor, **body.validated_data)
        return Response({"data": OrganizationMemberShape(changed).data})

    @extend_schema(
        operation_id="removeOrganizationMember",
        tags=["Organization"],
        parameters=[USER_ID],
        responses={200: DeletedAnswer, **errors(400, 401, 403, 404)},
    )
    def delete(self, request: Request, **address: str) -> Response:
        """Remove a member: keys, seats and sessions of his end. The last administrator stays."""
        organizations.remove_member(membership=self._named(address), by=self.actor)
        return Response(DeletedAnswer({"deleted": True}).data)

    def _named(self, address: dict[str, str]) -> Membership:
        match = PUBLIC_USER_ID.fullmatch(address["user_id"])
        named = members_of(self.organization_id).filter(user_id=int(match.group(1)) if match else NOBODY)
        membership = named.first()
        if membership is None:
            raise not_found()
        return membership
