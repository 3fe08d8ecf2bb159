"""What was said in requests: opening it, and forgetting it when nobody needs it any more, or somebody asks for it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias
from uuid import UUID

import psycopg

from accounts.audit_events import CONTENT_DELETED, note
from accounts.revisions import Actor
from config.lib.crypto import SealingError, sealing_ring
from config.lib.ids import first_uuid7
from config.lib.ids import generation_id as public_generation_id
from observability.content_sealing import open_content
from observability.journal_reader import Finished
from observability.models import Generation, GenerationContent

MOST_AT_ONCE = 10_000
"""Contents that one request to forget them deletes; whoever asks is told whether there are more."""
OWNER = "owner"
FOR_DELIVERY = "deliveries of all organizations are made by the same workers"

Cursor: TypeAlias = psycopg.Cursor[tuple[Any, ...]]
Content: TypeAlias = dict[str, Any]
"""`input` ({"messages": […]} or {"prompt": …}), `parameters`, `output` (completion, reasoning, tool_calls,
finish_reason, others), `error` (a message or None), `is_truncated`."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Selection:
    """Which contents of an organization are meant; None stands for everything."""

    workspace_id: int | None = None
    api_key_id: int | None = None
    user: str | None = None
    session_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def places(self) -> dict[str, Any]:
        """The conditions that contents themselves meet."""
        return _set(
            workspace_id=self.workspace_id,
            pk__gte=self.since and first_id(self.since),
            pk__lt=self.until and first_id(self.until),
        )

    @property
    def people(self) -> dict[str, Any]:
        """The conditions that their generations have to meet."""
        return _set(api_key_id=self.api_key_id, user=self.user, session_id=self.session_id)


@dataclass(frozen=True)
class Forgotten:
    """How many contents were deleted; `has_more`: ask again for the rest."""

    count: int
    has_more: bool = False


def opened(row: GenerationContent) -> Content:
    """What was said. Raises SealingError, where the key ring has lost the key."""
    return open_content(
        sealing_ring(),
        row.sealed,
        organization_id=row.organization_id,
        generation_id=str(row.generation_id),
    )


def content_of(finished: Finished) -> Content | None:
    """What was said in a request that ingest is about to book; None where nobody wanted that, or it cannot be read."""
    begin, content = finished.begin, finished.content
    if content is None:
        return None
    try:
        return open_content(
            sealing_ring(), content.sealed, organization_id=begin.organization_id, generation_id=begin.id
        )
    except SealingError as error:
        log.error("the content of %s cannot be read: %s", begin.id, error)
        return None


def contents_of(generation_ids: Iterable[UUID]) -> dict[UUID, Content]:
    """What was said in these requests, for workers; what is not there, or cannot be opened, is left out."""
    rows = GenerationContent.objects.using(OWNER).unscoped(reason=FOR_DELIVERY)
    found: dict[UUID, Content] = {}
    for row in rows.filter(pk__in=list(generation_ids)):
        try:
            found[row.generation_id] = opened(row)
        except SealingError as error:
            log.error("the content of %s cannot be read: %s", row.generation_id, error)
    return found


def is_logged(generation: Generation) -> bool:
    """Whether I/O logging kept what was said."""
    rows = GenerationContent.objects.for_organization(generation.organization_id)
    return rows.filter(pk=generation.pk, is_logged=True).exists()


def logged_content(generation: Generation) -> Content | None:
    """What was said, if I/O logging kept it; what only waits for its delivery is nobody's to see."""
    rows = GenerationContent.objects.for_organization(generation.organization_id)
    row = rows.filter(pk=generation.pk, is_logged=True).first()
    if row is None:
        return None
    try:
        return opened(row)
    except SealingError as error:
        log.error("the content of %s cannot be read: %s", generation.pk, error)
        return None


def forget(*, organization_id: int, generation_id: UUID, by: Actor) -> bool:
    """Delete what was said in a request, also what waits for its delivery; False when there is nothing."""
    rows = GenerationContent.objects.for_organization(organization_id)
    deleted, _ = rows.filter(pk=generation_id).delete()
    if deleted:
        _note(organization_id, {"generation_id": public_generation_id(generation_id)}, Forgotten(1), by)
    return deleted > 0


def forget_selected(
    *, organization_id: int, wanted: Selection, named: Mapping[str, Any], by: Actor
) -> Forgotten:
    """Delete what was said in an organization's requests, the oldest first, MOST_AT_ONCE at most.

    `named` is the selection in the words of whoever asks, for the audit log.
    """
    contents = GenerationContent.objects.for_organization(organization_id)
    found = contents.filter(**wanted.places)
    if wanted.people:
        theirs = Generation.objects.for_organization(organization_id).filter(**wanted.places, **wanted.people)
        found = found.filter(pk__in=theirs.values("pk"))
    chosen = list(found.order_by("pk").values_list("pk", flat=True)[: MOST_AT_ONCE + 1])
    deleted, _ = contents.filter(pk__in=chosen[:MOST_AT_ONCE]).delete()
    done = Forgotten(deleted, has_more=len(chosen) > MOST_AT_ONCE)
    _note(organization_id, named, done, by)
    return done


def forget_delivered(cursor: Cursor, generation_ids: Sequence[UUID]) -> int:
    """Delete what is not logged and what no pending delivery or classification needs; how many contents that were.

    Called in the transaction that settles deliveries or classifications, after that. The rows are locked first, and
    looked at by another statement: of two workers that settle the last of one content, the second sees what the first
    did.
    """
    wanted = list(generation_ids)
    cursor.execute(
        """SELECT FROM generation_content WHERE generation_id = ANY(%s) AND NOT is_logged
            ORDER BY generation_id FOR UPDATE""",
        [wanted],
    )
    cursor.execute(
        """DELETE FROM generation_content AS content
            WHERE generation_id = ANY(%s) AND NOT is_logged AND NOT EXISTS (
              SELECT FROM delivery WHERE delivery.generation_id = content.generation_id AND status = 'pending')
              AND NOT EXISTS (SELECT FROM classification AS sorted
                               WHERE sorted.generation_id = content.generation_id AND sorted.status = 'pending')""",
        [wanted],
    )
    return cursor.rowcount


def _note(organization_id: int, named: Mapping[str, Any], done: Forgotten, by: Actor) -> None:
    detail = {**named, "deleted": done.count, "has_more": done.has_more}
    note(CONTENT_DELETED, by=by, organization_ids=[organization_id], detail=detail)


def _set(**conditions: Any) -> dict[str, Any]:
    return {name: value for name, value in conditions.items() if value is not None}


def first_id(at: datetime) -> UUID:
    """The smallest id of a generation that was admitted then."""
    return first_uuid7(int(at.astimezone(UTC).timestamp() * 1000))
