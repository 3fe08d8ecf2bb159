"""What was recorded of one object, for the Django admin's history pages."""

from __future__ import annotations

from django.db import models

from accounts.models import AuditEvent, Revision
from accounts.revisions import diff
from config.lib.admin import HistoryLine

NEWEST = 200


def history_of(row: models.Model) -> list[HistoryLine]:
    """The object's newest revisions within the scope of the request."""
    of_object = Revision.objects.filter(object_type=row._meta.model_name, object_id=str(row.pk))
    revisions = of_object.select_related("user", "management_key").order_by("-pk")[:NEWEST]
    return [
        HistoryLine(
            at=revision.created_at,
            who=who_made(revision),
            door=revision.door,
            action=revision.action,
            reason=revision.reason,
            changes=diff(revision.before, revision.after),
        )
        for revision in revisions
    ]


def who_made(record: Revision | AuditEvent) -> str:
    """The person, or the key, behind a revision or an event."""
    if record.user is not None:
        return str(record.user)
    if record.management_key is not None:
        return str(record.management_key)
    api_key_id = getattr(record, "api_key_id", None)
    return "Headgate" if api_key_id is None else f"API key {api_key_id}"
