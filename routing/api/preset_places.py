"""Finding the workspace and the preset that a request is about, for either kind of key."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from accounts.api.views import MANAGEMENT_ONLY, KeyedView
from accounts.models import User
from accounts.permissions import NotPermitted, NotYours, Permission
from config.lib.api_errors import ApiError, not_found
from routing import presets
from routing.models import Preset, PresetVersion
from routing.models.preset import PRESET_SLUG_PATTERN, PresetQuerySet, PresetVersionQuerySet
from workspaces.api.places import referenced_workspace
from workspaces.models import ApiKey, Workspace

SLUG = OpenApiParameter("slug", str, OpenApiParameter.PATH, description="The preset's slug.")
VERSION = OpenApiParameter("version", str, OpenApiParameter.PATH, description="The version's number.")
WORKSPACE = OpenApiParameter(
    "workspace_id",
    str,
    description="Whose preset, by id or slug; else the Default workspace's. Inference keys: their own only.",
)
NUMBER = re.compile(r"[1-9]\d{0,8}", re.ASCII)


class KeyOfWorkspaceView(KeyedView):
    """A view for management keys, and for inference keys in their own workspace; the table decides."""

    permission: ClassVar[Permission] = Permission.PRESETS_USE
    permissions: ClassVar[dict[str, Permission]] = {}
    api_key: ApiKey | None = None

    def check_caller(self, request: Request) -> None:
        try:
            self.caller.require(self.permissions.get(request.method or "", self.permission), is_own=True)
        except (NotPermitted, NotYours):
            raise ApiError(403, MANAGEMENT_ONLY) from None
        if self.caller.api_key_id is not None:
            keys = ApiKey.objects.for_organization(self.organization_id)
            related = keys.select_related("workspace", "owner__user", "created_by")
            self.api_key = related.get(pk=self.caller.api_key_id)

    def named_workspace(self, request: Request) -> Workspace:
        """The workspace that `workspace_id` names; else the key's own, or the Default one. Raises ApiError."""
        reference = request.query_params.get("workspace_id")
        if self.api_key is None:
            return referenced_workspace(self.organization_id, reference, missing=404)
        own = self.api_key.workspace
        if (
            reference is not None
            and referenced_workspace(self.organization_id, reference, missing=404) != own
        ):
            raise not_found()
        return own

    @property
    def creator(self) -> User | None:
        """The person behind the key, if there is one."""
        if self.api_key is not None:
            return self.api_key.owner.user if self.api_key.owner else self.api_key.created_by
        return self.caller.management_key.created_by if self.caller.management_key else None


class PresetView(KeyOfWorkspaceView):
    """A view under `/presets/{slug}`."""

    preset: Preset

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        workspace = self.named_workspace(request)
        found = None
        if re.fullmatch(PRESET_SLUG_PATTERN, kwargs["slug"]):
            found = described(presets.presets_of(workspace)).filter(slug=kwargs["slug"]).first()
        if found is None:
            raise not_found()
        self.preset = found


class VersionView(PresetView):
    """A view under `/presets/{slug}/versions/{version}`."""

    version: PresetVersion

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        found = None
        if NUMBER.fullmatch(kwargs["version"]):
            found = versions_of(self.preset).filter(number=int(kwargs["version"])).first()
        if found is None:
            raise not_found()
        self.version = found


def described(rows: PresetQuerySet) -> PresetQuerySet:
    """Presets with all that their answers say."""
    return rows.select_related("workspace", "created_by", "designated_version__created_by")


def versions_of(preset: Preset) -> PresetVersionQuerySet:
    """A preset's versions with all that their answers say."""
    return presets.versions_of(preset).select_related("created_by", "preset__workspace")
