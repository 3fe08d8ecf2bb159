"""The ledger as a CSV file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC

from django.http import StreamingHttpResponse

from accounts.ledger import Wanted, all_movements
from accounts.models import LedgerEntry, Organization
from config.lib.exports import csv_answer, harmless
from config.lib.money import plain_usd, usd_from_nano

COLUMNS = ("time", "id", "kind", "amount_usd", "description", "reference", "refers_to", "created_by")


def ledger_file(organization: Organization, wanted: Wanted) -> StreamingHttpResponse:
    """All movements, oldest first, exact to the nano-dollar."""
    organization_id = organization.pk

    def rows() -> Iterator[Sequence[str]]:
        for line in all_movements(organization_id, wanted):
            yield _cells(line)

    return csv_answer(name=f"{organization.slug}-ledger.csv", header=COLUMNS, rows=rows)


def _cells(line: LedgerEntry) -> tuple[str, ...]:
    return (
        line.created_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        str(line.transaction),
        line.kind,
        plain_usd(usd_from_nano(line.amount_nano)),
        harmless(line.description),
        harmless(line.reference or ""),
        str(line.refers_to or ""),
        line.created_by.public_id if line.created_by else "",
    )
