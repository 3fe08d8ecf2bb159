"""/generation/content: what was said in a request, where I/O logging kept it; and deleting that."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.schema import IDEMPOTENCY_KEY, answer, errors
from accounts.api.views import MANAGEMENT_ONLY, KeyedView, ManagementView, once
from accounts.permissions import NotPermitted, NotYours, Permission
from config.lib.api_errors import ApiError, not_found
from config.lib.api_fields import Moment, StrictSerializer, Text
from config.lib.ids import parse_generation_id
from observability.api.generations import ID, awaited
from observability.contents import (
    MOST_AT_ONCE,
    Content,
    Selection,
    forget,
    forget_selected,
    logged_content,
)
from observability.handling import number_in, object_in, objects_in, text_in
from observability.models import Generation
from workspaces.api.places import referenced_workspace
from workspaces.models import ApiKey

PROVIDERS_ERROR = "Provider returned error"
ANYTHING = serializers.JSONField


class InputShape(serializers.Serializer[Any]):
    """The messages, or the text that was embedded; media are left out, and long texts shortened."""

    messages = serializers.ListField(child=ANYTHING(), required=False)
    prompt = serializers.CharField(required=False)


class OutputShape(serializers.Serializer[Any]):
    """What the model said; the tool calls are Headgate's own field."""

    completion = serializers.CharField(allow_null=True)
    reasoning = serializers.CharField(allow_null=True)
    tool_calls = serializers.ListField(child=ANYTHING(), allow_null=True)


class FailedAttemptShape(serializers.Serializer[Any]):
    """A call to a provider that failed; what the provider wrote is not kept."""

    code = serializers.IntegerField()
    message = serializers.CharField()
    provider_name = serializers.CharField(allow_null=True)
    raw = serializers.CharField(allow_null=True)


class FailureShape(serializers.Serializer[Any]):
    """Why there was no answer, or no whole one."""

    status = serializers.IntegerField(allow_null=True)
    message = serializers.CharField(allow_null=True)
    provider_name = serializers.CharField(allow_null=True)
    raw = serializers.CharField(allow_null=True)
    previous_errors = FailedAttemptShape(many=True)


class ContentShape(serializers.Serializer[Any]):
    """What was said; `is_truncated`, Headgate's own: it was too long to be kept whole."""

    input = InputShape()
    output = OutputShape()
    error = FailureShape(allow_null=True)
    is_truncated = serializers.BooleanField()


class DeletedShape(serializers.Serializer[Any]):
    """How many contents were deleted; `has_more`: more remain than one call deletes, so call again."""

    deleted = serializers.IntegerField()
    has_more = serializers.BooleanField()


