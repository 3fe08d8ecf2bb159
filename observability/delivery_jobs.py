"""Replays, discards and back-fills, piece by piece: each is one transaction, and a job is resumed where it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from config.lib.environment import environment
from config.lib.ids import first_uuid7
from observability.delivery_wants import Wants, wanted, wants_of

CHUNK: Final = 500

Connection = psycopg.Connection[tuple[Any, ...]]

TAKE_SQL = "SELECT * FROM delivery_job WHERE id = %s AND finished_at IS NULL FOR UPDATE SKIP LOCKED"
DEAD_SQL = """
SELECT generation_id FROM delivery
 WHERE destination_id = %(destination)s AND status = 'dead'
   AND generation_id > %(after)s AND generation_id < %(until)s
   AND (%(ids)s::uuid[] IS NULL OR generation_id = ANY(%(ids)s::uuid[]))
 ORDER BY generation_id LIMIT %(most)s FOR NO KEY UPDATE
"""
PAST_SQL = """
SELECT id FROM generation
 WHERE workspace_id = %(workspace)s AND organization_id = %(organization)s
   AND id > %(after)s AND id < %(until)s AND status <> 'refused'
   AND (%(ids)s::uuid[] IS NULL OR id = ANY(%(ids)s::uuid[]))
 ORDER BY id LIMIT %(most)s
"""
REVIVE_SQL = """
UPDATE delivery SET status = 'pending', attempts = 0, next_at = now(), accepted_at = now(), tried_at = NULL,
       settled_at = NULL
 WHERE destination_id = %(destination)s AND generation_id = ANY(%(ids)s) AND status = 'dead'
   AND generation_id BETWEEN %(first)s AND %(last)s
"""
FORGET_SQL = """
DELETE FROM delivery
 WHERE destination_id = %(destination)s AND generation_id = ANY(%(ids)s) AND status = 'dead'
   AND generation_id BETWEEN %(first)s AND %(last)s
"""
ENQUEUE_SQL = """
INSERT INTO delivery (destination_id, generation_id, organization_id, workspace_id)
SELECT %(destination)s, id, %(organization)s, %(workspace)s FROM unnest(%(ids)s::uuid[]) id ON CONFLICT DO NOTHING
"""
ROOM_SQL = """
INSERT INTO delivery_state AS known (destination_id, organization_id, last_error) VALUES (%s, %s, '')
ON CONFLICT (destination_id) DO UPDATE SET accepted = known.accepted RETURNING %s - (accepted - sent - dead)
"""
PROGRESS_SQL = """
UPDATE delivery_job SET cursor = %s, examined = examined + %s, done = done + %s, left_out = left_out + %s,
       finished_at = CASE WHEN %s THEN now() END
 WHERE id = %s
"""
# By chance: jobs that cannot get on must not be in the way of all that come after them.
UNFINISHED_SQL = "SELECT id FROM delivery_job WHERE finished_at IS NULL ORDER BY random() LIMIT 100"


@dataclass(frozen=True, slots=True)
class Worked:
    """What a piece came to: whom to wake, and whether there is more to do at once."""

    destination_id: int | None = None
    is_more: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it stands."""

    id: int
    organization_id: int
    workspace_id: int
    destination_id: int
    kind: str
    after: UUID
    until: UUID
    ids: list[UUID] | None

    @property
    def window(self) -> dict[str, Any]:
        """The parameters that choose the next piece."""
        return {
            "destination": self.destination_id,
            "organization": self.organization_id,
            "workspace": self.workspace_id,
            "after": self.after,
            "until": self.until,
            "ids": self.ids,
        }


def unfinished(connection: Connection) -> list[int]:
    """Jobs that somebody should work at."""
    return [job_id for (job_id,) in connection.execute(UNFINISHED_SQL)]


