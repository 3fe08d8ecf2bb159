"""Reading the request log: by page, by filter, one by one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.utils import timezone

from config.lib.ids import parse_generation_id
from config.lib.keyset import Page, UnknownCursor
from observability.models import Generation, UsageHour

STATUSES: Final = (
    Generation.COMPLETED,
    Generation.ERROR,
    Generation.CANCELLED,
    Generation.INTERRUPTED,
    Generation.REFUSED,
)
MODELS_OF_THE_LAST = timedelta(days=30)
MODELS_LISTED = 200


@dataclass(frozen=True)
class LogFilter:
    """What to show of an organization's requests; None and empty stand for everything."""

    workspace_id: int | None = None
    api_key_id: int | None = None
    status: str = ""
    model: str = ""

    @property
    def columns(self) -> dict[str, Any]:
        """The conditions that were set."""
        named = {
            "workspace_id": self.workspace_id,
            "api_key_id": self.api_key_id,
            "status": self.status or None,
            "model": self.model or None,
        }
        return {name: value for name, value in named.items() if value is not None}


@dataclass(frozen=True)
class Attempt:
    """One call to a provider, as the gateway wrote it into the generation's detail."""

    provider: str
    outcome: str
    http_status: int | None
    latency_ms: int | None

    @property
    def is_failure(self) -> bool:
        """Whether the gateway had to go on to another endpoint, or gave up."""
        return self.outcome not in ("", Generation.COMPLETED)


def log_page(organization_id: int, wanted: LogFilter, *, before: str, size: int) -> Page[Generation]:
    """A page of requests, newest first; the cursor is the id of the last one shown. Raises UnknownCursor."""
    rows = Generation.objects.for_organization(organization_id).filter(**wanted.columns)
    if before:
        last = parse_generation_id(before)
        if last is None:
            raise UnknownCursor(before[:50])
        rows = rows.filter(id__lt=last)
    found = list(rows.order_by("-id")[: size + 1])
    return Page(found[:size], found[size - 1].public_id if len(found) > size else None)


def find(organization_id: int, public_id: str) -> Generation | None:
    """The organization's request with this public id."""
    identifier = parse_generation_id(public_id)
    if identifier is None:
        return None
    return Generation.objects.for_organization(organization_id).filter(id=identifier).first()


def models_in_use(organization_id: int) -> list[str]:
    """The models that were asked for lately, by name."""
    since = timezone.now() - MODELS_OF_THE_LAST
    hours = UsageHour.objects.for_organization(organization_id).filter(hour__gte=since)
    return list(hours.order_by("model").values_list("model", flat=True).distinct()[:MODELS_LISTED])


def attempts_of(generation: Generation) -> list[Attempt]:
    """The calls to providers, in order. Detail is free JSON: whatever does not fit is left out."""
    detail = generation.detail if isinstance(generation.detail, dict) else {}
    attempts = detail.get("attempts")
    rows: Iterable[Any] = attempts if isinstance(attempts, list) else ()
    return [_attempt(row) for row in rows if isinstance(row, dict)]


def _attempt(row: dict[str, Any]) -> Attempt:
    return Attempt(
        provider=str(row.get("provider") or row.get("tag") or ""),
        outcome=str(row.get("error_type") or row.get("status") or ""),
        http_status=_number(row.get("http_status")),
        latency_ms=_number(row.get("latency_ms")),
    )


def _number(value: Any) -> int | None:  # any JSON value
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
