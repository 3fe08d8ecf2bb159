"""Running a job: one at a time everywhere, within its time, and written down whatever becomes of it."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from enum import Enum

from config.lib.jobs import Job
from observability.models import JobRun
from observability.owner_connection import connect_as_owner

LONGEST_ERROR = 200

log = logging.getLogger(__name__)


class Outcome(Enum):
    """What became of a run."""

    DONE = "done"
    UNFINISHED = "unfinished"
    BUSY = "busy"
    NOT_NEEDED = "not_needed"


def run(job: Job) -> Outcome:
    """Do a job's pieces until nothing is left or its time is up. Raises whatever a piece raises, noted."""
    if not job.is_needed():
        return Outcome.NOT_NEEDED
    with _only_here(job) as is_ours:
        if not is_ours:
            return Outcome.BUSY
        row, _ = JobRun.objects.using("owner").get_or_create(
            name=job.name, defaults={"started_at": datetime.now(UTC)}
        )
        row.started_at, began = datetime.now(UTC), time.monotonic()
        try:
            rows, is_done = _do(job, began)
        except Exception as error:
            _note(row, began, failed_at=datetime.now(UTC), error=f"{type(error).__name__}: {error}")
            raise
        _note(row, began, succeeded_at=datetime.now(UTC), rows=rows, error="")
        log.info("job %s: %d in %.1f s", job.name, rows, time.monotonic() - began)
        return Outcome.DONE if is_done else Outcome.UNFINISHED


def _do(job: Job, began: float) -> tuple[int, bool]:
    rows = 0
    while True:
        done = job.piece()
        rows += done
        if not done:
            return rows, True
        if time.monotonic() - began >= job.seconds:
            return rows, False


def _note(row: JobRun, began: float, *, error: str, **changes: object) -> None:
    row.seconds = time.monotonic() - began
    row.error = error[:LONGEST_ERROR].replace("\x00", "")
    for name, value in changes.items():
        setattr(row, name, value)
    row.save(using="owner")


@contextmanager
def _only_here(job: Job) -> Iterator[bool]:
    """Whether nobody else runs the job; the lock is the connection's, so it ends with the process."""
    number = int.from_bytes(hashlib.sha256(f"job:{job.name}".encode()).digest()[:8], "big", signed=True)
    with closing(connect_as_owner("headgate job")) as connection:
        found = connection.execute("SELECT pg_try_advisory_lock(%s)", [number]).fetchone()
        yield found == (True,)
