"""What of an organization's requests is asked for, and which of it the database finds by itself."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from config.lib.ids import first_uuid7
from observability.classifications import AskedLabel
from observability.models import Classification, Generation
from observability.request_steps import all_of_request

STATUSES: Final = (
    Generation.COMPLETED,
    Generation.ERROR,
    Generation.CANCELLED,
    Generation.INTERRUPTED,
    Generation.REFUSED,
)
RESPONSE_CACHE, PROMPT_CACHE = "response", "prompt"
CACHES: Final = (RESPONSE_CACHE, PROMPT_CACHE)
INDEXED: Final = ("workspace_id", "api_key_id", "user", "session_id")
LOOKED_FOR: Final = ("model", "provider", "finish_reason", "member_id", "error_type", "app_title", "tool")


@dataclass(frozen=True)
class LogFilter:
    """What to show; None and empty stand for everything. Costs are nano-dollars, both bounds included.

    `request_id`: all generations of that request. `is_outer_only`: no further generations of requests. `label`: what
    a classifier found.
    """

    since: datetime | None = None
    until: datetime | None = None
    workspace_id: int | None = None
    api_key_id: int | None = None
    member_id: int | None = None
    status: str = ""
    model: str = ""
    provider: str = ""
    finish_reason: str = ""
    error_type: str = ""
    user: str = ""
    session_id: str = ""
    app_title: str = ""
    least_cost_nano: int | None = None
    most_cost_nano: int | None = None
    has_guardrail_event: bool = False
    cache: str = ""
    tool: str = ""
    request_id: UUID | None = None
    is_outer_only: bool = False
    label: AskedLabel | None = None

    @property
    def is_narrow(self) -> bool:
        """Whether anything is asked for in particular."""
        return any(getattr(self, each.name) not in (None, "", False) for each in fields(self))

    @property
    def has_to_look(self) -> bool:
        """Whether rows have to be looked at one by one, because no index finds them."""
        is_failure = self.status not in ("", Generation.COMPLETED)
        others = (self.least_cost_nano, self.most_cost_nano, self.cache or None, self.label)
        named = [getattr(self, name) or None for name in LOOKED_FOR]
        return (
            self.has_guardrail_event
            or (bool(self.status) and not is_failure)
            or any(value is not None for value in (*others, *named))
        )

    def found_at_once(self, rows: QuerySet[Generation]) -> QuerySet[Generation]:
        """The rows that indexes find: by time, workspace, key, user, session, failure, request.

        Requests that are their own are most of all, so that they are found without looking far.
        """
        if self.request_id is not None:
            rows = all_of_request(rows, self.request_id)
        if self.is_outer_only:
            rows = rows.filter(request_id=None)
        if self.since is not None:
            rows = rows.filter(id__gte=_first_of(self.since))
        if self.until is not None:
            rows = rows.filter(id__lt=_first_of(self.until))
        if self.status not in ("", Generation.COMPLETED):
            rows = rows.filter(status=self.status).exclude(status=Generation.COMPLETED)
        return rows.filter(**self._named(INDEXED))

    def found_by_looking(self, rows: QuerySet[Generation]) -> QuerySet[Generation]:
        """The rows that everything else leaves."""
        rows = rows.filter(**self._named(LOOKED_FOR))
        if self.status == Generation.COMPLETED:
            rows = rows.filter(status=self.status)
        if self.least_cost_nano is not None:
            rows = rows.filter(cost_nano__gte=self.least_cost_nano)
        if self.most_cost_nano is not None:
            rows = rows.filter(cost_nano__lte=self.most_cost_nano)
        if self.has_guardrail_event:
            rows = rows.filter(GUARDRAIL_EVENT)
        if self.label is not None:
            rows = rows.filter(_sorted_as(self.label))
        return rows.filter(_of_cache(self.cache)) if self.cache else rows

    def _named(self, names: tuple[str, ...]) -> dict[str, Any]:
        values = {name: getattr(self, name) for name in names}
        return {name: value for name, value in values.items() if value not in (None, "")}


GUARDRAIL_EVENT: Final = Q(detail__contains={"pipeline": [{"type": "guardrail", "data": {"detected": True}}]})


def _sorted_as(asked: AskedLabel) -> Exists:
    found = Classification.objects.for_organization(asked.organization_id).filter(
        generation_id=OuterRef("id"),
        classifier_id=asked.classifier_id,
        tags__contains={asked.dimension: asked.label},
    )
    return Exists(found)


def _of_cache(cache: str) -> Q:
    if cache == RESPONSE_CACHE:
        return Q(detail__has_key="response_cache_source_id")
    return Q(cached_tokens__gt=0) if cache == PROMPT_CACHE else Q(pk__in=[])


def _first_of(moment: datetime) -> Any:
    return first_uuid7(max(0, int(moment.timestamp() * 1000)))
