"""The audit log as rows of a file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import Final

from accounts.audit_log import Entry, LogFilter, log_page
from config.lib.scoping import tenant

HEADINGS: Final = ("id", "time", "who", "what", "action", "object", "object id", "door", "address", "reason")
PAGE_SIZE = 500


def export_page(
    organization_id: int, wanted: LogFilter, before: str
) -> tuple[list[Sequence[object]], str | None]:
    """The rows before a cursor and the next cursor, read in a transaction that sees this organization alone."""
    with tenant(organization_id):
        page = log_page(organization_id, wanted, before=before, size=PAGE_SIZE)
        return [_row(entry) for entry in page.rows], page.next_cursor


def _row(entry: Entry) -> Sequence[object]:
    source, revision = entry.source, entry.revision
    return (
        entry.pk,
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
