"""When each scheduled job ran, and what became of it."""

from __future__ import annotations

from django.db import models


class JobRun(models.Model):
    """The latest run of a job, and its latest success; one row per job."""

    name = models.CharField(max_length=60, primary_key=True)
    started_at = models.DateTimeField()
    succeeded_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    seconds = models.FloatField(null=True)
    rows = models.BigIntegerField(db_default=0)
    error = models.CharField(max_length=200, db_default="")

    class Meta:
        db_table = "job_run"

    def __str__(self) -> str:
        return self.name