class ContentSelection(StrictSerializer):
    """Whose contents to delete; all that is said has to hold, and something has to be said."""

    workspace_id = Text(required=False, help_text="The workspace, by id or slug.")
    api_key_hash = Text(required=False, help_text="The key that they were sent with.")
    user = Text(required=False, help_text="The `user` that requests named.")
    session_id = Text(required=False, help_text="The session that requests named.")
    since = Moment(required=False, help_text="Admitted then or later.")
    until = Moment(required=False, help_text="Admitted before that.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError("says of nothing whose contents are meant.")
        return attrs


DELETED = answer("DeletedContents", data=DeletedShape())


class ContentView(KeyedView):
    """The content of a request: any of the organization for a management key, its own for an inference key."""

    def check_caller(self, request: Request) -> None:
        if request.method == "DELETE":
            try:
                self.caller.require(Permission.CONTENT_SEE)
            except (NotPermitted, NotYours):
                raise ApiError(403, MANAGEMENT_ONLY) from None

    @extend_schema(
        operation_id="listGenerationContent",
        tags=["Generations"],
        parameters=[ID],
        responses={200: answer("GenerationContent", data=ContentShape()), **errors(400, 401, 404, 429)},
    )
    def get(self, request: Request) -> Response:
        generation = awaited(self.organization_id, _asked(request), is_visible=self.may_see)
        content = logged_content(generation)
        if content is None:
            raise not_found()
        return Response({"data": _shown(generation, content)})

    @extend_schema(
        operation_id="deleteGenerationContent",
        tags=["Generations"],
        parameters=[ID],
        responses={200: DELETED, **errors(400, 401, 403, 404, 429)},
    )
    def delete(self, request: Request) -> Response:
        public_id = _asked(request)
        identifier = parse_generation_id(public_id)
        if identifier is None or not self._has_forgotten(identifier, public_id):
            raise not_found()
        return Response({"data": {"deleted": 1, "has_more": False}})

    def may_see(self, generation: Generation) -> bool:
        """What the table says about this key and what was said in this request."""
        is_own = generation.api_key_id is not None and generation.api_key_id == self.caller.api_key_id
        try:
            self.caller.require(Permission.CONTENT_SEE, is_own=is_own)
        except (NotPermitted, NotYours):
            return False
        return True

    def _has_forgotten(self, identifier: UUID, public_id: str) -> bool:
        chosen: dict[str, Any] = {"organization_id": self.organization_id, "generation_id": identifier}
        if forget(**chosen, by=self.actor):
            return True
        awaited(self.organization_id, public_id, is_visible=self.may_see)  # it may be booked in a moment
        return forget(**chosen, by=self.actor)


class ContentsDeletionView(ManagementView):
    """What was said in many requests, to be forgotten."""

    permission = Permission.CONTENT_SEE

    @extend_schema(
        operation_id="deleteGenerationContents",
        tags=["Generations"],
        parameters=[IDEMPOTENCY_KEY],
        request=ContentSelection,
        responses={200: DELETED, **errors(400, 401, 403, 409, 422)},
        description=f"Deletes the oldest {MOST_AT_ONCE:,} at most, and says whether there are more.",
    )
    @once
    def post(self, request: Request) -> Response:
        body = ContentSelection(data=request.data)
        body.is_valid(raise_exception=True)
        asked = dict(body.validated_data)
        done = forget_selected(
            organization_id=self.organization_id,
            wanted=self._selection(asked),
            named={name: _plain(value) for name, value in asked.items()},
            by=self.actor,
        )
        return Response({"data": {"deleted": done.count, "has_more": done.has_more}})

    def _selection(self, asked: Mapping[str, Any]) -> Selection:
        named = {name: asked[name] for name in ("user", "session_id", "since", "until") if name in asked}
        if "workspace_id" in asked:
            named["workspace_id"] = referenced_workspace(self.organization_id, asked["workspace_id"]).pk
        if "api_key_hash" in asked:
            keys = ApiKey.objects.for_organization(self.organization_id).filter(hash=asked["api_key_hash"])
            named["api_key_id"] = keys.values_list("pk", flat=True).first()
            if named["api_key_id"] is None:
                raise ApiError(400, "api_key_hash: there is no such key.")
        return Selection(**named)


def _asked(request: Request) -> str:
    public_id = request.query_params.get("id", "")
    if not public_id:
        raise ApiError(400, "id: must be given.")
    return public_id


def _plain(value: Any) -> Any:  # text or a time
    return value.isoformat() if isinstance(value, datetime) else value


def _shown(generation: Generation, content: Content) -> dict[str, Any]:
    output = object_in(content, "output")
    names = ("completion", "reasoning", "tool_calls")
    return {
        "input": content.get("input") or {"messages": []},
        "output": {name: output.get(name) for name in names},
        "error": _failure(generation, content),
        "is_truncated": content.get("is_truncated") is True,
    }


def _failure(generation: Generation, content: Content) -> dict[str, Any] | None:
    if generation.status != Generation.ERROR:
        return None
    detail = generation.detail if isinstance(generation.detail, dict) else {}
    return {
        "status": generation.http_status,
        "message": content.get("error"),
        "provider_name": generation.provider or None,
        "raw": None,
        "previous_errors": [_attempt(error) for error in objects_in(detail, "previous_errors")],
    }


def _attempt(error: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "code": number_in(error, "status") or 0,
        "message": PROVIDERS_ERROR,
        "provider_name": text_in(error, "provider") or None,
        "raw": None,
    }
