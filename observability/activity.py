"""What an organization did on each of the last thirty days that are over, by model and endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from django.db.models import Sum
from django.http import StreamingHttpResponse

from accounts.models import Organization
from config.lib.exports import csv_answer, harmless
from config.lib.money import plain_usd, usd_from_nano
from config.lib.scoping import ScopedQuerySet, tenant
from observability.models import UsageDay, UsageModelDay

DAYS: Final = 30
SUMS: Final = (
    *("requests", "prompt_tokens", "completion_tokens", "reasoning_tokens", "cached_tokens"),
    *("cost_nano", "byok_nano"),
)
COLUMNS: Final = (
    *(
        "date",
        "model",
        "model_permaslug",
        "endpoint_id",
        "provider_name",
        "workspace_id",
        "requests",
        "usage",
    ),
    *("byok_usage_inference", "prompt_tokens", "completion_tokens", "reasoning_tokens", "cached_tokens"),
)


@dataclass(frozen=True)
class Asked:
    """What is wanted of the activity; None: all of it."""

    day: date | None = None
    api_key_id: int | None = None
    member_id: int | None = None
    workspace_id: int | None = None
    is_by_workspace: bool = False


def first_day(today: date) -> date:
    """The oldest day that is told about."""
    return today - timedelta(days=DAYS)


def activity(organization_id: int, asked: Asked, *, today: date | None = None) -> ScopedQuerySet[Any]:
    """Sums by day, model and endpoint, newest first; by workspace too if that is asked."""
    today = today or datetime.now(UTC).date()
    named = {"api_key_id": asked.api_key_id, "member_id": asked.member_id}
    by_whom = {name: value for name, value in named.items() if value is not None}
    table = UsageDay if by_whom else UsageModelDay  # the small one knows no keys
    days = table.objects.for_organization(organization_id).filter(**by_whom)
    if asked.workspace_id is not None:
        days = days.filter(workspace_id=asked.workspace_id)
    if asked.day is not None:
        days = days.filter(day=asked.day)
    keys = ["day", "model", "provider", "endpoint_id"] + ["workspace_id"] * asked.is_by_workspace
    within = days.filter(day__gte=first_day(today), day__lt=today)
    sums: ScopedQuerySet[Any] = within.values(*keys).annotate(
        **{f"{name}_in_all": Sum(name) for name in SUMS}
    )
    return sums.filter(requests_in_all__gt=0).order_by("-day", *keys[1:])


def activity_file(
    organization: Organization, asked: Asked, workspaces: dict[int, str]
) -> StreamingHttpResponse:
    """The same as a CSV file; `workspaces` are public ids by number."""
    organization_id = organization.pk

    def rows() -> Iterator[tuple[str, ...]]:
        with tenant(organization_id):
            for row in activity(organization_id, asked).iterator():
                yield _cells(row, workspaces)

    return csv_answer(name=f"{organization.slug}-activity.csv", header=COLUMNS, rows=rows)


def _cells(row: dict[str, Any], workspaces: dict[int, str]) -> tuple[str, ...]:
    model = harmless(row["model"])
    return (
        row["day"].isoformat(),
        *(model, model, str(row["endpoint_id"]), harmless(row["provider"])),
        workspaces.get(row.get("workspace_id", 0), ""),
        str(row["requests_in_all"]),
        plain_usd(usd_from_nano(row["cost_nano_in_all"])),
        plain_usd(usd_from_nano(row["byok_nano_in_all"])),
        *(str(row[f"{name}_in_all"]) for name in SUMS[1:5]),
    )
