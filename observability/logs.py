"""Reading the request log: by page, by filter, one by one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.utils import timezone

from config.lib.ids import parse_generation_id
from config.lib.keyset import Page, UnknownCursor
from observability.handling import number_in, objects_in, text_in
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
    """One call to a provider: with the type of its error, or with an empty one if it answered."""

    provider: str
    error_type: str
    http_status: int | None
    latency_ms: int | None


@dataclass(frozen=True)
class Reason:
    """Why a request was refused: our own words, the rule that said no and the layer it belongs to."""

    message: str
    rule: str
    layer: str


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
    """The calls to providers, in order: those that failed before, and the one that the row itself tells about."""
    earlier = [
        Attempt(text_in(error, "provider"), text_in(error, "code"), number_in(error, "status"), None)
        for error in objects_in(_detail(generation), "previous_errors")
    ]
    if not generation.provider or generation.status == Generation.REFUSED:
        return earlier
    # The row's latency counts from the beginning, so it is this call's own only if there was no other.
    latency = None if earlier else generation.latency_ms
    last = Attempt(generation.provider, generation.error_type or "", generation.http_status, latency)
    return [*earlier, last]


def reason_of(generation: Generation) -> Reason | None:
    """Why the request was refused; None for any other."""
    if generation.status != Generation.REFUSED:
        return None
    detail = _detail(generation)
    return Reason(text_in(detail, "message"), text_in(detail, "rule"), text_in(detail, "layer"))


def duration_ms_of(generation: Generation) -> int | None:
    """How long the request took from admission to its last token."""
    if generation.latency_ms is None:
        return generation.generation_ms
    return generation.latency_ms + (generation.generation_ms or 0)


def _detail(generation: Generation) -> dict[str, Any]:
    """The detail, which is free JSON: whatever does not fit is left out."""
    return generation.detail if isinstance(generation.detail, dict) else {}
