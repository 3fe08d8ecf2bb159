"""The only writer of the ledger: deposits here, usage through ingest's batches.

Every entry is balanced: its lines add up to nothing. What an organization owns is the sum of its `credits`
lines; its purse's limit is the sum of its deposits (reconcile R8). Deposits of one organization are booked one after
the other, so that nothing is taken back twice and invoices are numbered without a gap.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from django.db import transaction
from django.db.models import Sum

from accounts import invoices
from accounts.ledger import left_of_purchase
from accounts.models import LedgerEntry, Organization
from accounts.revisions import Actor, Change, Scope, record, snapshot
from config.lib.registry import Slot
from config.lib.scoping import tenant

credits_deposited: Slot[[Mapping[int, int]], None] = Slot("credits_deposited")
"""Called with nano-dollars by organization id in the deposit's transaction; fills the organizations' purses."""

COUNTER_ACCOUNT = {
    LedgerEntry.PURCHASE: LedgerEntry.PAYMENTS,
    LedgerEntry.REFUND: LedgerEntry.PAYMENTS,
    LedgerEntry.ADJUSTMENT: LedgerEntry.ADJUSTMENTS,
    LedgerEntry.TRANSFER: LedgerEntry.TRANSFER,
}
MOST_NANO = 2**62
"""An amount that no sum of an organization's could survive twice."""


class NotADeposit(ValueError):
    """The kind or the amount of a deposit makes no sense."""


class ReferenceTaken(Exception):
    """Something else was booked under this reference."""


class NotAPurchase(Exception):
    """The organization has no such purchase to refund."""


class MoreThanLeft(Exception):
    """More is to be taken back than there is left."""


@dataclass(frozen=True)
class Entry:
    """A deposit to be booked; negative takes away."""

    organization: Organization
    kind: str
    amount_nano: int
    description: str
    reference: str | None = None
    refers_to: UUID | None = None
    transaction: UUID = field(default_factory=uuid.uuid4)


def deposit(
    *,
    organization: Organization,
    kind: str,
    amount_nano: int,
    description: str,
    by: Actor,
    reference: str | None = None,
) -> UUID:
    """Book a purchase, with its invoice, or an adjustment in either direction. Returns the transaction's id.

    The same again under the same reference is the one that was booked. Raises NotADeposit for another kind, for
    nothing at all, and for a purchase below zero; ReferenceTaken.
    """
    is_allowed = kind == LedgerEntry.ADJUSTMENT or (kind == LedgerEntry.PURCHASE and amount_nano > 0)
    if not is_allowed or not 0 < abs(amount_nano) < MOST_NANO:
        raise NotADeposit(f"{kind} of {amount_nano} nano-dollars")
    entry = Entry(organization, kind, amount_nano, description, reference)
    with transaction.atomic():
        _lock(organization)
        booked = _booked(entry)
        if booked is not None:
            return booked.transaction
        line = _book(entry, by)
        if kind == LedgerEntry.PURCHASE:
            invoices.issue(purchase=line)
        credits_deposited({organization.pk: amount_nano})
    return entry.transaction


def refund(
    *,
    organization: Organization,
    purchase: UUID,
    amount_nano: int,
    description: str,
    by: Actor,
    reference: str | None = None,
) -> UUID:
    """Take back a purchase, or a part of it. What was spent already is owed: the balance may fall below zero.

    Raises NotADeposit, NotAPurchase, MoreThanLeft, ReferenceTaken.
    """
    if not 0 < amount_nano < MOST_NANO:
        raise NotADeposit("A refund is more than nothing.")
    entry = Entry(organization, LedgerEntry.REFUND, -amount_nano, description, reference, purchase)
    with transaction.atomic():
        _lock(organization)
        booked = _booked(entry)
        if booked is not None:
            _require_same(booked.refers_to == purchase)
            return booked.transaction
        left = left_of_purchase(organization, purchase)
        if left is None:
            raise NotAPurchase("The organization has no such purchase.")
        if amount_nano > left:
            raise MoreThanLeft("More than is left of the purchase.")
        _book(entry, by)
        credits_deposited({organization.pk: -amount_nano})
    return entry.transaction


