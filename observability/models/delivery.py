"""What has to be told to observability destinations, what was, and how each destination fares."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from config.lib.scoping import TenantModel


class Delivery(TenantModel):
    """One generation for one destination, written by ingest in the transaction that books the generation.

    Partitioned by day on the generation's id and dropped by the day. The table is made by SQL, because Django cannot
    describe partitions. `next_at` is when a pending one is due; whoever claims it moves that ahead as a lease.
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
    settled_at = models.DateTimeField(null=True)
    receipt_id = models.BigIntegerField(null=True)
    last_error = models.TextField(null=True)

    class Meta(TenantModel.Meta):
        db_table = "delivery"
        managed = False
        verbose_name_plural = "deliveries"

    def __str__(self) -> str:
        return f"{self.generation_id} for {self.destination_id}"


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
    """

    destination = models.OneToOneField(
        "observability.Destination", models.CASCADE, primary_key=True, related_name="delivery_state"
    )
    organization = models.ForeignKey("accounts.Organization", models.CASCADE, related_name="+")
    leased_until = models.DateTimeField(null=True)
    failures = models.IntegerField(db_default=0)
    open_until = models.DateTimeField(null=True)
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
