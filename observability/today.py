"""What a workspace did since midnight UTC, where its budgets' days begin too."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Sum
from django.utils import timezone

from config.lib.money import window_start
from observability.models import Generation, UsageHour


@dataclass(frozen=True)
class Today:
    """Sums of a workspace's day."""

    requests: int
    errors: int
    refused: int
    cost_nano: int


def today_in(workspace_id: int) -> Today:
    """The sums up to what ingest has written."""
    hours = UsageHour.objects.for_workspace(workspace_id).filter(hour__gte=window_start("d", timezone.now()))
    sums = hours.aggregate(
        requests=Sum("requests"), errors=Sum("errors"), refused=Sum("refused"), cost_nano=Sum("cost_nano")
    )
    return Today(**{name: value or 0 for name, value in sums.items()})


def latest_in(workspace_id: int, *, count: int) -> list[Generation]:
    """The workspace's newest requests."""
    return list(Generation.objects.for_workspace(workspace_id).order_by("-id")[:count])
