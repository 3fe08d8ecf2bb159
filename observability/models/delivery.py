"""What has to be told to observability destinations, what was, and how each destination fares."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models.functions import Now

from config.lib.ids import generation_id
from config.lib.scoping import TenantModel


class Delivery(TenantModel):
    """One generation for one destination, written by ingest in the transaction that books the generation.

    Partitioned by day on the generation's id and dropped by the day. The table is made by SQL, because Django cannot
    describe partitions. `next_at` is when a pending one is due; whoever claims it moves that ahead as a lease.
    `accepted_at` is when it was last asked for, `tried_at` when it was first tried, `attempts` how often since.
    """

    PENDING, SENT, DEAD = "pending", "sent", "dead"

    pk = models.CompositePrimaryKey("destination_id", "generation_id")
    destination_id = models.BigIntegerField()
    generation_id = models.UUIDField()
    organization_id = models.BigIntegerField()
    workspace_id = models.BigIntegerField()
    status = models.TextField()
    attempts = models.SmallIntegerField()
    next_at = models.DateTimeField()
    accepted_at = models.DateTimeField()
    tried_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)
    receipt_id = models.BigIntegerField(null=True)
    last_error = models.TextField(null=True)

    class Meta(TenantModel.Meta):
        db_table = "delivery"
        managed = False
        verbose_name_plural = "deliveries"

    def __str__(self) -> str:
        return f"{self.public_generation_id} for {self.destination_id}"

    @property
    def public_generation_id(self) -> str:
        """The generation as the API names it."""
        return generation_id(self.generation_id)


class DeliveryReceipt(TenantModel):
    """One batch that was sent to a destination, or could not be, and what came back."""

    organization_id = models.BigIntegerField()
    workspace_id = models.BigIntegerField()
    destination_id = models.BigIntegerField()
    outcome = models.CharField(max_length=20)
    traces = models.IntegerField()
    delivered = models.IntegerField(db_default=0)
    sent_bytes = models.BigIntegerField(db_default=0)
    http_status = models.IntegerField(null=True)
    duration_ms = models.IntegerField(null=True)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta(TenantModel.Meta):
        db_table = "delivery_receipt"
        indexes = [models.Index(fields=["destination_id", "-id"], name="receipts_by_destination")]

    def __str__(self) -> str:
        return f"{self.traces} traces for {self.destination_id}: {self.outcome}"


class DeliveryState(TenantModel):
    """How a destination fares: who drains it, its breaker, and what became of all that was accepted for it.

    accepted = sent + dead + pending, always. `dropped` counts what was not accepted because too much was pending.
    The breaker: `failures` in a row, the last batches as bits of `recent` behind a leading one (set: failed), how
    often it `openings` without a success between, and `open_until` when nothing is sent. `is_slow`: the last batch
    took long, so that it may only take the places of the slow. `most_traces`: how many it gets at once, since it was
    too slow for as many as its vendor takes.
    """

    destination = models.OneToOneField(
        "observability.Destination", models.CASCADE, primary_key=True, related_name="delivery_state"
    )
    organization = models.ForeignKey("accounts.Organization", models.CASCADE, related_name="+")
    leased_until = models.DateTimeField(null=True)
    failures = models.IntegerField(db_default=0)
    recent = models.IntegerField(db_default=1)
    openings = models.IntegerField(db_default=0)
    opened_at = models.DateTimeField(null=True)
    open_until = models.DateTimeField(null=True)
    is_slow = models.BooleanField(db_default=False)
    most_traces = models.IntegerField(null=True)
    failing_since = models.DateTimeField(null=True)
    last_delivered_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True)
    accepted = models.BigIntegerField(db_default=0)
    sent = models.BigIntegerField(db_default=0)
    dead = models.BigIntegerField(db_default=0)
    dropped = models.BigIntegerField(db_default=0)

    class Meta(TenantModel.Meta):
        db_table = "delivery_state"

    def __str__(self) -> str:
        return f"deliveries to {self.destination_id}"


class DeliveryJob(TenantModel):
    """Dead letters to be sent again or given up, or past requests to be sent: done in the background, piece by piece.

    The window is by the requests' times, its end excluded; `generation_ids` narrows a job to those. `cursor` is the
    last request that was looked at; `done` counts what was changed, `left_out` what may not be sent (any more).
    """

    REPLAY, DISCARD, BACKFILL = "replay", "discard", "backfill"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    organization = models.ForeignKey("accounts.Organization", models.CASCADE, related_name="+")
    workspace = models.ForeignKey("workspaces.Workspace", models.CASCADE, related_name="+")
    destination = models.ForeignKey("observability.Destination", models.CASCADE, related_name="jobs")
    kind = models.CharField(max_length=10)
    since = models.DateTimeField()
    until = models.DateTimeField()
    generation_ids = models.JSONField(null=True)
    cursor = models.UUIDField(null=True)
    examined = models.IntegerField(db_default=0)
    done = models.IntegerField(db_default=0)
    left_out = models.IntegerField(db_default=0)
    created_by = models.ForeignKey("accounts.User", models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        db_table = "delivery_job"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=("replay", "discard", "backfill")), name="delivery_job_kind"
            ),
            models.CheckConstraint(
                condition=models.Q(since__lt=models.F("until")), name="delivery_job_window"
            ),
        ]
        indexes = [
            models.Index(fields=["destination", "-id"], name="delivery_jobs"),
            models.Index(
                fields=["id"], condition=models.Q(finished_at=None), name="delivery_jobs_unfinished"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.destination_id}"
