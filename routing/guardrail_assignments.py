"""Holding keys and members to guardrails: each to one at most, and assigning another one replaces it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import Membership
from accounts.revisions import Action, Actor, Change, Scope, record, snapshot
from routing.guardrail_budgets import follow_assignments
from routing.guardrail_rows import lock, materialize
from routing.models import Guardrail, KeyAssignment, MemberAssignment
from workspaces.bulk_members import UnknownMembers
from workspaces.models import ApiKey

Assignment = KeyAssignment | MemberAssignment
MOST_SHOWN = 10


class UnknownKeys(Exception):
    """Some hashes are no active key's of the organization; whether they are somebody else's is not told."""

    def __init__(self, hashes: Sequence[str]) -> None:
        shown = ", ".join(text[:64] for text in hashes[:MOST_SHOWN])
        super().__init__(f"key_hashes: {shown}: no such key of the organization.")


def keys_by_hash(organization_id: int, hashes: Sequence[str]) -> list[ApiKey]:
    """The active keys with these hashes, each once. Raises UnknownKeys."""
    active = ApiKey.objects.for_organization(organization_id).active()
    found = {key.hash: key for key in active.filter(hash__in=set(hashes))}
    unknown = [text for text in dict.fromkeys(hashes) if text not in found]
    if unknown:
        raise UnknownKeys(unknown)
    return list(found.values())


def assign_keys(*, guardrail: Guardrail, keys: Sequence[ApiKey], by: Actor) -> int:
    """Hold keys to a guardrail, all or none; how many. Raises GuardrailGone, UnknownKeys."""
    with transaction.atomic():
        written = materialize(guardrail=guardrail, by=by)
        active = ApiKey.objects.for_organization(written.organization_id).active()
        # In one order, so that of two guardrails for one key the later one stays.
        locked = active.select_for_update(of=("self",), no_key=True).order_by("pk")
        there = {key.pk: key for key in locked.filter(pk__in=[key.pk for key in keys])}
        gone = [key.hash for key in keys if key.pk not in there]
        if gone:
            raise UnknownKeys(gone)
        rows = KeyAssignment.objects.for_organization(written.organization_id)
        held = {row.api_key_id: row for row in rows.filter(api_key__in=there)}
        _hold([(held.get(pk) or KeyAssignment(), {"api_key": key}) for pk, key in there.items()], written, by)
    return len(there)


def assign_members(*, guardrail: Guardrail, memberships: Sequence[Membership], by: Actor) -> int:
    """Hold members of the organization to a guardrail, all or none; how many. Raises GuardrailGone, UnknownMembers."""
    with transaction.atomic():
        written = materialize(guardrail=guardrail, by=by)
        live = Membership.objects.for_organization(written.organization_id).live()
        locked = live.select_related("user", "organization").select_for_update(of=("self",), no_key=True)
        named = locked.filter(pk__in=[row.pk for row in memberships]).order_by("pk")
        there = {row.pk: row for row in named}
        gone = [row.user.public_id for row in memberships if row.pk not in there]
        if gone:
            raise UnknownMembers(gone)
        rows = MemberAssignment.objects.for_organization(written.organization_id)
        held = {row.membership_id: row for row in rows.filter(membership__in=there)}
        named_rows = [(held.get(pk) or MemberAssignment(), {"membership": row}) for pk, row in there.items()]
        _hold(named_rows, written, by)
    return len(there)


def unassign_keys(*, guardrail: Guardrail, keys: Sequence[ApiKey], by: Actor) -> int:
    """Release keys from a guardrail; how many were held to it. Raises GuardrailGone."""
    with transaction.atomic():
        held = _keys_of(lock(guardrail)).filter(api_key__in=[key.pk for key in keys])
        return _release(held.order_by("api_key_id"), by)


def unassign_members(*, guardrail: Guardrail, memberships: Sequence[Membership], by: Actor) -> int:
    """Release members from a guardrail; how many were held to it. Raises GuardrailGone."""
    with transaction.atomic():
        held = _members_of(lock(guardrail)).filter(membership__in=[row.pk for row in memberships])
        return _release(held.order_by("membership_id"), by)


def release_all(guardrail: Guardrail, by: Actor) -> None:
    """Release everybody from a guardrail that is being deleted."""
    _release(_keys_of(guardrail).order_by("api_key_id"), by)
    _release(_members_of(guardrail).order_by("membership_id"), by)


def release_deleted_key(key: ApiKey, by: Actor) -> None:
    """Release a key that is being deleted; fills `key_deleting`."""
    rows = KeyAssignment.objects.for_organization(key.organization_id)
    _release(rows.select_related("guardrail", "api_key").filter(api_key=key), by)


def release_leaving_member(membership: Membership, by: Actor) -> None:
    """Release a member who leaves the organization; fills `member_leaving`."""
    members = Membership.objects.for_organization(membership.organization_id)
    # Whoever is just assigning a guardrail to him holds this lock.
    members.select_for_update(of=("self",), no_key=True).get(pk=membership.pk)
    rows = MemberAssignment.objects.for_organization(membership.organization_id)
    _release(_with_member(rows).filter(membership=membership), by)


def _keys_of(guardrail: Guardrail) -> Any:  # a queryset
    rows = KeyAssignment.objects.for_organization(guardrail.organization_id)
    return rows.select_related("guardrail", "api_key").filter(guardrail_id=guardrail.pk)


def _members_of(guardrail: Guardrail) -> Any:  # a queryset
    rows = MemberAssignment.objects.for_organization(guardrail.organization_id)
    return _with_member(rows).filter(guardrail_id=guardrail.pk)


def _with_member(rows: Any) -> Any:  # a queryset
    return rows.select_related("guardrail", "membership__user", "membership__organization")


def _hold(holders: Sequence[tuple[Assignment, Mapping[str, Any]]], guardrail: Guardrail, by: Actor) -> None:
    """Write the assignments of holders who are not held to this guardrail already."""
    written = []
    for assignment, holder in holders:
        if assignment.pk is not None and assignment.guardrail_id == guardrail.pk:
            continue
        before = snapshot(assignment) if assignment.pk else None
        columns = {"guardrail": guardrail, "assigned_by": by.user, "created_at": timezone.now(), **holder}
        for name, value in columns.items():
            setattr(assignment, name, value)
        assignment.organization_id = guardrail.organization_id
        assignment.save()
        written.append((assignment, before))
    follow_assignments([assignment for assignment, _ in written])
    for assignment, before in written:
        _record("update" if before else "create", assignment, before, by)


def _release(rows: Any, by: Actor) -> int:  # a queryset of either kind
    # Locked as they are: one that was given another guardrail meanwhile is no longer among them.
    held = list(rows.select_for_update(of=("self",)))
    if not held:
        return 0
    mine = rows.model.objects.for_organization(held[0].organization_id)
    mine.filter(pk__in=[row.pk for row in held]).delete()
    follow_assignments(held)
    for row in held:
        _record("delete", row, snapshot(row), by)
    return len(held)


def _record(action: Action, row: Assignment, before: dict[str, Any] | None, by: Actor) -> None:
    record(
        Change(
            action=action,
            row=row,
            before=before,
            after=None if action == "delete" else snapshot(row),
            touches=(_scope_of(row),),
            organization_id=row.organization_id,
            workspace_id=row.guardrail.workspace_id,
        ),
        by=by,
    )


def _scope_of(row: Assignment) -> Scope:
    """Whose policies follow from it."""
    if isinstance(row, KeyAssignment):
        return Scope("key", row.api_key_id)
    return Scope("user", row.membership.user_id)
