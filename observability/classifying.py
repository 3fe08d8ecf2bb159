"""Sorts requests that are over: claims what is due, asks each classifier's model, writes its labels.

One worker does it at a time, some questions at once. A row is tried three times at most, also where a worker dies over
it, so that no request is paid for without end.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from config.lib.crypto import SealingError, sealing_ring
from config.lib.environment import environment
from config.lib.outbound import Session, open_session
from observability.classifier_questions import Asked, ask, body_of
from observability.contents import Content, contents_of, forget_delivered
from observability.partitions import existing_days, midnight
from observability.taxonomy import Taxonomy, transcript

AT_ONCE: Final = 8
MOST_TRIES: Final = 3
WAIT_SECONDS: Final = 30
WORK_SECONDS: Final = 50.0
"""After that the next worker goes on."""
LEASE_SECONDS: Final = 180
CLASSIFYING_LOCK: Final = 7244

Connection = psycopg.Connection[tuple[Any, ...]]

CLAIM_SQL = """
UPDATE classification SET attempts = attempts + 1, next_at = now() + make_interval(secs => %s)
 WHERE id IN (SELECT id FROM classification WHERE status = 'pending' AND next_at <= now()
               ORDER BY next_at, id LIMIT %s FOR UPDATE SKIP LOCKED)
RETURNING id, generation_id, classifier_id, attempts
"""
CLASSIFIERS_SQL = """
SELECT classifier.id, classifier.organization_id, classifier.public_id, model, instructions, taxonomy, sealed_secret
  FROM classifier JOIN workspace ON workspace.id = workspace_id
 WHERE classifier.id = ANY(%s) AND classifier.deleted_at IS NULL AND is_enabled AND workspace.deleted_at IS NULL
"""
SETTLE_SQL = """
UPDATE classification SET status = %s, tags = %s, error = %s, answer_id = %s, cost_nano = cost_nano + %s,
       settled_at = now()
 WHERE id = %s AND status = 'pending'
"""
LATER_SQL = """
UPDATE classification SET error = %s, next_at = now() + make_interval(secs => %s) WHERE id = %s AND status = 'pending'
"""
FORGET_SQL = """
DELETE FROM classification WHERE id = ANY (ARRAY(SELECT id FROM classification WHERE generation_id < %s LIMIT 2000))
"""

log = logging.getLogger(__name__)


class Due(NamedTuple):
    """A request that a classifier is to sort; the columns that CLAIM_SQL returns."""

    id: int
    generation_id: UUID
    classifier_id: int
    attempts: int


class Sorting(NamedTuple):
    """A classifier at work; the columns of CLASSIFIERS_SQL."""

    id: int
    organization_id: int
    public_id: UUID
    model: str
    instructions: str
    taxonomy: Taxonomy
    sealed_secret: str

    @property
    def secret(self) -> str:
        """The key that it asks with. Raises SealingError."""
        identity = f"classifier:{self.organization_id}:{self.public_id}"
        return sealing_ring().open(self.sealed_secret, identity=identity).decode()


def classify_due(connection: Connection, *, base_url: str | None = None) -> int:
    """Sort what is due, unless another worker is at it; how many requests were looked at."""
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", [CLASSIFYING_LOCK]).fetchone()
    if row != (True,):
        return 0
    try:
        until, total = time.monotonic() + WORK_SECONDS, 0
        while time.monotonic() < until and (count := _classify_some(connection, base_url or gateway_url())):
            total += count
        return total
    finally:
        connection.execute("SELECT pg_advisory_unlock(%s)", [CLASSIFYING_LOCK])


def gateway_url() -> str:
    """Where our own gateway is found from here."""
    return environment().gateway_url or environment().base_url


def forget_old(connection: Connection) -> int:
    """Forget some of what became of requests that are in the log no longer; how many rows that were."""
    days = existing_days(connection)
    return connection.execute(FORGET_SQL, [midnight(days[0])]).rowcount if days else 0


def _classify_some(connection: Connection, base_url: str) -> int:
    due = [Due(*row) for row in connection.execute(CLAIM_SQL, [LEASE_SECONDS, AT_ONCE])]
    if not due:
        return 0
    numbers = list({each.classifier_id for each in due})
    rows = [Sorting(*row) for row in connection.execute(CLASSIFIERS_SQL, [numbers])]
    contents = contents_of({each.generation_id for each in due})
    asked = asyncio.run(_ask_all(due, {row.id: row for row in rows}, contents, base_url))
    with connection.transaction(), connection.cursor() as cursor:
        for each, answer in zip(due, asked, strict=True):
            _settle(cursor, each, answer)
        forget_delivered(cursor, sorted({each.generation_id for each in due}))
    return len(due)


async def _ask_all(
    due: Iterable[Due], sortings: Mapping[int, Sorting], contents: Mapping[UUID, Content], base_url: str
) -> list[Asked]:
    async with open_session() as session:
        questions = [
            _ask(session, each, sortings.get(each.classifier_id), contents.get(each.generation_id), base_url)
            for each in due
        ]
        return await asyncio.gather(*questions)


async def _ask(
    session: Session, due: Due, sorting: Sorting | None, content: Content | None, base_url: str
) -> Asked:
    if sorting is None:
        return Asked(error="The classifier was disabled or deleted.", is_skipped=True)
    if content is None:
        return Asked(error="What was said is not kept any more.")
    if due.attempts > MOST_TRIES:
        return Asked(error="It was tried too often.")
    try:
        secret = sorting.secret
    except SealingError:
        return Asked(error="The classifier's key cannot be opened.")
    body = body_of(sorting.model, sorting.taxonomy, sorting.instructions, transcript(content))
    return await ask(session, base_url, secret, body, sorting.taxonomy)


def _settle(cursor: psycopg.Cursor[tuple[Any, ...]], due: Due, asked: Asked) -> None:
    if asked.is_retryable and due.attempts < MOST_TRIES:
        cursor.execute(LATER_SQL, [asked.error, WAIT_SECONDS * due.attempts, due.id])
        return
    status = "done" if asked.tags is not None else "skipped" if asked.is_skipped else "failed"
    tags = None if asked.tags is None else Jsonb(asked.tags)
    cursor.execute(SETTLE_SQL, [status, tags, asked.error, asked.answer_id, asked.cost_nano, due.id])
    if asked.tags is None:
        log.info("classification %s: %s", due.id, asked.error)
