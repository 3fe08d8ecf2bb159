"""Reading the request log: by page, by filter, one by one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from config.lib.ids import generation_id, milliseconds_of, parse_generation_id
from config.lib.keyset import Page, UnknownCursor
from observability.handling import number_in, object_in, objects_in, text_in
from observability.log_filters import LogFilter
from observability.models import Generation, UsageHour

MODELS_OF_THE_LAST = timedelta(days=30)
MODELS_LISTED = 200
LOOKED_AT: Final = 20_000
"""So many requests are looked at for one page; whoever wants more asks for the next one."""


@dataclass(frozen=True)
class LogPage(Page[Generation]):
    """A page of requests. `looked_back_to`: it is short because so many were looked at, not because it is the last."""

    looked_back_to: datetime | None = None


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


def log_page(
    organization_id: int, wanted: LogFilter, *, before: str = "", size: int, look_at: int = LOOKED_AT
) -> LogPage:
    """A page of requests, newest first; the cursor is the id of the last one shown or looked at.

    Where no index finds what is wanted, at most `look_at` requests are looked at. Raises UnknownCursor.
    """
    rows: QuerySet[Generation] = Generation.objects.for_organization(organization_id)
    if before:
        last = parse_generation_id(before)
        if last is None:
            raise UnknownCursor(before[:50])
        rows = rows.filter(id__lt=last)
    rows = wanted.found_at_once(rows).order_by("-id")
    edge = _edge(rows, look_at) if wanted.has_to_look else None
    if edge is not None:
        rows = rows.filter(id__gte=edge)
    found = list(wanted.found_by_looking(rows)[: size + 1])
    if len(found) > size:
        return LogPage(found[:size], found[size - 1].public_id)
    if edge is None:
        return LogPage(found, None)
    return LogPage(found, generation_id(edge), _moment_of(edge))


def _edge(rows: QuerySet[Generation], look_at: int) -> UUID | None:
    """The id of the last request that is looked at; None where there are not so many."""
    return rows.values_list("id", flat=True)[look_at : look_at + 1].first()


def _moment_of(identifier: UUID) -> datetime:
    return datetime.fromtimestamp(milliseconds_of(identifier) / 1000, UTC)


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


@dataclass(frozen=True)
class Stage:
    """Something that was done to a request before or after its provider: a guardrail, a plugin, a router."""

    kind: str
    name: str
    summary: str
    has_found: bool


def stages_of(generation: Generation) -> list[Stage]:
    """What was done to the request, in order."""
    return [_stage(stage) for stage in objects_in(_detail(generation), "pipeline")]


def _stage(stage: dict[str, Any]) -> Stage:
    return Stage(
        kind=text_in(stage, "type"),
        name=text_in(stage, "name"),
        summary=text_in(stage, "summary"),
        has_found=object_in(stage, "data").get("detected") is True,
    )


@dataclass(frozen=True)
class Excluded:
    """An endpoint that could not serve the request, and why."""

    endpoint: str
    model: str
    reason: str


def excluded_of(generation: Generation) -> list[Excluded]:
    """The endpoints that the decision dropped, in its order."""
    return [
        Excluded(text_in(each, "endpoint"), text_in(each, "model"), text_in(each, "reason"))
        for each in objects_in(_detail(generation), "excluded")
    ]


def reason_of(generation: Generation) -> Reason | None:
    """Why the request was refused; None for any other."""
    if generation.status != Generation.REFUSED:
        return None
    detail = _detail(generation)
    return Reason(text_in(detail, "message"), text_in(detail, "rule"), text_in(detail, "layer"))


HIDDEN = frozenset(
    {"id", "organization_id", "workspace_id", "api_key_id", "member_id", "subjects", "process_id", "batch"}
)


def raw_of(generation: Generation) -> str:
    """The row as JSON, without the numbers by which the database knows things."""
    values = {
        field.attname: getattr(generation, field.attname)
        for field in generation._meta.concrete_fields
        if field.attname not in HIDDEN
    }
    told = {name: value for name, value in values.items() if value is not None}
    if generation.request_id is not None:
        told["request_id"] = generation.public_request_id
    return json.dumps({"id": generation.public_id, **told}, indent=2, ensure_ascii=False, default=str)


def duration_ms_of(generation: Generation) -> int | None:
    """How long the request took from admission to its last token."""
    if generation.latency_ms is None:
        return generation.generation_ms
    return generation.latency_ms + (generation.generation_ms or 0)


def _detail(generation: Generation) -> dict[str, Any]:
    """The detail, which is free JSON: whatever does not fit is left out."""
    return generation.detail if isinstance(generation.detail, dict) else {}
