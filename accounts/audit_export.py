"""The audit log as a CSV file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC
from functools import partial
from typing import Final

from django.http import StreamingHttpResponse

from accounts.audit_log import Entry, LogFilter, log_page
from accounts.models import Organization
from config.lib.exports import csv_answer, harmless
from config.lib.scoping import tenant

COLUMNS: Final = ("id", "time", "who", "what", "action", "object", "object id", "door", "address", "reason")
PAGE_SIZE = 500


def audit_file(organization: Organization, wanted: LogFilter) -> StreamingHttpResponse:
    """Every entry that is wanted, newest first."""
    rows = partial(_rows, organization.pk, wanted)
    return csv_answer(name=f"audit-log-{organization.slug}.csv", header=COLUMNS, rows=rows)


def _rows(organization_id: int, wanted: LogFilter) -> Iterator[Sequence[str]]:
    """Page by page, each in a transaction of its own that sees this organization alone."""
    cursor: str | None = ""
    while cursor is not None:
        with tenant(organization_id):
            page = log_page(organization_id, wanted, before=cursor, size=PAGE_SIZE)
            rows = [_cells(entry) for entry in page.rows]
        yield from rows
        cursor = page.next_cursor


def _cells(entry: Entry) -> Sequence[str]:
    source, revision = entry.source, entry.revision
    cells = (
        str(entry.pk),
        source.created_at.astimezone(UTC).isoformat(),
        entry.who,
        entry.summary,
        entry.action,
        revision.object_type if revision else "",
        revision.object_id if revision else "",
        source.door,
        source.address or "",
        revision.reason if revision else "",
    )
    return [harmless(cell) for cell in cells]