def work(connection: Connection, job_id: int) -> Worked:
    """Do the next piece of a job; nothing when somebody is at it or it is done."""
    with connection.transaction():
        job = _take(connection, job_id)
        if job is None:
            return Worked()
        wants = wants_of(connection, job.destination_id)
        if wants is None:
            connection.execute(PROGRESS_SQL, [job.after, 0, 0, 0, True, job.id])
            return Worked()
        return PIECES[job.kind](connection, job, wants)


def _take(connection: Connection, job_id: int) -> Job | None:
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(TAKE_SQL, [job_id]).fetchone()
    if row is None:
        return None
    ids = row["generation_ids"]
    return Job(
        row["id"],
        row["organization_id"],
        row["workspace_id"],
        row["destination_id"],
        row["kind"],
        row["cursor"] or _before(row["since"]),
        _id_at(row["until"]),
        None if ids is None else [UUID(each) for each in ids],
    )


def _id_at(moment: datetime) -> UUID:
    return first_uuid7(int(moment.timestamp() * 1000))


def _before(moment: datetime) -> UUID:
    return UUID(int=_id_at(moment).int - 1)


def _replay(connection: Connection, job: Job, wants: Wants) -> Worked:
    room = min(CHUNK, _room(connection, job))
    if room <= 0:
        return Worked(job.destination_id)  # the sweep comes by when there is room again
    found = _ids(connection, DEAD_SQL, job, room)
    wished = wanted(connection, wants, found, with_sampling=False)
    revived = _change(connection, REVIVE_SQL, job, [each for each in found if each in wished])
    _count(connection, "dead = dead - %s", job, revived)
    return _progress(connection, job, found, revived, room)


def _discard(connection: Connection, job: Job, _: Wants) -> Worked:
    found = _ids(connection, DEAD_SQL, job, CHUNK)
    return _progress(connection, job, found, _change(connection, FORGET_SQL, job, found), CHUNK)


def _backfill(connection: Connection, job: Job, wants: Wants) -> Worked:
    room = min(CHUNK, _room(connection, job))
    if room <= 0:
        return Worked(job.destination_id)
    found = _ids(connection, PAST_SQL, job, room)
    wished = wanted(connection, wants, found, with_sampling=True)
    enqueued = _change(connection, ENQUEUE_SQL, job, [each for each in found if each in wished])
    _count(connection, "accepted = accepted + %s", job, enqueued)
    return _progress(connection, job, found, enqueued, room)


PIECES: dict[str, Callable[[Connection, Job, Wants], Worked]] = {
    "replay": _replay,
    "discard": _discard,
    "backfill": _backfill,
}


def _room(connection: Connection, job: Job) -> int:
    """How many more may wait for the destination; its state is there and locked afterwards."""
    given = [job.destination_id, job.organization_id, environment().delivery_most_pending]
    row = connection.execute(ROOM_SQL, given).fetchone()
    return row[0] if row else 0


def _ids(connection: Connection, statement: str, job: Job, most: int) -> list[UUID]:
    return [found for (found,) in connection.execute(statement.encode(), job.window | {"most": most})]


def _change(connection: Connection, statement: str, job: Job, ids: list[UUID]) -> int:
    if not ids:
        return 0
    bounds = {"ids": ids, "first": min(ids), "last": max(ids)}
    return connection.execute(statement.encode(), job.window | bounds).rowcount


def _count(connection: Connection, change: str, job: Job, number: int) -> None:
    # Only the two texts of this module go into the statement.
    statement = f"UPDATE delivery_state SET {change} WHERE destination_id = %s"  # noqa: S608
    connection.execute(statement.encode(), [number, job.destination_id])


def _progress(connection: Connection, job: Job, found: list[UUID], done: int, most: int) -> Worked:
    is_finished = len(found) < most
    cursor = found[-1] if found else job.after
    left_out = len(found) - done
    connection.execute(PROGRESS_SQL, [cursor, len(found), done, left_out, is_finished, job.id])
    return Worked(job.destination_id if done else None, not is_finished)
