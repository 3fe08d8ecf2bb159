"""Inference keys as callers of the management API."""

from __future__ import annotations

from django.db.models import Q

from accounts.callers import Caller
from accounts.permissions import Standing
from config.lib.scoping import unscoped
from workspaces.members import is_member
from workspaces.models import ApiKey


def find_api_key(digest: str) -> Caller | None:
    """The caller behind the SHA-256 of an inference key; None unless the gateway would let it in as well.

    Fills `api_key_called`.
    """
    with unscoped(reason="a key says which organization the request is about"):
        keys = ApiKey.objects.enabled().filter(Q(hash=digest) | Q(external_hash=digest))
        lives = {"organization__deleted_at": None, "workspace__deleted_at": None}
        key = keys.filter(**lives).select_related("workspace", "owner__user").first()
        if key is None or (key.owner is not None and not _may_use(key)):
            return None
    return Caller(key.organization_id, Standing.INFERENCE_KEY, api_key_id=key.pk)


def _may_use(key: ApiKey) -> bool:
    owner = key.owner
    return owner is not None and owner.user.is_active and is_member(owner, key.workspace)
