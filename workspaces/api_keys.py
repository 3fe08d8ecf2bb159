"""Issuing, changing and deleting inference keys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import Membership
from accounts.revisions import Action, Actor, Change, Scope, record, snapshot
from config.lib.keys import INFERENCE_PREFIX, new_key
from config.lib.rated import RATES
from config.lib.registry import Slot
from workspaces.locking import hold_workspace
from workspaces.members import is_member
from workspaces.models import ApiKey, Workspace
from workspaces.purse_limits import follow_limits, subjects_of

key_deleting: Slot[[ApiKey, Actor], None] = Slot("key_deleting")

CHANGEABLE = frozenset(
    {
        "name",
        "is_disabled",
        "limit_nano",
        "limit_interval",
        "is_byok_in_limit",
        "expires_at",
        "external_user",
        *RATES,
        "workspace",
        "owner",
    }
)


LIMITING = frozenset({"limit_nano", "limit_interval", "is_byok_in_limit", "workspace", "owner"})
"""What the purses of a key and its owner follow from. Anything else leaves them alone: their locks hold up leases."""


NOT_IN_WORKSPACE = "The key's owner is not a member of this workspace."


class OwnerNotInWorkspace(Exception):
    """A key's owner must be a live member of the key's workspace."""


class WorkspaceOfAnother(Exception):
    """A key stays within its organization."""


@dataclass(frozen=True)
class IssuedKey:
    """A new key and its secret, which is shown once and kept nowhere."""

    key: ApiKey
    secret: str


def issue(
    *,
    workspace: Workspace,
    name: str,
    by: Actor,
    owner: Membership | None = None,
    limit_nano: int | None = None,
    limit_interval: str = "t",
    is_byok_in_limit: bool = False,
    expires_at: datetime | None = None,
    external_user: str | None = None,
    external_hash: str | None = None,
    **rates: int | None,
) -> IssuedKey:
    """Create a key; without an owner it is the workspace's own (a system key). Raises OwnerNotInWorkspace."""
    if unknown := rates.keys() - set(RATES):
        raise TypeError(f"a new key has no {', '.join(sorted(unknown))}")
    fresh = new_key(INFERENCE_PREFIX)
    with transaction.atomic():
        hold_workspace(workspace)
        _check_owner(_held(owner), workspace)
        key = ApiKey.objects.create(
            organization_id=workspace.organization_id,
            workspace=workspace,
            owner=owner,
            created_by=by.user,
            name=name,
            hash=fresh.hash,
            label=fresh.label,
            limit_nano=limit_nano,
            limit_interval=limit_interval,
            is_byok_in_limit=is_byok_in_limit,
            expires_at=expires_at,
            external_user=external_user,
            external_hash=external_hash,
            **rates,
        )
        follow_limits(key.organization_id, subjects_of(key))
        record_key("create", key, None, by)
    return IssuedKey(key, fresh.secret)


def change(*, key: ApiKey, by: Actor, **changes: Any) -> ApiKey:
    """Change a key's columns, all or none; a moved key counts on with what it has spent.

    Raises OwnerNotInWorkspace, WorkspaceOfAnother.
    """
    unknown = changes.keys() - CHANGEABLE
    if unknown:
        raise TypeError(f"a key has no changeable {', '.join(sorted(unknown))}")
    with transaction.atomic():
        if {"workspace", "owner"} & changes.keys():
            hold_workspace(changes.get("workspace", key.workspace))
        locked = locked_key(key)
        before = snapshot(locked)
        for name, value in changes.items():
            setattr(locked, name, value)
        if locked.workspace.organization_id != locked.organization_id:
            raise WorkspaceOfAnother("A key cannot be moved to a workspace of another organization.")
        if {"workspace", "owner"} & changes.keys():
            _check_owner(locked.owner, locked.workspace)
        locked.updated_at = timezone.now()
        locked.save()
        if LIMITING & changes.keys():
            follow_limits(locked.organization_id, subjects_of(locked))
        record_key("update", locked, before, by)
    return locked


def delete(*, key: ApiKey, by: Actor) -> None:
    """Delete a key: it is refused from now on, its usage stays."""
    with transaction.atomic():
        locked = locked_key(key)
        key_deleting(locked, by)
        before = snapshot(locked)
        locked.deleted_at = locked.updated_at = timezone.now()
        locked.save(update_fields=["deleted_at", "updated_at"])
        record_key("delete", locked, before, by)


def _check_owner(owner: Membership | None, workspace: Workspace) -> None:
    if owner is not None and not is_member(owner, workspace):
        raise OwnerNotInWorkspace(NOT_IN_WORKSPACE)


def _held(owner: Membership | None) -> Membership | None:
    """The owner as he is now, who stays so: leaving ends the keys that there are, and must not miss this one.

    Raises OwnerNotInWorkspace.
    """
    if owner is None:
        return None
    rows = Membership.objects.for_organization(owner.organization_id)
    held: Membership | None = rows.select_for_update(of=("self",), no_key=True).filter(pk=owner.pk).first()
    if held is None:
        raise OwnerNotInWorkspace(NOT_IN_WORKSPACE)
    return held


def locked_key(key: ApiKey) -> ApiKey:
    """The key as it is now, locked until the transaction ends."""
    keys = ApiKey.objects.for_organization(key.organization_id).select_for_update(of=("self",))
    found: ApiKey = keys.get(pk=key.pk)
    return found


def record_key(action: Action, key: ApiKey, before: dict[str, Any] | None, by: Actor) -> None:
    """Record a change of a key, in the caller's transaction."""
    record(
        Change(
            action=action,
            row=key,
            before=before,
            after=None if action == "delete" else snapshot(key),
            touches=(Scope("key", key.pk),),
            organization_id=key.organization_id,
            workspace_id=key.workspace_id,
        ),
        by=by,
    )
