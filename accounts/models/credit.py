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

    `refers_to` is the transaction of the purchase that a refund takes back, or of a transfer's other half. An
    external `reference` (a payment's number) is booked once per organization.
    """

    PURCHASE, USAGE, BYOK_FEE = "purchase", "usage", "byok_fee"
    REFUND, ADJUSTMENT, TRANSFER = "refund", "adjustment", "transfer"
    CREDITS, PAYMENTS, REVENUE, ADJUSTMENTS = "credits", "payments", "usage", "adjustments"
    DEPOSITS = (PURCHASE, REFUND, ADJUSTMENT, TRANSFER)
    KINDS = (*DEPOSITS, USAGE, BYOK_FEE)

    transaction = models.UUIDField(default=uuid.uuid4)
    organization = models.ForeignKey("accounts.Organization", models.PROTECT, related_name="+")
    kind = models.CharField(max_length=20)
    account = models.CharField(max_length=20)
    amount_nano = models.BigIntegerField()
    description = models.CharField(max_length=500, db_default="")
    reference = models.CharField(max_length=255, null=True)
    refers_to = models.UUIDField(null=True)
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
            models.UniqueConstraint(
                fields=["organization", "reference", "account"],
                name="one_entry_per_reference",
                condition=models.Q(reference__isnull=False),
            ),
            models.CheckConstraint(
                condition=models.Q(
                    kind__in=["purchase", "usage", "byok_fee", "refund", "adjustment", "transfer"]
                ),
                name="ledger_kind",
            ),
            models.CheckConstraint(
                condition=~models.Q(kind__in=["refund", "transfer"]) | models.Q(refers_to__isnull=False),
                name="ledger_refers_to",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "-created_at", "-id"], name="ledger_by_organization"),
            models.Index(
                fields=["refers_to"],
                name="ledger_by_what_it_refers_to",
                condition=models.Q(refers_to__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}/{self.account} {self.amount_nano}"
