"""What Celery does for broadcast. Messages carry ids only; every task may be lost or run twice."""

from __future__ import annotations

import logging
import threading
from contextlib import closing
from typing import Any, Final

import psycopg
from celery import shared_task
from kombu.exceptions import OperationalError

from observability import classifying, delivery_jobs, delivery_metrics
from observability.delivery_connection import connect
from observability.delivery_places import Places
from observability.drain import drain
from observability.sweep import due_destinations

log = logging.getLogger(__name__)

QUEUE: Final = "broadcast"
MESSAGE_SECONDS: Final = 60
"""A wake-up that nobody heard for so long is worth nothing: the sweep has come by since."""
SLOW_AT_ONCE: Final = 4
"""Of one worker process's threads; the others are for destinations that answer quickly."""

_slow_places = threading.BoundedSemaphore(SLOW_AT_ONCE)
_places = Places()


@shared_task(name="broadcast.drain")
def drain_destination(destination_id: int, **_: Any) -> None:
    """Send what is due for a destination; wakes the next worker when there is more."""
    has_place = _slow_places.acquire(blocking=False)
    try:
        with closing(connect()) as connection:
            is_more = drain(connection, destination_id, may_be_slow=has_place, places=_places)
    except psycopg.OperationalError as error:
        log.warning("the database is away: %s", str(error).strip())
        return
    finally:
        if has_place:
            _slow_places.release()
    if is_more and has_place:
        wake(destination_id)


@shared_task(name="broadcast.sweep")
def sweep(**_: Any) -> None:
    """Wake a worker for every destination with something due, and for every job that is not done."""
    try:
        with closing(connect()) as connection:
            for destination_id in due_destinations(connection):
                wake(destination_id)
            for job_id in delivery_jobs.unfinished(connection):
                send(run_job, job_id)
            delivery_metrics.look(connection)
    except psycopg.OperationalError as error:
        log.warning("the database is away: %s", str(error).strip())


@shared_task(name="broadcast.job")
def run_job(job_id: int, **_: Any) -> None:
    """Do a piece of a replay, a back-fill or a discard; wakes the next worker for the rest."""
    with closing(connect()) as connection:
        done = delivery_jobs.work(connection, job_id)
    if done.destination_id is not None:
        wake(done.destination_id)
    if done.is_more:
        send(run_job, job_id)


@shared_task(name="broadcast.classify")
def classify(**_: Any) -> None:
    """Sort requests that classifiers wait for."""
    try:
        with closing(connect()) as connection:
            classifying.classify_due(connection)
    except psycopg.OperationalError as error:
        log.warning("the database is away: %s", str(error).strip())


def wake(destination_id: int) -> None:
    """Ask a worker to look after a destination. Never raises for the broker's sake: the sweep comes by."""
    send(drain_destination, destination_id)


def start_job(job_id: int) -> None:
    """Ask a worker to begin with a job; the sweep does, if nobody hears it."""
    send(run_job, job_id)


def send(task: Any, identifier: int) -> None:  # Celery's tasks have no types
    """Send a message with one id."""
    try:
        task.apply_async((identifier,), queue=QUEUE, expires=MESSAGE_SECONDS, retry=False)
    except (OperationalError, OSError) as error:
        log.warning("a message for a worker is lost: %s", error)
