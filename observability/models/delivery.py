"""What has to be told to observability destinations."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from config.lib.scoping import TenantModel


class OutboxRow(TenantModel):
    """One generation for one destination, written by ingest in the transaction that books the generation."""

    organization_id = models.BigIntegerField()
    workspace_id = models.BigIntegerField()
    destination_id = models.BigIntegerField()
    generation_id = models.UUIDField()
    body = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta(TenantModel.Meta):
        db_table = "outbox"
        indexes = [models.Index(fields=["destination_id", "id"], name="outbox_by_destination")]

    def __str__(self) -> str:
        return f"{self.generation_id} for {self.destination_id}"
