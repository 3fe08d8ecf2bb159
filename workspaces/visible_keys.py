"""Which keys of a workspace somebody may see, and what he sees of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from accounts.models import Membership
from accounts.permissions import Permission, Standing, may
from workspaces.models import ApiKey, ApiKeyUse, Workspace
from workspaces.models.api_key import ApiKeyQuerySet
from workspaces.spending import Spent, spent_by_key

NEARLY_USED = 0.8


@dataclass(frozen=True)
class KeyStatus:
    """A key with what it has spent and when it was last used."""

    key: ApiKey
    spent: Spent
    last_used_at: datetime | None

    @property
    def state(self) -> str:
        """`disabled`, `expired`, `exhausted` or `active`: the first reason why it would be refused."""
        if self.key.is_disabled:
            return "disabled"
        if self.key.expires_at is not None and self.key.expires_at <= timezone.now():
            return "expired"
        return "exhausted" if self.limit_share is not None and self.limit_share >= 1 else "active"

    @property
    def counted_nano(self) -> int:
        """What the limit is compared with; without one, all that was spent."""
        return self.spent.counted(self.key.limit_interval, with_byok=self.key.is_byok_in_limit)

    @property
    def limit_share(self) -> float | None:
        """How much of the limit is used, from 0 to 1 and beyond; None without a limit."""
        if self.key.limit_nano is None:
            return None
        return self.counted_nano / self.key.limit_nano if self.key.limit_nano else 1.0

    @property
    def is_nearly_used(self) -> bool:
        """Whether the limit will be felt soon."""
        return self.limit_share is not None and self.limit_share >= NEARLY_USED


def keys_visible_to(membership: Membership, standing: Standing, workspace: Workspace) -> ApiKeyQuerySet:
    """The keys of a workspace that are not deleted and that this member may know of."""
    keys: ApiKeyQuerySet = ApiKey.objects.for_workspace(workspace).active()
    return keys if may(standing, Permission.OTHERS_KEYS) else keys.filter(owner=membership)


def statuses_of(keys: Iterable[ApiKey]) -> list[KeyStatus]:
    """The keys with their use, in the same order; two queries however many they are."""
    rows = list(keys)
    spent = spent_by_key(key.pk for key in rows)
    used = dict(
        ApiKeyUse.objects.filter(api_key_id__in=[key.pk for key in rows]).values_list(
            "api_key_id", "last_used_at"
        )
    )
    return [KeyStatus(key, spent[key.pk], used.get(key.pk)) for key in rows]
