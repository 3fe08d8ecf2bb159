"""How an inference key looks in answers."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.api.schema import answer
from config.lib.api_fields import Moment, Usd
from workspaces.models import ApiKey
from workspaces.visible_keys import KeyStatus

RESET_NAMES = {letter: name for name, letter in ApiKey.RESETS.items()}


class UsageShape(serializers.Serializer[Any]):  # one, or with many=True several
    """A key's limit and what was spent with it, in US dollars; windows begin at midnight UTC, weeks on Monday."""

    limit = Usd(source="key.limit_nano", allow_null=True)
    limit_remaining = serializers.SerializerMethodField()
    limit_reset = serializers.SerializerMethodField()
    include_byok_in_limit = serializers.BooleanField(source="key.is_byok_in_limit")
    usage = Usd(source="spent.total")
    usage_daily = Usd(source="spent.daily")
    usage_weekly = Usd(source="spent.weekly")
    usage_monthly = Usd(source="spent.monthly")
    byok_usage = Usd(source="spent.byok_total")
    byok_usage_daily = Usd(source="spent.byok_daily")
    byok_usage_weekly = Usd(source="spent.byok_weekly")
    byok_usage_monthly = Usd(source="spent.byok_monthly")
    creator_user_id = serializers.SerializerMethodField()
    expires_at = Moment(source="key.expires_at", allow_null=True)

    def get_limit_remaining(self, status: KeyStatus) -> float | None:
        """What the limit leaves in the current window; never below nothing."""
        if status.key.limit_nano is None:
            return None
        left: Any = Usd().to_representation(max(0, status.key.limit_nano - status.counted_nano))
        return left  # type: ignore[no-any-return]  # exact, and a number in JSON

    def get_limit_reset(self, status: KeyStatus) -> str | None:
        """`daily`, `weekly`, `monthly`, or null for a limit that never resets."""
        return RESET_NAMES[status.key.limit_interval]

    def get_creator_user_id(self, status: KeyStatus) -> str | None:
        """Whose key it is; a system key's is who made it, and null when that was a management key."""
        user = status.key.owner.user if status.key.owner else status.key.created_by
        return user.public_id if user else None


class KeyShape(UsageShape):
    """An inference key; its secret is shown once, when it is made."""

    hash = serializers.CharField(source="key.hash")
    name = serializers.CharField(source="key.name")
    label = serializers.CharField(source="key.label")  # type: ignore[assignment]  # the answer's field
    disabled = serializers.BooleanField(source="key.is_disabled")
    external_user = serializers.CharField(source="key.external_user", allow_null=True)
    workspace_id = serializers.UUIDField(source="key.workspace.public_id")
    created_at = Moment(source="key.created_at")
    updated_at = Moment(source="key.updated_at", allow_null=True)
    last_used_at = Moment(allow_null=True)
    requests_per_minute = serializers.IntegerField(source="key.requests_per_minute", allow_null=True)
    tokens_per_minute = serializers.IntegerField(source="key.tokens_per_minute", allow_null=True)
    concurrent_requests = serializers.IntegerField(source="key.concurrent_requests", allow_null=True)


KEY = answer("KeyAnswer", data=KeyShape())
KEYS = answer("KeyList", data=KeyShape(many=True))
NEW_KEY = answer(
    "NewKeyAnswer",
    data=KeyShape(),
    key=serializers.CharField(help_text="The secret; this is the only time that it is shown."),
)
