"""/revisions: what was changed, by whom, and rolling it back."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import audit_log
from accounts.api.log_shapes import (
    DIFFERENCES,
    REVISION,
    REVISIONS,
    Asked,
    OneRevisionShape,
    RevisionQuery,
    RevisionShape,
    differences,
    known_places,
)
from accounts.api.schema import IDEMPOTENCY_KEY, errors
from accounts.api.views import ManagementView, once
from accounts.models import Revision
from accounts.permissions import NotPermitted, Permission
from accounts.restoring import CannotRestore
from accounts.rolling_back import ChangedSince, permission_to_restore, roll_back
from config.lib.api_errors import ApiError, not_found
from config.lib.api_fields import Flag, StrictSerializer, Text

ID = OpenApiParameter("id", str, OpenApiParameter.PATH, description="The revision's id.")
AGAINST = OpenApiParameter(
    "against", str, description="Another revision of the same object; else what the revision itself changed."
)


class Restoring(StrictSerializer):
    """Which side of the revision the object is brought back to."""

    to = serializers.ChoiceField(
        ["before", "after"], help_text="Before the change, or as it left the object."
    )
    reason = Text(max_length=400, allow_blank=True, required=False, help_text="Kept with the new revision.")
    if_newest = Flag(required=False, help_text="Refuse if the object was changed after this revision.")


class RevisionsView(ManagementView):
    """The organization's revisions, newest first."""

    permission = Permission.ACCOUNT_MANAGE

    @extend_schema(
        operation_id="listRevisions",
        tags=["Audit"],
        parameters=[RevisionQuery],
        responses={200: REVISIONS, **errors(400, 401, 403, 404)},
    )
    def get(self, request: Request) -> Response:
        asked = Asked(request, self.organization_id, RevisionQuery)
        rows = audit_log.revisions(self.organization_id, asked.filter)
        found = audit_log.newest(rows, before=asked.before, size=asked.size + 1)
        shown = found[: asked.size]
        return Response(
            {
                "data": RevisionShape(shown, many=True, context={"places": asked.places}).data,
                "total_count": rows.count(),
                "next_before": str(shown[-1].pk) if len(found) > asked.size else None,
            }
        )


class RevisionView(ManagementView):
    """A view under `/revisions/{id}`."""

    permission = Permission.ACCOUNT_MANAGE
    revision: Revision

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.revision = self.found(kwargs["id"])

    def found(self, number: str) -> Revision:
        """The organization's revision with this id. Raises ApiError."""
        revision = audit_log.find_revision(self.organization_id, number)
        if revision is None:
            raise not_found()
        return revision

    def shown(self, revision: Revision) -> Response:
        """The revision with both sides."""
        context = {"places": known_places(self.organization_id)}
        return Response({"data": OneRevisionShape(revision, context=context).data})


class OneRevisionView(RevisionView):
    """One revision."""

    @extend_schema(
        operation_id="getRevision",
        tags=["Audit"],
        parameters=[ID],
        responses={200: REVISION, **errors(401, 403, 404)},
    )
    def get(self, request: Request, **address: str) -> Response:
        return self.shown(self.revision)


class RevisionDiffView(RevisionView):
    """What differs between two states of one object."""

    @extend_schema(
        operation_id="getRevisionDiff",
        tags=["Audit"],
        parameters=[ID, AGAINST],
        responses={200: DIFFERENCES, **errors(400, 401, 403, 404)},
    )
    def get(self, request: Request, **address: str) -> Response:
        number = request.query_params.get("against")
        if number is None:
            return Response({"data": differences(self.revision.before, self.revision.after)})
        other = self.found(number)
        if (other.object_type, other.object_id) != (self.revision.object_type, self.revision.object_id):
            raise ApiError(400, "against: must be a revision of the same object.")
        return Response({"data": differences(other.after, self.revision.after)})


class RestoreView(RevisionView):
    """Rolls the object back, which is a revision of its own."""

    refusals = {CannotRestore: 409, ChangedSince: 409, NotPermitted: 403}

    @extend_schema(
        operation_id="restoreRevision",
        tags=["Audit"],
        parameters=[ID, IDEMPOTENCY_KEY],
        request=Restoring,
        responses={200: REVISION, **errors(400, 401, 403, 404, 409, 422)},
    )
    @once
    def post(self, request: Request, **address: str) -> Response:
        body = Restoring(data=request.data)
        body.is_valid(raise_exception=True)
        self.caller.require(permission_to_restore(self.revision))
        made = roll_back(
            revision=self.revision,
            to=body.validated_data["to"],
            reason=body.validated_data.get("reason", ""),
            is_newest_required=body.validated_data.get("if_newest", False),
            by=self.actor,
        )
        return self.shown(made)
