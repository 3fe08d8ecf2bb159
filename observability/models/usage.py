"""Sums of generations, written by ingest with them; 0 stands for no key, no member and no endpoint."""

from __future__ import annotations

from django.contrib.postgres.indexes import BrinIndex
from django.db import models

from config.lib.scoping import TenantModel

DIMENSIONS = ("organization_id", "workspace_id", "api_key_id", "member_id", "model", "provider")


class Sums(TenantModel):
    """What every rollup adds up; `requests` counts what was not refused."""

    organization_id = models.BigIntegerField()
    workspace_id = models.BigIntegerField()
    requests = models.BigIntegerField(db_default=0)
    refused = models.BigIntegerField(db_default=0)
    errors = models.BigIntegerField(db_default=0)
    prompt_tokens = models.BigIntegerField(db_default=0)
    completion_tokens = models.BigIntegerField(db_default=0)
    reasoning_tokens = models.BigIntegerField(db_default=0)
    cached_tokens = models.BigIntegerField(db_default=0)
    cost_nano = models.BigIntegerField(db_default=0)
    byok_nano = models.BigIntegerField(db_default=0)

    class Meta(TenantModel.Meta):
        abstract = True


class TimedSums(Sums):
    """Sums with the time that requests took."""

    latency_ms_sum = models.BigIntegerField(db_default=0)
    generation_ms_sum = models.BigIntegerField(db_default=0)

    class Meta(Sums.Meta):
        abstract = True


class Usage(TimedSums):
    """The columns that the rollups by hour and by minute share."""

    api_key_id = models.BigIntegerField()
    member_id = models.BigIntegerField()
    model = models.TextField()
    provider = models.TextField()

    class Meta(TimedSums.Meta):
        abstract = True


class UsageHour(Usage):
    """Sums per hour, kept for ever; money reads these."""

    pk = models.CompositePrimaryKey(*DIMENSIONS, "hour")
    hour = models.DateTimeField()

    class Meta(Usage.Meta):
        abstract = False
        db_table = "usage_hour"
        indexes = [
            models.Index(fields=["api_key_id", "hour"], name="usage_hour_by_key"),
            models.Index(fields=["organization_id", "hour"], name="usage_hour_by_organization"),
        ]

    def __str__(self) -> str:
        return f"{self.model} at {self.hour}"


class UsageMinute(Usage):
    """Sums per minute, kept for 48 hours."""

    pk = models.CompositePrimaryKey(*DIMENSIONS, "minute")
    minute = models.DateTimeField()

    class Meta(Usage.Meta):
        abstract = False
        db_table = "usage_minute"
        # As good as sorted by minute, because that is the order in which the rows come.
        indexes = [BrinIndex(fields=["minute"], name="usage_minute_by_minute", pages_per_range=16)]

    def __str__(self) -> str:
        return f"{self.model} at {self.minute}"


class DaySums(TimedSums):
    """What is added up per UTC day: `timed` have a latency, in `guarded` a guardrail found something."""

    day = models.DateField()
    timed = models.BigIntegerField(db_default=0)
    cache_write_tokens = models.BigIntegerField(db_default=0)
    byok_requests = models.BigIntegerField(db_default=0)
    byok_fee_nano = models.BigIntegerField(db_default=0)
    cached_answers = models.BigIntegerField(db_default=0)
    guarded = models.BigIntegerField(db_default=0)

    class Meta(TimedSums.Meta):
        abstract = True


class UsageDay(DaySums):
    """Sums per day by everything that the hours have, and by endpoint."""

    pk = models.CompositePrimaryKey(
        *("organization_id", "day", "workspace_id", "api_key_id", "member_id"),
        *("model", "provider", "endpoint_id"),
    )
    api_key_id = models.BigIntegerField()
    member_id = models.BigIntegerField()
    model = models.TextField()
    provider = models.TextField()
    endpoint_id = models.BigIntegerField()

    class Meta(DaySums.Meta):
        abstract = False
        db_table = "usage_day"
        indexes = [models.Index(fields=["api_key_id", "day"], name="usage_day_by_key")]

    def __str__(self) -> str:
        return f"{self.model} on {self.day}"


class UsageModelDay(DaySums):
    """Sums per day by what was asked; as few rows as there are models, however many keys and requests."""

    pk = models.CompositePrimaryKey(
        "organization_id", "day", "workspace_id", "model", "provider", "endpoint_id"
    )
    model = models.TextField()
    provider = models.TextField()
    endpoint_id = models.BigIntegerField()

    class Meta(DaySums.Meta):
        abstract = False
        db_table = "usage_model_day"

    def __str__(self) -> str:
        return f"{self.model} on {self.day}"


class UsageKeyDay(DaySums):
    """Sums per day by who asked."""

    pk = models.CompositePrimaryKey("organization_id", "day", "workspace_id", "api_key_id", "member_id")
    api_key_id = models.BigIntegerField()
    member_id = models.BigIntegerField()

    class Meta(DaySums.Meta):
        abstract = False
        db_table = "usage_key_day"

    def __str__(self) -> str:
        return f"key {self.api_key_id} on {self.day}"


class UsageLabelDay(Sums):
    """Sums per day by what the caller calls himself; an empty label: nothing was said.

    An organization has so many labels of a kind a day; what came with further ones is added up as the rest.
    """

    APP, USER = "app", "user"

    pk = models.CompositePrimaryKey("organization_id", "day", "kind", "is_rest", "label", "workspace_id")
    day = models.DateField()
    kind = models.TextField()
    is_rest = models.BooleanField()
    label = models.TextField()

    class Meta(Sums.Meta):
        abstract = False
        db_table = "usage_label_day"

    def __str__(self) -> str:
        return f"{self.label} on {self.day}"


class UsageSpeedDay(TenantModel):
    """A histogram per day: how many requests had a latency (milliseconds) or throughput (tokens/s) of a bucket.

    Bucket n begins at 2^(n/4): the middle of it is at most 9 percent off.
    """

    LATENCY, THROUGHPUT = "latency", "throughput"

    pk = models.CompositePrimaryKey("organization_id", "day", "model", "provider", "kind", "bucket")
    organization_id = models.BigIntegerField()
    day = models.DateField()
    model = models.TextField()
    provider = models.TextField()
    kind = models.TextField()
    bucket = models.SmallIntegerField()
    requests = models.BigIntegerField(db_default=0)

    class Meta(TenantModel.Meta):
        db_table = "usage_speed_day"

    def __str__(self) -> str:
        return f"{self.kind} of {self.model} on {self.day}"
