"""Giving several keys another owner or workspace, or deleting them, all or none: before a member leaves."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from accounts.models import Membership
from accounts.revisions import Actor
from workspaces import api_keys, members
from workspaces.models import ApiKey, Workspace


def give(*, keys: Sequence[ApiKey], owner: Membership | None, by: Actor) -> list[ApiKey]:
    """Give the keys to a member of their workspace, or to the workspace itself. Raises OwnerNotInWorkspace."""
    with transaction.atomic():
        return [api_keys.change(key=key, owner=owner, by=by) for key in _in_order(keys)]


def move(*, keys: Sequence[ApiKey], workspace: Workspace, by: Actor) -> list[ApiKey]:
    """Move the keys to another workspace, with their owners. Raises OwnerNotInWorkspace, WorkspaceOfAnother."""
    with transaction.atomic():
        return [api_keys.change(key=key, workspace=workspace, by=by) for key in _in_order(keys)]


def delete(*, keys: Sequence[ApiKey], by: Actor) -> None:
    """Delete the keys."""
    with transaction.atomic():
        for key in _in_order(keys):
            api_keys.delete(key=key, by=by)


def let_go(
    *,
    workspace: Workspace,
    membership: Membership,
    new_owner: Membership | None,
    is_deleting: bool,
    by: Actor,
) -> int:
    """Take a member out of a workspace; the keys that he owns there are deleted, or somebody else's (None: the
    workspace's) from then on. How many they were. Raises DefaultWorkspace, OwnerNotInWorkspace.
    """
    with transaction.atomic():
        keys = list(ApiKey.objects.for_workspace(workspace).active().filter(owner=membership))
        if is_deleting:
            delete(keys=keys, by=by)
        else:
            give(keys=keys, owner=new_owner, by=by)
        members.remove(workspace=workspace, membership=membership, by=by)
    return len(keys)


def _in_order(keys: Sequence[ApiKey]) -> list[ApiKey]:
    # Locked in one order, so that two administrators who transfer the same keys do not wait for each other.
    return sorted(keys, key=lambda key: key.pk)
