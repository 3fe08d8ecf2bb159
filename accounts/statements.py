"""What an organization's credits did in a month, from the ledger alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Count, Min, Sum
from django.utils import timezone

from accounts.ledger import Wanted, credit_lines
from accounts.models import LedgerEntry, Organization


@dataclass(frozen=True)
class Movement:
    """All entries of one kind in the month."""

    kind: str
    entries: int
    amount_nano: int


@dataclass(frozen=True)
class Statement:
    """A month in UTC: what there was, what moved, what is left."""

    month: datetime
    opening_nano: int
    movements: tuple[Movement, ...]

    @property
    def closing_nano(self) -> int:
        """The balance when the month ends, or now."""
        return self.opening_nano + sum(movement.amount_nano for movement in self.movements)


def read_month(text: str) -> datetime | None:
    """The start of a month such as `2026-11`, in UTC; None for anything else."""
    try:
        month = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
    except ValueError:
        return None
    return month if text == f"{month:%Y-%m}" and 2000 <= month.year < 9999 else None


def month_after(month: datetime) -> datetime:
    """The start of the next month."""
    return month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)


def statement(organization: Organization, month: datetime) -> Statement:
    """The month's statement; kinds come in the order of the ledger's."""
    earlier = credit_lines(organization.pk, Wanted(until=month))
    lines = credit_lines(organization.pk, Wanted(since=month, until=month_after(month)))
    found = lines.values("kind").annotate(entries=Count("pk"), total=Sum("amount_nano"))
    by_kind = {
        row["kind"]: Movement(row["kind"], row["entries"], row["total"]) for row in found.order_by("kind")
    }
    return Statement(
        month=month,
        opening_nano=earlier.aggregate(total=Sum("amount_nano"))["total"] or 0,
        movements=tuple(by_kind[kind] for kind in LedgerEntry.KINDS if kind in by_kind),
    )


def months_of(organization: Organization) -> list[datetime]:
    """The months that have a statement, newest first: from the first entry to this one."""
    first = credit_lines(organization.pk, Wanted()).aggregate(at=Min("created_at"))["at"] or timezone.now()
    month, last = _start(first), _start(timezone.now())
    months = [month]
    while month < last:
        month = month_after(month)
        months.append(month)
    return months[::-1]


def _start(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
