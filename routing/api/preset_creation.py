"""/presets/{slug}/chat/completions, /messages and /responses: presets from inference requests."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.schema import IDEMPOTENCY_KEY, errors
from accounts.api.views import once
from accounts.permissions import Permission
from config.lib.api_errors import ApiError
from routing import presets
from routing.api.preset_places import SLUG, WORKSPACE, KeyOfWorkspaceView
from routing.api.preset_shapes import PRESET
from routing.api.presets import answered
from routing.gateway.client import RefusedError
from routing.models.preset import PRESET_SLUG
from routing.preset_bodies import read_body
from workspaces.locking import WorkspaceGone


class FromInferenceView(KeyOfWorkspaceView):
    """Keeps the configuration of a request as a preset, or as a new version of one."""

    permission = Permission.PRESETS_CHANGE
    refusals = {
        RefusedError: 400,
        presets.PresetArchived: 409,
        presets.TooManyPresets: 409,
        WorkspaceGone: 404,
    }
    dialect: ClassVar[str]

    @once
    def post(self, request: Request, **address: str) -> Response:
        if not isinstance(request.data, dict):
            raise ApiError(400, "The request's body must be a JSON object.")
        if not re.fullmatch(PRESET_SLUG.regex, address["slug"]):
            raise ApiError(400, f"slug: {PRESET_SLUG.message}")
        preset = presets.save_version(
            workspace=self.named_workspace(request),
            slug=address["slug"],
            content=read_body(self.dialect, request.data),
            by=self.actor,
            creator=self.creator,
        )
        return answered(preset)


def _described(operation_id: str, body: str) -> Any:  # drf-spectacular's decorator
    return extend_schema_view(
        post=extend_schema(
            operation_id=operation_id,
            tags=["Presets"],
            description=f"{body} `cache_enabled` and `cache_ttl_seconds` may be given as well. What is not "
            "configuration is ignored.",
            parameters=[SLUG, WORKSPACE, IDEMPOTENCY_KEY],
            request=OpenApiTypes.OBJECT,
            responses={200: PRESET, **errors(400, 401, 403, 404, 409, 422)},
        )
    )


@_described("createPresetsChatCompletions", "The body of a Chat Completions request.")
class FromChatView(FromInferenceView):
    """From a Chat Completions request."""

    dialect = "chat/completions"


@_described("createPresetsMessages", "The body of an Anthropic Messages request.")
class FromMessagesView(FromInferenceView):
    """From an Anthropic Messages request."""

    dialect = "messages"


@_described("createPresetsResponses", "The body of a Responses request.")
class FromResponsesView(FromInferenceView):
    """From a Responses request."""

    dialect = "responses"
