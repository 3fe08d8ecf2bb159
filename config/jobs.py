"""Every chore that is done by the clock. To add one, list it in its app's `jobs.py`; all else follows.

What wakes other tasks every few seconds is no chore: settings.CELERY_BEAT_SCHEDULE has that.
"""

from __future__ import annotations

import accounts.jobs
import observability.jobs
import routing.jobs
import workspaces.jobs
from config.lib.jobs import Job

JOBS: tuple[Job, ...] = (
    *accounts.jobs.JOBS,
    *workspaces.jobs.JOBS,
    *observability.jobs.JOBS,
    *routing.jobs.JOBS,
)
BY_NAME = {job.name: job for job in JOBS}
