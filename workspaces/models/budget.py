"""Purses, the leases on them, and the processes that hold leases (spec: money §1)."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import models
from django.db.models.functions import Now

from config.lib.scoping import TenantModel

LIFETIME_START = datetime(2000, 1, 1, tzinfo=UTC)


class Purse(TenantModel):
    """What one subject spent in the current window of one interval, and what processes hold of it.

    Columns are written by `lease_op` and ingest; limits by workspaces.spending. Amounts are nano-dollars. The limits
    are compared with what was spent, with that and BYOK, and with BYOK alone (the allowance that is free of the fee).
    """

    organization = models.ForeignKey("accounts.Organization", models.CASCADE, related_name="+")
    subject = models.BigIntegerField()
    interval = models.CharField(max_length=1)
    limit_nano = models.BigIntegerField(null=True)
    limit_with_byok_nano = models.BigIntegerField(null=True)
    limit_on_byok_nano = models.BigIntegerField(null=True)
    is_strict = models.BooleanField(db_default=False)
    window_start = models.DateTimeField(db_default=LIFETIME_START)
    spent_nano = models.BigIntegerField(db_default=0)
    byok_nano = models.BigIntegerField(db_default=0)
    leased_nano = models.BigIntegerField(db_default=0)
    unit_nano = models.BigIntegerField(db_default=1)
    is_tight = models.BooleanField(db_default=False)
    loose = models.IntegerField(db_default=0)
    holders = models.IntegerField(db_default=0)

    class Meta(TenantModel.Meta):
        db_table = "purse"
        constraints = [
            models.UniqueConstraint(
                fields=["subject", "interval"], name="one_purse_per_subject_and_interval"
            ),
            models.CheckConstraint(
                condition=models.Q(interval__in=["d", "w", "m", "t"]), name="purse_interval"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject}/{self.interval}"


class GatewayProcess(models.Model):
    """A gateway process that may hold leases; `epoch` rises when it was fenced."""

    id = models.UUIDField(primary_key=True)
    host = models.CharField(max_length=255)
    epoch = models.IntegerField(db_default=0)
    heartbeat_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "gateway_process"

    def __str__(self) -> str:
        return f"{self.host} {self.id}"


class Lease(models.Model):
    """Money of a purse that a process may spend in memory; consumed is what ingest has booked of it."""

    pk = models.CompositePrimaryKey("process_id", "purse_id", "window_start")
    process_id = models.UUIDField()
    purse = models.ForeignKey(Purse, models.DO_NOTHING, related_name="+")
    window_start = models.DateTimeField()
    granted_nano = models.BigIntegerField()
    consumed_nano = models.BigIntegerField(db_default=0)
    is_loose = models.BooleanField()

    class Meta:
        db_table = "lease"

    def __str__(self) -> str:
        return f"{self.process_id} on {self.purse_id}"
