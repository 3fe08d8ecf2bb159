"""Who calls the management API: found by the hash of the key alone, and only while the key is live."""

from __future__ import annotations

from dataclasses import dataclass

from accounts.models import ManagementKey
from accounts.permissions import Permission, Standing, require
from accounts.revisions import Actor
from config.lib.keys import hash_of
from config.lib.registry import Slot


@dataclass(frozen=True)
class Caller:
    """A live key of either kind, and the organization that it speaks for."""

    organization_id: int
    standing: Standing
    management_key: ManagementKey | None = None
    api_key_id: int | None = None

    @property
    def name(self) -> str:
        """One name per key of either kind."""
        if self.management_key is not None:
            return f"management_key:{self.management_key.pk}"
        return f"api_key:{self.api_key_id}"

    def require(self, permission: Permission, *, is_own: bool = False) -> None:
        """Pass, or raise NotPermitted or NotYours."""
        require(self.standing, permission, is_own=is_own)

    def actor(self, address: str | None) -> Actor:
        """The caller as the one who changes something through the API."""
        return Actor(
            door="api", management_key=self.management_key, api_key_id=self.api_key_id, address=address
        )


api_key_called: Slot[[str], Caller | None] = Slot("api_key_called")
"""Called with the SHA-256 of a key that is no management key; workspaces knows inference keys."""


def find_caller(secret: str) -> Caller | None:
    """The caller behind a key; None when it is unknown, disabled, expired, deleted or its organization is gone."""
    digest = hash_of(secret)
    everybody = ManagementKey.objects.unscoped(reason="a key says which organization the request is about")
    key = everybody.live().filter(hash=digest, organization__deleted_at=None).first()
    if key is not None:
        return Caller(key.organization_id, Standing.MANAGEMENT_KEY, management_key=key)
    return next((caller for caller in api_key_called(digest) if caller is not None), None)
