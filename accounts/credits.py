"""The only writer of the ledger: deposits here, usage through ingest's batches.

Every entry is balanced: its lines add up to nothing. What an organization owns is the sum of its `credits`
lines; its purse's limit is the sum of its deposits (reconcile R8).
"""

from __future__ import annotations

import uuid

from django.db import transaction
from django.db.models import Sum

from accounts.models import LedgerEntry, Organization
from accounts.revisions import Actor
from config.lib.registry import Slot

credits_deposited: Slot[[int, int], None] = Slot("credits_deposited")
"""Called as (organization id, nano-dollars) in the deposit's transaction; fills the organization's purse."""

COUNTER_ACCOUNT = {
    LedgerEntry.PURCHASE: LedgerEntry.PAYMENTS,
    LedgerEntry.REFUND: LedgerEntry.PAYMENTS,
    LedgerEntry.ADJUSTMENT: LedgerEntry.ADJUSTMENTS,
    LedgerEntry.TRANSFER: LedgerEntry.TRANSFER,
}


class NotADeposit(ValueError):
    """The kind or the amount of a deposit makes no sense."""


def deposit(
    *, organization: Organization, kind: str, amount_nano: int, description: str, by: Actor
) -> uuid.UUID:
    """Book a purchase, refund, adjustment or transfer; negative takes away. Returns the transaction's id.

    Raises NotADeposit for another kind, for nothing at all, and for a purchase below zero.
    """
    if kind not in COUNTER_ACCOUNT or amount_nano == 0 or (kind == LedgerEntry.PURCHASE and amount_nano < 0):
        raise NotADeposit(f"{kind} of {amount_nano} nano-dollars")
    entry = uuid.uuid4()
    with transaction.atomic():
        for account, amount in ((LedgerEntry.CREDITS, amount_nano), (COUNTER_ACCOUNT[kind], -amount_nano)):
            LedgerEntry.objects.create(
                transaction=entry,
                organization=organization,
                kind=kind,
                account=account,
                amount_nano=amount,
                description=description,
                created_by=by.user,
            )
        credits_deposited(organization.pk, amount_nano)
    return entry


def deposited_nano(organization: Organization) -> int:
    """All that was ever paid in, less what was taken back."""
    lines = LedgerEntry.objects.for_organization(organization).filter(account=LedgerEntry.CREDITS)
    deposits = lines.filter(kind__in=LedgerEntry.DEPOSITS)
    return deposits.aggregate(total=Sum("amount_nano"))["total"] or 0


def used_nano(organization: Organization) -> int:
    """All that was ever booked as usage."""
    lines = LedgerEntry.objects.for_organization(organization).filter(account=LedgerEntry.CREDITS)
    used = lines.exclude(kind__in=LedgerEntry.DEPOSITS)
    return -(used.aggregate(total=Sum("amount_nano"))["total"] or 0)
