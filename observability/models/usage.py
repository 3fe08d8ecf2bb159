"""Sums of generations, written by ingest with them; 0 stands for no key and no member."""

from __future__ import annotations

from django.db import models

from config.lib.scoping import TenantModel

DIMENSIONS = ("organization_id", "workspace_id", "api_key_id", "member_id", "model", "provider")


class Usage(TenantModel):
    """The columns that both rollups share."""

    organization_id = models.BigIntegerField()
    workspace_id = models.BigIntegerField()
    api_key_id = models.BigIntegerField()
    member_id = models.BigIntegerField()
    model = models.TextField()
    provider = models.TextField()
    requests = models.BigIntegerField(db_default=0)
    refused = models.BigIntegerField(db_default=0)
    errors = models.BigIntegerField(db_default=0)
    prompt_tokens = models.BigIntegerField(db_default=0)
    completion_tokens = models.BigIntegerField(db_default=0)
    reasoning_tokens = models.BigIntegerField(db_default=0)
    cached_tokens = models.BigIntegerField(db_default=0)
    cost_nano = models.BigIntegerField(db_default=0)
    byok_nano = models.BigIntegerField(db_default=0)
    latency_ms_sum = models.BigIntegerField(db_default=0)
    generation_ms_sum = models.BigIntegerField(db_default=0)

    class Meta(TenantModel.Meta):
        abstract = True


class UsageHour(Usage):
    """Sums per hour, kept for ever; money reads these."""

    pk = models.CompositePrimaryKey(*DIMENSIONS, "hour")
    hour = models.DateTimeField()

    class Meta(Usage.Meta):
        abstract = False
        db_table = "usage_hour"
        indexes = [models.Index(fields=["api_key_id", "hour"], name="usage_hour_by_key")]

    def __str__(self) -> str:
        return f"{self.model} at {self.hour}"


class UsageMinute(Usage):
    """Sums per minute, kept for 48 hours."""

    pk = models.CompositePrimaryKey(*DIMENSIONS, "minute")
    minute = models.DateTimeField()

    class Meta(Usage.Meta):
        abstract = False
        db_table = "usage_minute"

    def __str__(self) -> str:
        return f"{self.model} at {self.minute}"
