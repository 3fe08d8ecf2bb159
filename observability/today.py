"""What a workspace did since midnight UTC, where its budgets' days begin too, against the day before and the week."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.db import connections
from django.utils import timezone

from config.lib.ids import first_uuid7
from config.lib.money import window_start
from observability.models import Generation
from workspaces.models import Workspace

DAYS: Final = 7
FAILURES_OF: Final = timedelta(days=DAYS)
SHOWN_TYPES: Final = (Generation.REFUSED, Generation.ERROR)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)

USAGE_SQL = """
SELECT day, model, sum(requests)::bigint, sum(errors)::bigint, sum(refused)::bigint, sum(cost_nano)::bigint,
       sum(latency_ms_sum)::bigint, sum(timed)::bigint
  FROM usage_model_day
 WHERE organization_id = %(organization)s AND workspace_id = %(workspace)s AND day >= %(first)s
 GROUP BY day, model
UNION ALL
SELECT NULL, '', coalesce(sum(requests), 0)::bigint, 0, 0, coalesce(sum(cost_nano), 0)::bigint, 0, 0
  FROM (SELECT requests, cost_nano FROM usage_hour
         WHERE organization_id = %(organization)s AND workspace_id = %(workspace)s
           AND hour >= %(yesterday)s AND hour < %(this_hour)s
        UNION ALL
        SELECT requests, cost_nano FROM usage_minute
         WHERE organization_id = %(organization)s AND workspace_id = %(workspace)s
           AND minute >= %(this_hour)s AND minute < %(now)s) before
"""
"""The week by day and model; and in one row without a day, yesterday up to this time of day: whole hours from the one
rollup, the minutes after them from the other."""


@dataclass(frozen=True)
class Sums:
    """What was asked and what came of it."""

    requests: int = 0
    errors: int = 0
    refused: int = 0
    cost_nano: int = 0
    latency_ms_sum: int = 0
    timed: int = 0

    def plus(self, other: Sums) -> Sums:
        """Both together."""
        return Sums(
            self.requests + other.requests,
            self.errors + other.errors,
            self.refused + other.refused,
            self.cost_nano + other.cost_nano,
            self.latency_ms_sum + other.latency_ms_sum,
            self.timed + other.timed,
        )

    @property
    def latency_ms(self) -> int | None:
        """The mean time to the first token; None where none came."""
        return self.latency_ms_sum // self.timed if self.timed else None

    @property
    def error_share(self) -> float:
        """How many of those that were let in failed, from 0 to 1."""
        return self.errors / self.requests if self.requests else 0.0


@dataclass(frozen=True)
class Lately:
    """Sums of a workspace; `yesterday` ends at this time of day, `models` are of the week, the dearest first."""

    today: Sums
    yesterday: Sums
    models: list[tuple[str, Sums]]


def lately_in(workspace: Workspace, *, now: datetime | None = None) -> Lately:
    """The sums up to what ingest has written; one query."""
    at = now or timezone.now()
    midnight = window_start("d", at)
    by_day: dict[date | None, Sums] = {}
    by_model: dict[str, Sums] = {}
    for day, model, *numbers in _rows(workspace, at, midnight):
        sums = Sums(*numbers)
        by_day[day] = by_day.get(day, Sums()).plus(sums)
        if day is not None:
            by_model[model] = by_model.get(model, Sums()).plus(sums)
    models = sorted(by_model.items(), key=lambda pair: (-pair[1].cost_nano, -pair[1].requests, pair[0]))
    return Lately(by_day.get(midnight.date(), Sums()), by_day.get(None, Sums()), models)


def latest_in(workspace_id: int, *, count: int) -> list[Generation]:
    """The workspace's newest requests."""
    return list(Generation.objects.for_workspace(workspace_id).order_by("-id")[:count])


def latest_of_key(api_key_id: int, workspace_id: int, *, count: int) -> list[Generation]:
    """A key's newest requests in its workspace."""
    rows = Generation.objects.for_workspace(workspace_id).filter(api_key_id=api_key_id)
    return list(rows.order_by("-id")[:count])


def failures_in(workspace: Workspace, *, count: int) -> list[Generation]:
    """The newest requests of the week that were refused or failed; by the index of failures."""
    since = timezone.now() - FAILURES_OF
    rows = Generation.objects.for_organization(workspace.organization_id).filter(
        workspace_id=workspace.pk, status__in=SHOWN_TYPES, id__gte=first_uuid7(int(since.timestamp() * 1000))
    )
    return list(rows.exclude(status=Generation.COMPLETED).order_by("-id")[:count])


def _rows(
    workspace: Workspace, now: datetime, midnight: datetime
) -> list[tuple[Any, ...]]:  # a date, a text and numbers
    this_hour = now.replace(minute=0, second=0, microsecond=0) - DAY
    values: dict[str, Any] = {
        "organization": workspace.organization_id,
        "workspace": workspace.pk,
        "first": (midnight - (DAYS - 1) * DAY).date(),
        "yesterday": midnight - DAY,
        "this_hour": this_hour,
        "now": now - DAY,
    }
    with connections["default"].cursor() as cursor:
        cursor.execute(USAGE_SQL, values)
        return list(cursor.fetchall())
