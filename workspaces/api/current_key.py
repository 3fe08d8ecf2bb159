"""GET /key: what either kind of key is told about itself."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.schema import answer, errors
from accounts.api.views import KeyedView
from accounts.credits import deposited_nano
from accounts.models import ManagementKey, Organization
from config.lib.api_fields import Moment, Usd
from workspaces.api.key_shapes import UsageShape
from workspaces.budget_layers import Layer, effective, layers_of
from workspaces.budgets import NAMES
from workspaces.free_models import FreeRequests, free_requests_of
from workspaces.models import ApiKey
from workspaces.spending import Spent
from workspaces.visible_keys import KeyStatus, statuses_of

DATA_REGIONS = ("global", "europe", "us")
LEGACY_RATE_LIMIT = {"requests": -1, "interval": "10s", "note": "Not used any more."}


class LayerShape(serializers.Serializer[Layer]):
    """A limit that requests with the key must pass, with what is counted against it."""

    scope = serializers.CharField()
    budget_id = serializers.UUIDField(allow_null=True)
    guardrail_id = serializers.UUIDField(allow_null=True)
    include_byok = serializers.BooleanField(source="is_byok_included")
    limit_usd = Usd(source="limit_nano")
    spend_usd = Usd(source="spent_nano")
    remaining_usd = Usd(source="remaining_nano")
    reset_interval = serializers.SerializerMethodField()
    resets_at = Moment(allow_null=True)

    def get_reset_interval(self, layer: Layer) -> str | None:
        """Null for a lifetime."""
        return None if layer.interval == "t" else NAMES[layer.interval]


class RateLimitShape(serializers.Serializer[dict[str, Any]]):
    """Kept for old clients."""

    requests = serializers.IntegerField()
    interval = serializers.CharField()
    note = serializers.CharField()


class FreeRequestsShape(serializers.Serializer[dict[str, Any]]):
    """The organization's daily allowance of requests to free models."""

    limit = serializers.IntegerField()
    used = serializers.IntegerField()
    remaining = serializers.IntegerField()


@dataclass(frozen=True, kw_only=True)
class CurrentKey(KeyStatus):
    """The key that asks, with what governs it."""

    organization: Organization
    budgets: list[Layer]
    is_management_key: bool = False
    allowed_data_regions: tuple[str, ...] = DATA_REGIONS

    @property
    def organization_id(self) -> uuid.UUID | None:
        """Null where a person owns the account."""
        return None if self.organization.kind == Organization.PERSONAL else self.organization.public_id

    @property
    def workspace_id(self) -> uuid.UUID | None:
        """Where an inference key spends."""
        return None if self.is_management_key else self.key.workspace.public_id

    @property
    def is_free_tier(self) -> bool:
        """Whether nothing was ever paid in."""
        return deposited_nano(self.organization) <= 0

    @property
    def effective_budget(self) -> Layer | None:
        """The limit that stops requests first."""
        return effective(self.budgets)

    @property
    def free_model_daily_requests(self) -> FreeRequests:
        """The organization's allowance for today."""
        return free_requests_of(self.organization)

    @property
    def rate_limit(self) -> dict[str, Any]:
        """Kept for old clients."""
        return LEGACY_RATE_LIMIT


class CurrentKeyShape(UsageShape):
    """The key that asks."""

    label = serializers.CharField(source="key.label")  # type: ignore[assignment]  # the answer's field
    is_management_key = serializers.BooleanField()
    is_provisioning_key = serializers.BooleanField(source="is_management_key")
    is_free_tier = serializers.BooleanField()
    organization_id = serializers.UUIDField(allow_null=True)
    workspace_id = serializers.UUIDField(allow_null=True)
    allowed_data_regions = serializers.ListField(child=serializers.ChoiceField(DATA_REGIONS))
    budgets = LayerShape(many=True)
    effective_budget = LayerShape(allow_null=True)
    free_model_daily_requests = FreeRequestsShape()
    rate_limit = RateLimitShape()


class CurrentKeyView(KeyedView):
    """Tells a key about itself."""

    @extend_schema(
        operation_id="getCurrentKey",
        tags=["API Keys"],
        responses={200: answer("CurrentKeyAnswer", data=CurrentKeyShape()), **errors(401)},
    )
    def get(self, request: Request) -> Response:
        management_key = self.caller.management_key
        if management_key is not None:
            current = _of_management_key(management_key, self.organization)
        else:
            current = _of_api_key(self.caller.api_key_id or 0, self.organization)
        return Response({"data": CurrentKeyShape(current).data})


def _of_api_key(pk: int, organization: Organization) -> CurrentKey:
    keys = ApiKey.objects.for_organization(organization).select_related(
        "workspace", "owner__user", "created_by"
    )
    (status,) = statuses_of([keys.get(pk=pk)])
    return CurrentKey(
        status.key,
        status.spent,
        status.last_used_at,
        organization=organization,
        budgets=layers_of(status.key),
    )


def _of_management_key(key: ManagementKey, organization: Organization) -> CurrentKey:
    """A management key spends nothing and has no limit; to a client it looks like an unused inference key."""
    twin = ApiKey(label=key.label, created_by=key.created_by, expires_at=key.expires_at)
    return CurrentKey(twin, Spent(), None, organization=organization, budgets=[], is_management_key=True)
