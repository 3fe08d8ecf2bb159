"""A member's seat in the chat room of a workspace: his token for the gateway, and what his spending is counted on.

There is no key behind it (docs/chat.md): what governs him is compiled for the member himself.
"""

from __future__ import annotations

from django.db import transaction

from accounts.models import Membership
from config.lib import chat_tokens
from config.lib.chat_tokens import ChatSeat
from config.lib.subjects import member_subject, workspace_member_subject
from workspaces.locking import hold_workspace
from workspaces.members import is_member
from workspaces.models import Purse, Workspace
from workspaces.purse_limits import follow_limits
from workspaces.spending import ensure_purse

LIFETIME = "t"


class NoSeat(Exception):
    """Only a workspace's members chat in it."""


def token_for(*, membership: Membership, workspace: Workspace, session_id: int, origin: str) -> str:
    """A new token for some minutes. Raises NoSeat."""
    if not is_member(membership, workspace):
        raise NoSeat
    _count(membership, workspace)
    return chat_tokens.sign(ChatSeat(membership.pk, workspace.pk, session_id), origin)


def _count(membership: Membership, workspace: Workspace) -> None:
    """Let there be purses for whoever has no key here: limits that are set later find him by them (purse_limits)."""
    seat = workspace_member_subject(workspace.pk, membership.pk)
    purses = Purse.objects.for_organization(workspace.organization_id)
    if purses.filter(subject=seat, interval=LIFETIME).exists():
        return
    with transaction.atomic():
        hold_workspace(workspace)
        ensure_purse(organization_id=workspace.organization_id, subject=seat, interval=LIFETIME)
        follow_limits(workspace.organization_id, {seat, member_subject(membership.pk)})
