"""How far the budgets of guardrails are used: each counts per key and per member, so whoever is nearest is told."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db import connections
from django.db.models import Count
from django.utils import timezone

from config.lib.money import window_start
from routing.models import Guardrail, KeyAssignment, MemberAssignment

NEAREST_SQL = """
SELECT DISTINCT ON (guardrail.id) guardrail.id, held.subject & 7 = 2,
       CASE held.subject & 7
         WHEN 2 THEN (SELECT name FROM api_key WHERE id = held.subject >> 3)
         ELSE (SELECT email FROM membership JOIN account_user person ON person.id = user_id
                WHERE membership.id = CASE held.subject & 7
                  WHEN 3 THEN held.subject >> 3 ELSE held.subject >> 3 & (1 << 30) - 1 END)
       END,
       spent_nano + CASE WHEN is_byok_in_budgets THEN byok_nano ELSE 0 END AS counted
  FROM guardrail JOIN (
    SELECT guardrail_id, api_key_id << 3 | 2 AS subject FROM guardrail_key_assignment
     WHERE guardrail_id = ANY(%(guardrails)s)
    UNION ALL
    SELECT guardrail_id, membership_id << 3 | 3 FROM guardrail_member_assignment
     WHERE guardrail_id = ANY(%(guardrails)s)
    UNION ALL
    SELECT default_of.id, api_key.id << 3 | 2 FROM api_key
      JOIN guardrail default_of ON is_default AND default_of.workspace_id = api_key.workspace_id
     WHERE default_of.id = ANY(%(guardrails)s) AND deleted_at IS NULL
    UNION ALL
    SELECT default_of.id, seat.subject FROM purse seat
      JOIN guardrail default_of ON is_default AND default_of.workspace_id = seat.subject >> 33
       AND default_of.organization_id = seat.organization_id
     WHERE default_of.id = ANY(%(guardrails)s) AND seat.subject & 7 = 4) held
    ON held.guardrail_id = guardrail.id
  JOIN purse ON purse.subject = held.subject AND purse.interval = guardrail.limit_interval
 WHERE guardrail.organization_id = %(organization)s AND guardrail.limit_nano IS NOT NULL
   AND window_start >= CASE purse.interval WHEN 'd' THEN %(day)s WHEN 'w' THEN %(week)s ELSE %(month)s END
 ORDER BY guardrail.id, counted DESC, held.subject
"""


@dataclass(frozen=True)
class Nearest:
    """The key or member who has used most of a guardrail's budget in the present window."""

    is_key: bool
    name: str
    counted_nano: int


def nearest_to_budgets(organization_id: int, guardrails: Collection[Guardrail]) -> dict[int, Nearest]:
    """Who is nearest to each of these guardrails' budgets, by the guardrail's key; one query, or none."""
    limited = [one.pk for one in guardrails if one.pk and one.limit_nano is not None]
    if not limited:
        return {}
    now = timezone.now()
    starts = {name: window_start(name[0], now) for name in ("day", "week", "month")}
    with connections["default"].cursor() as cursor:
        cursor.execute(NEAREST_SQL, {"guardrails": limited, "organization": organization_id, **starts})
        return {pk: Nearest(is_key, name or "", counted) for pk, is_key, name, counted in cursor.fetchall()}


def held_counts(organization_id: int, guardrails: Collection[Guardrail]) -> dict[int, tuple[int, int]]:
    """How many keys and members are held to each of these guardrails, by the guardrail's key."""
    wanted = [one.pk for one in guardrails if one.pk]
    counts: list[dict[int, int]] = []
    for model in (KeyAssignment, MemberAssignment):
        rows = model.objects.for_organization(organization_id).filter(guardrail__in=wanted)
        grouped = rows.order_by().values("guardrail_id").annotate(held=Count("pk"))
        counts.append({row["guardrail_id"]: row["held"] for row in grouped})
    keys, members = counts
    return {pk: (keys.get(pk, 0), members.get(pk, 0)) for pk in wanted}
