"""Beat: Celery's scheduler on the database, with our list of jobs, which also reports when each last succeeded."""

from __future__ import annotations

import logging
import time
from typing import Any

from django.db import DatabaseError
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler

from config import task_metrics
from config.jobs import JOBS
from config.lib.reporting import beat
from observability.models import JobRun

PREFIX = "job: "
TASK = "headgate.run_job"
LOOK_SECONDS = 15.0

log = logging.getLogger(__name__)


class Scheduler(DatabaseScheduler):  # type: ignore[misc]  # untyped
    """Puts the jobs of config/jobs.py beside what others have scheduled."""

    _looked_at = 0.0

    def setup_schedule(self) -> None:
        """Make the schedule what the code says; jobs that are no more are forgotten."""
        super().setup_schedule()
        # More workers than one may be late: a run that waited for longer than its interval is not worth doing.
        self.update_from_dict(
            {
                PREFIX + job.name: {
                    "task": TASK,
                    "schedule": job.every,
                    "args": [job.name],
                    "options": {"expires": max(60.0, job.every.total_seconds())},
                }
                for job in JOBS
            }
        )
        known = [PREFIX + job.name for job in JOBS]
        PeriodicTask.objects.filter(name__startswith=PREFIX).exclude(name__in=known).delete()

    def tick(self, *args: Any, **kwargs: Any) -> Any:
        """Send what is due; say that beat is alive, and how the jobs are."""
        wait = super().tick(*args, **kwargs)
        beat()
        if time.monotonic() - self._looked_at > LOOK_SECONDS:
            self._looked_at = time.monotonic()
            measure_jobs()
        return wait


def measure_jobs() -> None:
    """Bring the figures of jobs up to date; without the database they stay as they are."""
    try:
        runs = list(JobRun.objects.using("owner").order_by("pk"))
    except DatabaseError as error:
        log.warning("the state of jobs cannot be read: %s", type(error).__name__)
        return
    for job in JOBS:
        task_metrics.JOB_INTERVAL.set(job.every.total_seconds(), job.name)
    for run in runs:
        task_metrics.JOB_ROWS.set(run.rows, run.name)
        for level, value in (
            (task_metrics.JOB_SUCCEEDED, run.succeeded_at),
            (task_metrics.JOB_FAILED, run.failed_at),
        ):
            if value is not None:
                level.set(value.timestamp(), run.name)
        if run.seconds is not None:
            task_metrics.JOB_SECONDS.set(run.seconds, run.name)
