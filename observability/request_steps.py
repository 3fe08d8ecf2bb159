"""Requests that are several generations, because server tools ran: their steps, and what all of it cost."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db.models import Count, Q, QuerySet, Sum

from config.lib.ids import first_uuid7, milliseconds_of
from observability.handling import Handling, objects_in
from observability.models import Generation

LONGEST_MS: Final = 24 * 3600 * 1000
"""No request goes on for longer, so that the steps of one are looked for in two days' partitions at most."""
STEPS_SHOWN: Final = 200


@dataclass(frozen=True)
class Whole:
    """All generations of a request, the first one among them: how many, and the sum of their costs."""

    generations: int
    cost_nano: int


def whole_of(generation: Generation) -> Whole | None:
    """What a request came to; None for a step of one, and where there is nothing but the one generation.

    What its tools did is told by the steps after them: the first generation's `handling` is the whole request's then.
    """
    if generation.request_id is not None:
        return None
    rows = Generation.objects.for_organization(generation.organization_id)
    steps = list(steps_among(rows, [generation.id]).order_by("id").values_list("cost_nano", "detail"))
    if not steps:
        return None
    told = generation.detail if isinstance(generation.detail, dict) else {}
    details = [told, *[detail for _, detail in steps if isinstance(detail, dict)]]
    pipeline = [stage for detail in details for stage in objects_in(detail, "pipeline")]
    generation.handling = Handling.of({**told, "pipeline": pipeline})
    return Whole(len(steps) + 1, generation.cost_nano + sum(cost for cost, _ in steps))


def wholes_of(generations: Iterable[Generation]) -> dict[UUID, Whole]:
    """What those of the organization's requests came to that ran several generations, by id; one query."""
    outer = {row.id: row for row in generations if row.request_id is None}
    if not outer:
        return {}
    organization = next(iter(outer.values())).organization_id
    inner = steps_among(Generation.objects.for_organization(organization), outer)
    sums = inner.values("request_id").annotate(made=Count("id"), cost=Sum("cost_nano")).order_by()
    return {
        request: Whole(row["made"] + 1, row["cost"] + outer[request].cost_nano)
        for row in sums
        if (request := row["request_id"]) is not None
    }


def steps_of(generation: Generation) -> list[Generation]:
    """The further generations of a request in their order, as many as a page can show."""
    rows = Generation.objects.for_organization(generation.organization_id)
    return list(steps_among(rows, [generation.id]).order_by("id")[:STEPS_SHOWN])


def steps_among(rows: QuerySet[Generation], requests: Collection[UUID]) -> QuerySet[Generation]:
    """Those of the rows that are steps of these requests."""
    return within(rows, requests).filter(request_id__in=requests)


def all_of_request(rows: QuerySet[Generation], request: UUID) -> QuerySet[Generation]:
    """Those of the rows that belong to one request, its first one among them."""
    return within(rows, [request]).filter(Q(id=request) | Q(request_id=request))


def within(rows: QuerySet[Generation], requests: Collection[UUID]) -> QuerySet[Generation]:
    """Those of the rows that are not older than the requests, and not so much younger that they are none of theirs."""
    times = [milliseconds_of(each) for each in requests]
    first, last = first_uuid7(min(times)), first_uuid7(min(max(times) + LONGEST_MS, 2**48 - 1))
    return rows.filter(id__gte=first, id__lt=last)
