"""Which limits stand on whom, and the purses that follow them (spec: money §1).

Several limits may stand on one purse: a key's own and its guardrails', with or without BYOK. The purse carries the
strictest of each kind, which is what leases are judged by; who refused is known from the limits themselves.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import chain
from uuid import UUID

from django.db import connections

from config.lib.registry import Slot
from config.lib.subjects import (
    KIND_BITS,
    MEMBER_BITS,
    SubjectKind,
    api_key_subject,
    kind_of,
    workspace_member_subject,
    workspace_subject,
)
from workspaces.models import ApiKey, Purse, Workspace
from workspaces.spending import PurseLimits, lock_history, open_purses, set_limits

OWN_SQL = """
SELECT id << 3 | 2, limit_interval, limit_nano, is_byok_in_limit, 'key' FROM api_key
 WHERE organization_id = %(organization)s AND id = ANY(%(keys)s) AND limit_nano IS NOT NULL
UNION ALL
SELECT workspace.id << 3 | 1, interval, limit_nano, is_byok_in_budgets, 'workspace' FROM workspace_budget
  JOIN workspace ON workspace.id = workspace_id
 WHERE workspace.organization_id = %(organization)s AND workspace.id = ANY(%(workspaces)s)
"""
STRICT_SQL = """
SELECT api_key.id << 3 | 2 FROM api_key JOIN workspace ON workspace.id = workspace_id
 WHERE api_key.id = ANY(%(keys)s) AND is_strict
UNION ALL SELECT id << 3 | 1 FROM workspace WHERE id = ANY(%(workspaces)s) AND is_strict
UNION ALL SELECT subject FROM unnest(%(seats)s::bigint[]) subject JOIN workspace ON id = subject >> 33
 WHERE is_strict
"""
"""Purses of an organization and of a member in all of it are never strict."""


@dataclass(frozen=True)
class StandingLimit:
    """A limit on what a subject may spend in an interval ('d', 'w', 'm', 't'), and which layer sets it.

    `layer` is `key`, `workspace`, or what a guardrail's budget is called in the contract: `workspace_default_member`,
    `workspace_default_key`, `member`, `api_key`.
    """

    subject: int
    interval: str
    limit_nano: int
    is_with_byok: bool
    layer: str
    guardrail_id: UUID | None = None


guardrail_limits: Slot[[int, Collection[int], str], list[StandingLimit]] = Slot("guardrail_limits")
"""Called with an organization, subjects and the database's alias: the limits that guardrails set on them."""


def limits_on(organization_id: int, subjects: Collection[int], using: str = "default") -> list[StandingLimit]:
    """Every limit on these subjects but an organization's credits."""
    with connections[using].cursor() as cursor:
        cursor.execute(OWN_SQL, {"organization": organization_id, **by_kind(subjects)})
        limits = [StandingLimit(*row) for row in cursor.fetchall()]
    for set_by_guardrails in guardrail_limits(organization_id, subjects, using):
        limits += set_by_guardrails
    return limits


def by_kind(subjects: Collection[int]) -> dict[str, list[int]]:
    """The subjects apart, as ids: `keys`, `workspaces`, `members`; members in a workspace as subjects: `seats`."""
    found: dict[str, list[int]] = {"keys": [], "workspaces": [], "members": [], "seats": []}
    names = {
        SubjectKind.API_KEY: "keys",
        SubjectKind.WORKSPACE: "workspaces",
        SubjectKind.MEMBER: "members",
    }
    for subject in subjects:
        kind = kind_of(subject)
        if kind is SubjectKind.WORKSPACE_MEMBER:
            found["seats"].append(subject)
        elif kind in names:
            found[names[kind]].append(subject >> KIND_BITS)
    return found


def subjects_of(key: ApiKey) -> frozenset[int]:
    """Whom limits within the key's workspace are counted on when the key is used."""
    subjects = {api_key_subject(key.pk)}
    if key.owner_id is not None:
        subjects.add(workspace_member_subject(key.workspace_id, key.owner_id))
    return frozenset(subjects)


def subjects_in(workspace: Workspace) -> frozenset[int]:
    """The workspace, its active keys, and their owners in it; members who have spent there under a limit, too."""
    keys = ApiKey.objects.for_workspace(workspace).active().only("pk", "workspace_id", "owner_id")
    subjects = {workspace_subject(workspace.pk), *chain.from_iterable(map(subjects_of, keys))}
    first = workspace_member_subject(workspace.pk, 0) - SubjectKind.WORKSPACE_MEMBER
    purses = Purse.objects.for_organization(workspace.organization_id).filter(
        subject__gte=first, subject__lt=first + (1 << MEMBER_BITS + KIND_BITS)
    )
    seats = purses.values_list("subject", flat=True).distinct()
    return frozenset(subjects.union(one for one in seats if kind_of(one) is SubjectKind.WORKSPACE_MEMBER))


def follow_limits(organization_id: int, subjects: Collection[int]) -> None:
    """Make the purses of these subjects say what their limits say; a purse without a limit goes on counting.

    In the transaction that changes a limit, after it is written and before the revision. Missing purses are made
    first, then all are locked in the order of ids, both as ingest does; limits are read again behind the locks,
    so that of two who change limits on one purse the later one sees both.
    """
    concerned = frozenset(subjects)
    purses = Purse.objects.for_organization(organization_id).filter(subject__in=concerned)
    wanted = {(limit.subject, limit.interval) for limit in limits_on(organization_id, concerned)}
    if not wanted and not purses.exists():
        return
    lock_history(organization_id)
    missing = wanted - set(purses.values_list("subject", "interval"))
    if missing:
        open_purses(organization_id, sorted(missing))
    locked = list(purses.select_for_update(no_key=True).order_by("pk"))
    # What says so already is left alone: a change of a purse calls back every reserve on it.
    changed = [
        limits
        for purse, limits in zip(locked, _strictest(locked, organization_id, concerned), strict=True)
        if (purse.limit_nano, purse.limit_with_byok_nano, purse.is_strict) != limits[1:]
    ]
    if changed:
        set_limits(changed)


def _strictest(
    purses: Collection[Purse], organization_id: int, subjects: Collection[int]
) -> list[PurseLimits]:
    """What each of the purses has to be compared with."""
    strictest: dict[tuple[int, str, bool], int] = {}
    for limit in limits_on(organization_id, subjects):
        place = (limit.subject, limit.interval, limit.is_with_byok)
        strictest[place] = min(limit.limit_nano, strictest.get(place, limit.limit_nano))
    strict = _strict(subjects)
    return [
        PurseLimits(
            purse.pk,
            strictest.get((purse.subject, purse.interval, False)),
            strictest.get((purse.subject, purse.interval, True)),
            purse.subject in strict,
        )
        for purse in purses
    ]


def _strict(subjects: Collection[int]) -> frozenset[int]:
    """The subjects that belong to a strict workspace."""
    with connections["default"].cursor() as cursor:
        cursor.execute(STRICT_SQL, by_kind(subjects))
        return frozenset(subject for (subject,) in cursor.fetchall())
