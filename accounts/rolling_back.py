"""Bringing one object back to what a revision says it was, which is a revision of its own (SPEC §13.4)."""

from __future__ import annotations

from typing import Final, Literal

from django.db import models, transaction

from accounts.models import Revision
from accounts.permissions import Permission
from accounts.restoring import CannotRestore, Recorded, restorers
from accounts.revisions import Actor, diff

Side = Literal["before", "after"]

NEEDED: Final[dict[str, Permission]] = {"membership": Permission.ROLES_CHANGE}
"""What rolling back asks for where it is more than managing the account: a key that may not change roles may not
bring old ones back either."""

THIS_TRANSACTION = models.Func(
    template="pg_current_xact_id()::text::bigint", output_field=models.BigIntegerField()
)


class _OnlyTried(Exception):
    """Ends a trial, with all that it changed."""


class ChangedSince(Exception):
    """The object was changed after the revision, and the caller asked that it be the newest."""


def permission_to_restore(revision: Revision) -> Permission:
    """What whoever rolls back to the revision has to be allowed."""
    return NEEDED.get(revision.object_type, Permission.ACCOUNT_MANAGE)


def can_be_restored(revision: Revision) -> bool:
    """Whether objects of this kind can be rolled back at all."""
    return revision.object_type in restorers


def roll_back(
    *, revision: Revision, to: Side, by: Actor, reason: str = "", is_newest_required: bool = False
) -> Revision:
    """Bring the object to its state before or after the revision; the new revision that says so.

    The whole object, not only what the revision changed. Raises CannotRestore, and ChangedSince if
    `is_newest_required` and it is not.
    """
    if revision.organization_id is None or not can_be_restored(revision):
        raise CannotRestore(f"What is recorded of a {revision.object_type} cannot be rolled back.")
    state = revision.before if to == "before" else revision.after
    with transaction.atomic():
        if is_newest_required:
            _require_newest(revision, _since(revision))
        recorded = Recorded(revision.organization_id, revision.object_id, state, _changed(revision))
        restorers.at(revision.object_type)(recorded, by.restoring(revision.pk, reason))
        if is_newest_required:
            # Only now is the object locked, and whoever changed it in between is to be seen.
            _require_newest(revision, _since(revision).exclude(transaction_id=THIS_TRANSACTION))
        return _made(revision)


def refusal_of(*, revision: Revision, to: Side, by: Actor) -> str:
    """Why the object cannot be brought to that state; empty where it can. It is tried, and undone at once."""
    try:
        with transaction.atomic():
            roll_back(revision=revision, to=to, by=by)
            raise _OnlyTried
    except _OnlyTried:
        return ""
    except CannotRestore as refusal:
        return str(refusal)


def _changed(revision: Revision) -> frozenset[str]:
    """The columns that the revision changed; a beginning or an end set all of them, and meant none."""
    if revision.before is None or revision.after is None:
        return frozenset()
    return frozenset(diff(revision.before, revision.after))


def _since(revision: Revision) -> models.QuerySet[Revision]:
    rows = Revision.objects.for_organization(revision.organization_id or 0)
    return rows.filter(object_type=revision.object_type, object_id=revision.object_id, pk__gt=revision.pk)


def _require_newest(revision: Revision, others: models.QuerySet[Revision]) -> None:
    if others.exists():
        raise ChangedSince(f"The object was changed after revision {revision.pk}.")


def _made(revision: Revision) -> Revision:
    own = Revision.objects.for_organization(revision.organization_id or 0).filter(
        object_type=revision.object_type, restores=revision.pk, transaction_id=THIS_TRANSACTION
    )
    made = own.select_related("user", "management_key").order_by("-pk").first()
    if made is None:
        raise CannotRestore("It is in this state already.")
    return made
