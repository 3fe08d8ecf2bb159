"""Tasks of the installation itself."""

from __future__ import annotations

from celery import shared_task

from config.jobs import BY_NAME
from observability.job_runs import run


@shared_task(name="headgate.run_job")
def run_job(name: str, **_later: object) -> str:
    """Run a scheduled job; one that this release does not know any more is passed over."""
    job = BY_NAME.get(name)
    return "unknown" if job is None else run(job).value
