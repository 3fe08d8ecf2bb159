"""Adding and removing many members of a workspace at once, all or none."""

from __future__ import annotations

import re
from collections.abc import Sequence

from django.db import transaction

from accounts.models import Membership
from accounts.revisions import Actor
from workspaces import members
from workspaces.models import Workspace, WorkspaceMember

PUBLIC_USER_ID = re.compile(r"user_(\d{1,18})", re.ASCII)


class UnknownMembers(Exception):
    """Some ids belong to nobody in the organization; whether they belong to somebody elsewhere is not told."""

    def __init__(self, user_ids: Sequence[str]) -> None:
        super().__init__(f"user_ids: {', '.join(user_ids)}: no such member of the organization.")


def memberships_by_user(organization_id: int, user_ids: Sequence[str]) -> list[Membership]:
    """The live memberships of these public user ids, each once, in the order given. Raises UnknownMembers."""
    wanted = {text: _number(text) for text in user_ids}
    live = Membership.objects.for_organization(organization_id).live().select_related("user")
    found = {row.user_id: row for row in live.filter(user_id__in=[pk for pk in wanted.values() if pk])}
    unknown = [text for text, pk in wanted.items() if pk not in found]
    if unknown:
        raise UnknownMembers([text[:60] for text in unknown])
    return list({pk: found[pk] for pk in wanted.values() if pk is not None}.values())


def add_all(*, workspace: Workspace, memberships: Sequence[Membership], by: Actor) -> list[WorkspaceMember]:
    """Put members into a workspace. Raises what workspaces.members.add raises."""
    with transaction.atomic():
        return [members.add(workspace=workspace, membership=row, by=by) for row in memberships]


def remove_all(*, workspace: Workspace, memberships: Sequence[Membership], by: Actor) -> int:
    """Take members out of a workspace; how many were in it. Raises what workspaces.members.remove raises."""
    with transaction.atomic():
        seated = WorkspaceMember.objects.for_workspace(workspace).filter(membership__in=memberships).count()
        for row in memberships:
            members.remove(workspace=workspace, membership=row, by=by)
    return seated


def _number(text: str) -> int | None:
    match = PUBLIC_USER_ID.fullmatch(text)
    return int(match.group(1)) if match else None
