"""What is left of generations whose partition was dropped: sums, made in the transaction that dropped it."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from config.lib.scoping import TenantModel
from observability.models.usage import DIMENSIONS


class SealedDay(models.Model):
    """A day whose generations are gone, and what they came to."""

    day = models.DateField(primary_key=True)
    generations = models.BigIntegerField()
    cost_nano = models.BigIntegerField()
    sealed_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "sealed_day"

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d}"


class SealedUsage(TenantModel):
    """What dropped generations add to an hour of usage_hour, for R3."""

    pk = models.CompositePrimaryKey(*DIMENSIONS, "hour")
    organization_id = models.BigIntegerField()
    workspace_id = models.BigIntegerField()
    api_key_id = models.BigIntegerField()
    member_id = models.BigIntegerField()
    model = models.TextField()
    provider = models.TextField()
    hour = models.DateTimeField()
    requests = models.BigIntegerField()
    refused = models.BigIntegerField()
    prompt_tokens = models.BigIntegerField()
    completion_tokens = models.BigIntegerField()
    cost_nano = models.BigIntegerField()
    byok_nano = models.BigIntegerField()

    class Meta(TenantModel.Meta):
        db_table = "sealed_usage"

    def __str__(self) -> str:
        return f"{self.model} at {self.hour}"


class SealedSpend(TenantModel):
    """What a subject spent with dropped generations on a day of admission (UTC), for R5: windows begin at midnight."""

    pk = models.CompositePrimaryKey("organization_id", "subject", "day")
    organization_id = models.BigIntegerField()
    subject = models.BigIntegerField()
    day = models.DateField()
    cost_nano = models.BigIntegerField()
    byok_nano = models.BigIntegerField()

    class Meta(TenantModel.Meta):
        db_table = "sealed_spend"
        indexes = [models.Index(fields=["subject", "day"], name="sealed_spend_by_subject")]

    def __str__(self) -> str:
        return f"{self.subject} on {self.day:%Y-%m-%d}"


class SealedBatch(TenantModel):
    """What dropped generations of one organization cost in one batch of ingest, for R2."""

    pk = models.CompositePrimaryKey("organization_id", "process_id", "batch")
    organization_id = models.BigIntegerField()
    process_id = models.UUIDField()
    batch = models.BigIntegerField()
    cost_nano = models.BigIntegerField()

    class Meta(TenantModel.Meta):
        db_table = "sealed_batch"

    def __str__(self) -> str:
        return f"{self.process_id} {self.batch}"
