"""The ledger: append-only, double-entry, in nano-dollars."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models.functions import Now

from config.lib.scoping import TenantModel


class LedgerEntry(TenantModel):
    """One line of a balanced entry; the lines of one `transaction` add up to nothing.

    Account `credits` is what the organization owns; a deposit is positive there and negative in `payments`,
    usage is negative there and positive in `usage`. Usage lines are written by ingest, one pair per
    organization and batch, and name the stretch of journal they came from (spec: money).
    """

    PURCHASE, USAGE, BYOK_FEE = "purchase", "usage", "byok_fee"
    REFUND, ADJUSTMENT, TRANSFER = "refund", "adjustment", "transfer"
    CREDITS, PAYMENTS, REVENUE, ADJUSTMENTS = "credits", "payments", "usage", "adjustments"
    DEPOSITS = (PURCHASE, REFUND, ADJUSTMENT, TRANSFER)

    transaction = models.UUIDField(default=uuid.uuid4)
    organization = models.ForeignKey("accounts.Organization", models.PROTECT, related_name="+")
    kind = models.CharField(max_length=20)
    account = models.CharField(max_length=20)
    amount_nano = models.BigIntegerField()
    description = models.CharField(max_length=500, db_default="")
    created_by = models.ForeignKey("accounts.User", models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    process_id = models.UUIDField(null=True)
    batch = models.BigIntegerField(null=True)
    segment = models.IntegerField(null=True)
    from_offset = models.BigIntegerField(null=True)
    to_offset = models.BigIntegerField(null=True)

    class Meta(TenantModel.Meta):
        db_table = "ledger_entry"
        verbose_name_plural = "ledger entries"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "process_id", "batch", "kind", "account"],
                name="one_ledger_line_per_batch",
                condition=models.Q(process_id__isnull=False),
            ),
            models.CheckConstraint(
                condition=models.Q(
                    kind__in=["purchase", "usage", "byok_fee", "refund", "adjustment", "transfer"]
                ),
                name="ledger_kind",
            ),
        ]
        indexes = [models.Index(fields=["organization", "-created_at", "-id"], name="ledger_by_organization")]

    def __str__(self) -> str:
        return f"{self.kind}/{self.account} {self.amount_nano}"
