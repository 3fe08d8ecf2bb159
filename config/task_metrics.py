"""What Celery's workers and beat count for Prometheus."""

from __future__ import annotations

from config.lib.metrics import WORK, Level, Seconds

TASKS = Seconds(
    "headgate_task_seconds", "Seconds that a task took, by task and outcome.", ["task", "outcome"], WORK
)
WAIT = Seconds(
    "headgate_task_wait_seconds", "Seconds from a task being sent to its beginning.", ["task"], WORK
)
RUNNING = Level("headgate_tasks_running", "Tasks that run now.")
JOB_INTERVAL = Level("headgate_job_interval_seconds", "How often a scheduled job is due.", ["job"])
JOB_SUCCEEDED = Level(
    "headgate_job_last_success_timestamp_seconds", "When a scheduled job last succeeded (Unix time).", ["job"]
)
JOB_FAILED = Level(
    "headgate_job_last_failure_timestamp_seconds", "When a scheduled job last failed (Unix time).", ["job"]
)
JOB_SECONDS = Level("headgate_job_seconds", "How long a scheduled job's latest run took.", ["job"])
JOB_ROWS = Level("headgate_job_rows", "What a scheduled job's latest run came to.", ["job"])
