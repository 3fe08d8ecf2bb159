"""What was recorded of one object, for the Django admin's history pages."""

from __future__ import annotations

from django.db import models

from accounts.models import Revision
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


def who_made(revision: Revision) -> str:
    """The person, or the management key, behind a revision."""
    if revision.user is not None:
        return str(revision.user)
    return str(revision.management_key) if revision.management_key is not None else "Headgate"
