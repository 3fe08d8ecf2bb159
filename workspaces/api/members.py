"""/workspaces/{id}/members."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.schema import IDEMPOTENCY_KEY, PAGE, answer, errors
from accounts.api.views import once
from accounts.models import Membership
from accounts.permissions import Permission
from config.lib.api_fields import Choice, Moment, StrictSerializer, Text, query_page
from workspaces import members
from workspaces.api.places import WorkspaceView
from workspaces.api.workspaces import ID
from workspaces.bulk_members import UnknownMembers, add_all, memberships_by_user, remove_all
from workspaces.models import Workspace, WorkspaceMember


@dataclass(frozen=True)
class Seat:
    """A member of a workspace, listed or implicit; its id follows from who sits where."""

    workspace: Workspace
    membership: Membership
    role: str
    created_at: datetime

    @property
    def id(self) -> uuid.UUID:
        """The same for as long as the workspace exists, even if he leaves and returns."""
        return uuid.uuid5(self.workspace.public_id, f"member:{self.membership.pk}")


class MemberShape(serializers.Serializer[Any]):  # one, or with many=True several
    """A member of a workspace, with the role that he has in it."""

    id = serializers.UUIDField()
    workspace_id = serializers.UUIDField(source="workspace.public_id")
    user_id = serializers.CharField(source="membership.user.public_id")
    role = Choice([Membership.ADMIN, Membership.MEMBER])
    created_at = Moment()


MEMBERS = answer("MemberList", data=MemberShape(many=True), total_count=serializers.IntegerField())
ADDED = answer("AddedAnswer", data=MemberShape(many=True), added_count=serializers.IntegerField())


class RemovedAnswer(serializers.Serializer[dict[str, int]]):
    """How many were taken out."""

    removed_count = serializers.IntegerField()


class UserIds(StrictSerializer):
    """Up to a hundred members of the organization."""

    user_ids = serializers.ListField(child=Text(), min_length=1, max_length=100)


class MembersView(WorkspaceView):
    """The members of a workspace; in the Default one, everybody."""

    @extend_schema(
        operation_id="listWorkspaceMembers",
        tags=["Workspaces"],
        parameters=[ID, *PAGE],
        responses={200: MEMBERS, **errors(400, 401, 403, 404)},
    )
    def get(self, request: Request, **address: str) -> Response:
        seats = _seats(self.workspace)
        return Response(
            {"data": MemberShape(seats[query_page(request)], many=True).data, "total_count": len(seats)}
        )


class BulkView(WorkspaceView):
    """A change of several members at once, all or none."""

    permission = Permission.WORKSPACE_MANAGE
    refusals = {UnknownMembers: 400, members.DefaultWorkspace: 400, members.HasActiveKeys: 400}

    def named_members(self, request: Request) -> list[Membership]:
        """Whom the body names."""
        body = UserIds(data=request.data)
        body.is_valid(raise_exception=True)
        return memberships_by_user(self.organization_id, body.validated_data["user_ids"])


class AddMembersView(BulkView):
    """Adds members of the organization, with the role that they have in it."""

    @extend_schema(
        operation_id="bulkAddWorkspaceMembers",
        tags=["Workspaces"],
        parameters=[ID, IDEMPOTENCY_KEY],
        request=UserIds,
        responses={200: ADDED, **errors(400, 401, 403, 404, 409, 422)},
    )
    @once
    def post(self, request: Request, **address: str) -> Response:
        seats = add_all(workspace=self.workspace, memberships=self.named_members(request), by=self.actor)
        for seat in seats:
            seat.refresh_from_db()
        added = [_seat(self.workspace, seat) for seat in seats]
        return Response({"data": MemberShape(added, many=True).data, "added_count": len(added)})


class RemoveMembersView(BulkView):
    """Removes members; one who owns active keys in the workspace stays, and with him all who were named."""

    @extend_schema(
        operation_id="bulkRemoveWorkspaceMembers",
        tags=["Workspaces"],
        parameters=[ID, IDEMPOTENCY_KEY],
        request=UserIds,
        responses={200: RemovedAnswer, **errors(400, 401, 403, 404, 409, 422)},
    )
    @once
    def post(self, request: Request, **address: str) -> Response:
        named = self.named_members(request)
        removed = remove_all(workspace=self.workspace, memberships=named, by=self.actor)
        return Response(RemovedAnswer({"removed_count": removed}).data)


def _seats(workspace: Workspace) -> list[Seat]:
    listed: Iterable[WorkspaceMember] = WorkspaceMember.objects.for_workspace(workspace)
    since = {} if workspace.is_default else {seat.membership_id: seat.created_at for seat in listed}
    return [
        Seat(workspace, membership, role, since.get(membership.pk, membership.created_at))
        for membership, role in members.members_of(workspace)
    ]


def _seat(workspace: Workspace, seat: WorkspaceMember) -> Seat:
    return Seat(workspace, seat.membership, seat.role or seat.membership.role, seat.created_at)
