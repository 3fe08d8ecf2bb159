"""/guardrails/assignments and /guardrails/{id}/assignments: which keys and members are held to which guardrail."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.schema import IDEMPOTENCY_KEY, PAGE, answer, errors
from accounts.api.views import ManagementView, once
from accounts.models import Membership
from accounts.permissions import Permission
from config.lib.api_errors import ApiError
from config.lib.api_fields import StrictSerializer, Text, query_page
from routing import guardrail_assignments
from routing.api.guardrail_shapes import KeyAssignmentShape, MemberAssignmentShape
from routing.api.guardrails import ID, AddressedGuardrailView
from routing.guardrail_assignments import UnknownKeys, keys_by_hash
from routing.guardrail_rows import GuardrailGone
from routing.models import Guardrail, KeyAssignment, MemberAssignment
from workspaces.bulk_members import UnknownMembers, memberships_by_user
from workspaces.models import ApiKey

MOST_AT_ONCE = 1_000
CHANGING = errors(400, 401, 403, 404, 409, 422)
KEYS = answer("KeyAssignmentList", data=KeyAssignmentShape(many=True), total_count=serializers.IntegerField())
MEMBERS = answer(
    "MemberAssignmentList", data=MemberAssignmentShape(many=True), total_count=serializers.IntegerField()
)
ASSIGNED = answer("AssignedAnswer", assigned_count=serializers.IntegerField())
UNASSIGNED = answer("UnassignedAnswer", unassigned_count=serializers.IntegerField())


class KeyHashes(StrictSerializer):
    """Inference keys, by their hashes."""

    key_hashes = serializers.ListField(child=Text(), min_length=1, max_length=MOST_AT_ONCE)


class MemberUserIds(StrictSerializer):
    """Members of the organization, by their users' ids."""

    member_user_ids = serializers.ListField(child=Text(), min_length=1, max_length=MOST_AT_ONCE)


class AllKeyAssignmentsView(ManagementView):
    """Every key of the organization that is held to a guardrail."""

    permission = Permission.WORKSPACE_CONFIGURE

    @extend_schema(
        operation_id="listKeyAssignments",
        tags=["Guardrails"],
        parameters=PAGE,
        responses={200: KEYS, **errors(400, 401, 403)},
    )
    def get(self, request: Request) -> Response:
        return _key_page(request, self.organization_id)


class AllMemberAssignmentsView(ManagementView):
    """Every member of the organization who is held to a guardrail."""

    permission = Permission.WORKSPACE_CONFIGURE

    @extend_schema(
        operation_id="listMemberAssignments",
        tags=["Guardrails"],
        parameters=PAGE,
        responses={200: MEMBERS, **errors(400, 401, 403)},
    )
    def get(self, request: Request) -> Response:
        return _member_page(request, self.organization_id)


class KeyAssignmentsView(AddressedGuardrailView):
    """The keys that are held to one guardrail."""

    refusals = {GuardrailGone: 404, UnknownKeys: 400}

    @extend_schema(
        operation_id="listGuardrailKeyAssignments",
        tags=["Guardrails"],
        parameters=[ID, *PAGE],
        responses={200: KEYS, **errors(400, 401, 403, 404)},
    )
    def get(self, request: Request, **address: str) -> Response:
        return _key_page(request, self.organization_id, self.guardrail)

    @extend_schema(
        operation_id="bulkAssignKeysToGuardrail",
        tags=["Guardrails"],
        parameters=[ID, IDEMPOTENCY_KEY],
        request=KeyHashes,
        responses={200: ASSIGNED, **CHANGING},
    )
    @once
    def post(self, request: Request, **address: str) -> Response:
        keys = named_keys(request, self.organization_id)
        count = guardrail_assignments.assign_keys(guardrail=self.guardrail, keys=keys, by=self.actor)
        return Response({"assigned_count": count})


