"""What guardrails' budgets limit, and whose purses follow when one is written: counted per key and per member.

A workspace's default guardrail limits each key in it, and each member's keys in it together; a member's guardrail
limits him in all workspaces of the organization, a key's guardrail the key.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import connections

from config.lib.subjects import api_key_subject, member_subject
from routing.models import Guardrail, KeyAssignment, MemberAssignment
from workspaces.purse_limits import StandingLimit, by_kind, follow_limits, subjects_in

LIMITS_SQL = """
SELECT held.subject, limit_interval, limit_nano, is_byok_in_budgets, held.layer, public_id
  FROM guardrail JOIN (
    SELECT subject, default_of.id AS guardrail_id, 'workspace_default_member' AS layer
      FROM unnest(%(seats)s::bigint[]) subject
      JOIN guardrail default_of ON is_default AND workspace_id = subject >> 33
    UNION ALL
    SELECT api_key.id << 3 | 2, default_of.id, 'workspace_default_key' FROM api_key
      JOIN guardrail default_of ON is_default AND default_of.workspace_id = api_key.workspace_id
     WHERE api_key.id = ANY(%(keys)s)
    UNION ALL
    SELECT membership_id << 3 | 3, guardrail_id, 'member' FROM guardrail_member_assignment
     WHERE membership_id = ANY(%(members)s)
    UNION ALL
    SELECT api_key_id << 3 | 2, guardrail_id, 'api_key' FROM guardrail_key_assignment
     WHERE api_key_id = ANY(%(keys)s)) held
    ON held.guardrail_id = guardrail.id
 WHERE organization_id = %(organization)s AND limit_nano IS NOT NULL
"""

BUDGET = ("limit_nano", "limit_interval", "is_byok_in_budgets")


def limits_on(organization_id: int, subjects: Collection[int], using: str) -> list[StandingLimit]:
    """The limits that guardrails set on these subjects; fills `guardrail_limits`."""
    with connections[using].cursor() as cursor:
        cursor.execute(LIMITS_SQL, {"organization": organization_id, **by_kind(subjects)})
        return [StandingLimit(*row) for row in cursor.fetchall()]


def follow_guardrail(guardrail: Guardrail, before: dict[str, Any] | None) -> None:
    """Let everybody's purses follow a guardrail that was just written, if its budget is another one than before."""
    old = before or dict.fromkeys(BUDGET)
    if any(old[column] != getattr(guardrail, column) for column in BUDGET[:2]) or (
        guardrail.limit_nano is not None and old[BUDGET[2]] != guardrail.is_byok_in_budgets
    ):
        follow_limits(guardrail.organization_id, governed_by(guardrail))


def governed_by(guardrail: Guardrail) -> frozenset[int]:
    """Everybody, as subjects, on whom the guardrail's budget is counted."""
    subjects = subjects_in(guardrail.workspace) if guardrail.is_default else frozenset()
    keys = KeyAssignment.objects.for_organization(guardrail.organization_id).filter(guardrail=guardrail)
    members = MemberAssignment.objects.for_organization(guardrail.organization_id).filter(guardrail=guardrail)
    return subjects.union(
        map(api_key_subject, keys.values_list("api_key_id", flat=True)),
        map(member_subject, members.values_list("membership_id", flat=True)),
    )


def follow_assignments(rows: Collection[KeyAssignment | MemberAssignment]) -> None:
    """Let the purses of whom these assignments hold, or held until now, follow."""
    if rows:
        follow_limits(next(iter(rows)).organization_id, [_subject_of(row) for row in rows])


def _subject_of(row: KeyAssignment | MemberAssignment) -> int:
    if isinstance(row, KeyAssignment):
        return api_key_subject(row.api_key_id)
    return member_subject(row.membership_id)
