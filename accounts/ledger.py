"""Reading the ledger: what moved an organization's credits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Sum

from accounts.models import LedgerEntry, Organization
from config.lib.keyset import Page, newest_first
from config.lib.scoping import ScopedQuerySet, tenant

GROUPS = {
    "deposits": LedgerEntry.DEPOSITS,
    "usage": (LedgerEntry.USAGE, LedgerEntry.BYOK_FEE),
}
ROWS_AT_ONCE = 2_000


@dataclass(frozen=True)
class Wanted:
    """Which movements: of a kind, or of a group of kinds (empty: all), from `since` on and before `until`."""

    kind: str = ""
    since: datetime | None = None
    until: datetime | None = None


def kind_name(kind: str) -> str:
    """What a kind of entries is called."""
    return "Fee for own keys" if kind == LedgerEntry.BYOK_FEE else kind.capitalize()


def movements(*, organization: Organization, wanted: Wanted, before: str, size: int) -> Page[LedgerEntry]:
    """A page of the organization's credit lines, newest first. Raises UnknownCursor."""
    lines = credit_lines(organization.pk, wanted).select_related("created_by")
    return newest_first(lines, before=before, size=size)


def all_movements(organization_id: int, wanted: Wanted) -> Iterator[LedgerEntry]:
    """All of them, oldest first, a few at a time from a cursor in a transaction of its own."""
    with tenant(organization_id):
        lines = credit_lines(organization_id, wanted).select_related("created_by")
        yield from lines.order_by("created_at", "pk").iterator(chunk_size=ROWS_AT_ONCE)


def left_of_purchase(organization: Organization, purchase: UUID) -> int | None:
    """What was not refunded yet of a purchase, by its transaction; None where there is no such purchase."""
    lines = LedgerEntry.objects.for_organization(organization).filter(account=LedgerEntry.CREDITS)
    bought = lines.filter(transaction=purchase, kind=LedgerEntry.PURCHASE).first()
    if bought is None:
        return None
    refunds = lines.filter(refers_to=purchase, kind=LedgerEntry.REFUND)
    left: int = bought.amount_nano + (refunds.aggregate(total=Sum("amount_nano"))["total"] or 0)
    return left


def credit_lines(organization_id: int, wanted: Wanted) -> ScopedQuerySet[LedgerEntry]:
    """The organization's lines in the account of its credits."""
    lines = LedgerEntry.objects.for_organization(organization_id).filter(account=LedgerEntry.CREDITS)
    if wanted.kind:
        lines = lines.filter(kind__in=GROUPS.get(wanted.kind, (wanted.kind,)))
    if wanted.since is not None:
        lines = lines.filter(created_at__gte=wanted.since)
    if wanted.until is not None:
        lines = lines.filter(created_at__lt=wanted.until)
    return lines