class RemoveKeyAssignmentsView(AddressedGuardrailView):
    """Releases keys from a guardrail."""

    refusals = {GuardrailGone: 404, UnknownKeys: 400}

    @extend_schema(
        operation_id="bulkUnassignKeysFromGuardrail",
        tags=["Guardrails"],
        parameters=[ID, IDEMPOTENCY_KEY],
        request=KeyHashes,
        responses={200: UNASSIGNED, **CHANGING},
    )
    @once
    def post(self, request: Request, **address: str) -> Response:
        keys = named_keys(request, self.organization_id)
        count = guardrail_assignments.unassign_keys(guardrail=self.guardrail, keys=keys, by=self.actor)
        return Response({"unassigned_count": count})


class MemberAssignmentsView(AddressedGuardrailView):
    """The members who are held to one guardrail."""

    refusals = {GuardrailGone: 404, UnknownMembers: 400}

    @extend_schema(
        operation_id="listGuardrailMemberAssignments",
        tags=["Guardrails"],
        parameters=[ID, *PAGE],
        responses={200: MEMBERS, **errors(400, 401, 403, 404)},
    )
    def get(self, request: Request, **address: str) -> Response:
        return _member_page(request, self.organization_id, self.guardrail)

    @extend_schema(
        operation_id="bulkAssignMembersToGuardrail",
        tags=["Guardrails"],
        parameters=[ID, IDEMPOTENCY_KEY],
        request=MemberUserIds,
        responses={200: ASSIGNED, **CHANGING},
    )
    @once
    def post(self, request: Request, **address: str) -> Response:
        named = named_members(request, self.organization_id)
        count = guardrail_assignments.assign_members(
            guardrail=self.guardrail, memberships=named, by=self.actor
        )
        return Response({"assigned_count": count})


class RemoveMemberAssignmentsView(AddressedGuardrailView):
    """Releases members from a guardrail."""

    refusals = {GuardrailGone: 404}

    @extend_schema(
        operation_id="bulkUnassignMembersFromGuardrail",
        tags=["Guardrails"],
        parameters=[ID, IDEMPOTENCY_KEY],
        request=MemberUserIds,
        responses={200: UNASSIGNED, **CHANGING},
    )
    @once
    def post(self, request: Request, **address: str) -> Response:
        named = named_members(request, self.organization_id)
        count = guardrail_assignments.unassign_members(
            guardrail=self.guardrail, memberships=named, by=self.actor
        )
        return Response({"unassigned_count": count})


def named_keys(request: Request, organization_id: int) -> list[ApiKey]:
    """Which keys the body names. Raises UnknownKeys."""
    body = KeyHashes(data=request.data)
    body.is_valid(raise_exception=True)
    return keys_by_hash(organization_id, body.validated_data["key_hashes"])


def named_members(request: Request, organization_id: int) -> list[Membership]:
    """Whom the body names. Raises ApiError (400)."""
    body = MemberUserIds(data=request.data)
    body.is_valid(raise_exception=True)
    try:
        return memberships_by_user(organization_id, body.validated_data["member_user_ids"])
    except UnknownMembers as error:
        raise ApiError(400, f"member_{error}") from None


def _key_page(request: Request, organization_id: int, guardrail: Guardrail | None = None) -> Response:
    rows = KeyAssignment.objects.for_organization(organization_id)
    rows = rows.select_related("guardrail", "api_key", "assigned_by")
    return _page(request, rows, KeyAssignmentShape, guardrail)


def _member_page(request: Request, organization_id: int, guardrail: Guardrail | None = None) -> Response:
    rows = MemberAssignment.objects.for_organization(organization_id)
    rows = rows.select_related("guardrail", "organization", "membership__user", "assigned_by")
    return _page(request, rows, MemberAssignmentShape, guardrail)


def _page(request: Request, rows: Any, shape: type[Any], guardrail: Guardrail | None) -> Response:
    if guardrail is not None:
        rows = rows.filter(guardrail_id=guardrail.pk)
    page = rows.order_by("created_at", "pk")[query_page(request)]
    return Response({"data": shape(page, many=True).data, "total_count": rows.count()})
