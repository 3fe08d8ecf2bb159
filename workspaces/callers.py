"""Inference keys as callers of the management API."""

from __future__ import annotations

from django.utils import timezone

from accounts.callers import Caller
from accounts.permissions import Standing
from config.lib.scoping import unscoped
from workspaces.key_secrets import opened_by
from workspaces.members import is_member
from workspaces.models import ApiKey


def find_api_key(digest: str) -> Caller | None:
    """The caller behind the SHA-256 of an inference key; None unless the gateway would let it in as well.

    Fills `api_key_called`.
    """
    with unscoped(reason="a key says which organization the request is about"):
        lives = {"organization__deleted_at": None, "workspace__deleted_at": None}
        keys = ApiKey.objects.enabled().filter(**lives).select_related("workspace", "owner__user")
        opened = opened_by(keys, digest)
        if opened is None or (opened.works_until is not None and opened.works_until <= timezone.now()):
            return None
        key = opened.key
        if key.owner is not None and not _may_use(key):
            return None
    return Caller(key.organization_id, Standing.INFERENCE_KEY, api_key_id=key.pk)


def _may_use(key: ApiKey) -> bool:
    owner = key.owner
    return owner is not None and owner.user.is_active and is_member(owner, key.workspace)
