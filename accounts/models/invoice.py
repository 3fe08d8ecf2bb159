"""What purchases are invoiced to, and the invoices."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from config.lib.scoping import TenantModel


class BillingDetails(TenantModel):
    """Who an organization's invoices are made out to; each invoice keeps a copy."""

    organization = models.OneToOneField(
        "accounts.Organization", models.CASCADE, primary_key=True, related_name="+"
    )
    name = models.CharField(max_length=200)
    address = models.TextField(max_length=1000, blank=True, db_default="")
    tax_id = models.CharField(max_length=50, blank=True, db_default="")
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta(TenantModel.Meta):
        db_table = "billing_details"
        verbose_name_plural = "billing details"

    def __str__(self) -> str:
        return self.name


class Invoice(TenantModel):
    """The receipt of one purchase, numbered per organization without a gap, and never changed.

    `purchase` is the purchase's transaction in the ledger. `lines` are objects with `description` and `amount_nano`.
    """

    organization = models.ForeignKey("accounts.Organization", models.PROTECT, related_name="+")
    number = models.IntegerField()
    purchase = models.UUIDField(unique=True)
    issued_at = models.DateTimeField(db_default=Now())
    issuer = models.TextField(blank=True, db_default="")
    billed_name = models.CharField(max_length=200)
    billed_address = models.TextField(blank=True, db_default="")
    billed_tax_id = models.CharField(max_length=50, blank=True, db_default="")
    lines = models.JSONField()
    amount_nano = models.BigIntegerField()

    class Meta(TenantModel.Meta):
        db_table = "invoice"
        constraints = [
            models.UniqueConstraint(fields=["organization", "number"], name="one_invoice_per_number"),
            models.CheckConstraint(condition=models.Q(number__gt=0), name="invoice_number"),
            models.CheckConstraint(condition=models.Q(amount_nano__gt=0), name="invoice_amount"),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        """The number as it is printed, which is no other organization's."""
        return f"{self.organization_id}-{self.number:05}"
