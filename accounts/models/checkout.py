"""Payments through Stripe: what was asked for, and which events have been heard."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models.functions import Now

from config.lib.scoping import TenantModel


class StripeCheckout(TenantModel):
    """A Checkout session at Stripe; `purchase` is its transaction in the ledger once it is paid.

    `public_id` travels through Stripe as metadata and comes back with every event. `refunded_cents` is what Stripe
    has paid back in all, also if that was heard of before the payment.
    """

    organization = models.ForeignKey("accounts.Organization", models.PROTECT, related_name="+")
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    session_id = models.CharField(max_length=255, unique=True, null=True)
    payment_intent = models.CharField(max_length=255, unique=True, null=True)
    amount_cents = models.BigIntegerField()
    refunded_cents = models.BigIntegerField(default=0)
    purchase = models.UUIDField(unique=True, null=True)
    dispute = models.CharField(max_length=50, db_default="")
    created_by = models.ForeignKey("accounts.User", models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    class Meta(TenantModel.Meta):
        db_table = "stripe_checkout"
        constraints = [
            models.CheckConstraint(condition=models.Q(amount_cents__gt=0), name="stripe_checkout_amount"),
            models.CheckConstraint(
                condition=models.Q(refunded_cents__gte=0), name="stripe_checkout_refunded"
            ),
        ]

    def __str__(self) -> str:
        return self.session_id or str(self.public_id)


class StripeEvent(models.Model):
    """An event of Stripe's that has been dealt with, so that it is not dealt with again."""

    id = models.CharField(max_length=255, primary_key=True)
    kind = models.CharField(max_length=100)
    heard_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "stripe_event"

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"