def transfer(
    *,
    source: Organization,
    destination: Organization,
    amount_nano: int,
    description: str,
    by: Actor,
    reference: str | None = None,
) -> UUID:
    """Move credits from one organization to another: two balanced entries that name each other. Returns the source's.

    For platform staff. Not more than the books say is left; what is in flight at that moment may still take the
    balance below zero. Raises NotADeposit, MoreThanLeft, ReferenceTaken.
    """
    if not 0 < amount_nano < MOST_NANO or source.pk == destination.pk:
        raise NotADeposit("A transfer is more than nothing, and to another organization.")
    here, there = uuid.uuid4(), uuid.uuid4()
    kind = LedgerEntry.TRANSFER
    taken = Entry(source, kind, -amount_nano, description, reference, there, here)
    given = Entry(destination, kind, amount_nano, description, None, here, there)
    with tenant(source.pk, destination.pk):
        _lock(source, destination)
        booked = _booked(taken)
        if booked is not None:
            theirs = LedgerEntry.objects.for_organization(destination)
            _require_same(theirs.filter(refers_to=booked.transaction).exists())
            return booked.transaction
        if amount_nano > deposited_nano(source) - used_nano(source):
            raise MoreThanLeft("More than the organization has left.")
        for entry in (taken, given):
            _book(entry, by)
        credits_deposited({source.pk: -amount_nano, destination.pk: amount_nano})
    return here


def deposited_nano(organization: Organization) -> int:
    """All that was ever paid in, less what was taken back."""
    lines = LedgerEntry.objects.for_organization(organization).filter(account=LedgerEntry.CREDITS)
    deposits = lines.filter(kind__in=LedgerEntry.DEPOSITS)
    return deposits.aggregate(total=Sum("amount_nano"))["total"] or 0


def balance_nano(organization: Organization) -> int:
    """What is left: deposits less usage, in one query."""
    lines = LedgerEntry.objects.for_organization(organization).filter(account=LedgerEntry.CREDITS)
    return lines.aggregate(total=Sum("amount_nano"))["total"] or 0


def used_nano(organization: Organization) -> int:
    """All that was ever booked as usage."""
    lines = LedgerEntry.objects.for_organization(organization).filter(account=LedgerEntry.CREDITS)
    used = lines.exclude(kind__in=LedgerEntry.DEPOSITS)
    return -(used.aggregate(total=Sum("amount_nano"))["total"] or 0)


def _lock(*organizations: Organization) -> None:
    """Be alone with these organizations' deposits; in one order, so that two transfers never wait for each other.

    Ingest, which only refers to an organization, is not kept waiting (NO KEY).
    """
    for pk in sorted(organization.pk for organization in organizations):
        Organization.objects.for_organization(pk).select_for_update(of=("self",), no_key=True).get()


def _booked(entry: Entry) -> LedgerEntry | None:
    """What was booked under the entry's reference, if it was this. Raises ReferenceTaken if it was not."""
    if entry.reference is None:
        return None
    lines = LedgerEntry.objects.for_organization(entry.organization).filter(account=LedgerEntry.CREDITS)
    line: LedgerEntry | None = lines.filter(reference=entry.reference).first()
    if line is not None:
        _require_same((line.kind, line.amount_nano) == (entry.kind, entry.amount_nano))
    return line


def _require_same(is_same: bool) -> None:
    if not is_same:
        raise ReferenceTaken("Something else was booked under this reference.")


def _book(entry: Entry, by: Actor) -> LedgerEntry:
    """Write both lines, and who did it through which door; the answer is the line of the credits."""
    credit, _ = (
        LedgerEntry.objects.create(
            transaction=entry.transaction,
            organization=entry.organization,
            kind=entry.kind,
            account=account,
            amount_nano=amount,
            description=entry.description,
            reference=entry.reference,
            refers_to=entry.refers_to,
            created_by=by.user,
        )
        for account, amount in (
            (LedgerEntry.CREDITS, entry.amount_nano),
            (COUNTER_ACCOUNT[entry.kind], -entry.amount_nano),
        )
    )
    record(
        Change(
            action="create",
            row=credit,
            before=None,
            after=snapshot(credit),
            # What is left is heard of through the purse; what free models allow depends on what was paid in.
            touches=(Scope("organization", entry.organization.pk),),
            organization_id=entry.organization.pk,
        ),
        by=by.because(entry.description),
    )
    return credit
