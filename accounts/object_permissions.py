"""The only writer of django-guardian's rows, which the Django admin reads.

Memberships and seats decide; the rows only repeat them. Whoever changes a membership or a seat calls `derive` in the
same transaction, and `manage.py check_permissions` proves that nothing was forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.models import Permission
from django.db import transaction
from guardian.models import GroupObjectPermission, UserObjectPermission

from accounts.models import Membership, User
from config.lib.registry import Slot
from config.lib.scoping import unscoped

ADMINISTER_ORGANIZATION = "accounts.administer_organization"


@dataclass(frozen=True, order=True)
class Grant:
    """One row: what a user may do to one object. `object_id` is text, as guardian keeps it."""

    user_id: int
    permission: str
    object_id: str


@dataclass(frozen=True)
class Differences:
    """Rows that memberships ask for and that are not there, and rows that nothing asks for."""

    missing: frozenset[Grant]
    unexpected: frozenset[Grant]

    def __bool__(self) -> bool:
        return bool(self.missing or self.unexpected)


grants_due: Slot[[frozenset[int] | None], set[Grant]] = Slot("grants_due")
"""Called with users, or None for everybody, with all organizations' rows in sight; answers what a higher app's
objects ask for."""


def derive(user_ids: Iterable[int]) -> None:
    """Make the rows of these users say what their memberships and seats say."""
    ids = frozenset(user_ids)
    with transaction.atomic(), unscoped(reason="a person's rows come from all of his organizations"):
        # One at a time per person: of two changes at once, the later one sees what the earlier one wrote.
        list(User.objects.filter(pk__in=ids).order_by("pk").select_for_update(no_key=True).values_list("pk"))
        _write(_compare(ids))


def compare_all() -> Differences:
    """How the rows of everybody differ from what they should be."""
    with unscoped(reason="check_permissions compares the rows of everybody"):
        return _compare(None)


def repair_all() -> Differences:
    """Make all rows right, those of groups too; answers what was wrong."""
    with transaction.atomic(), unscoped(reason="check_permissions repairs the rows of everybody"):
        differences = _compare(None)
        _write(differences)
        GroupObjectPermission.objects.all().delete()
    return differences


def group_rows() -> int:
    """How many rows belong to groups; Headgate writes none."""
    return GroupObjectPermission.objects.count()


def _compare(user_ids: frozenset[int] | None) -> Differences:
    due, held = _due(user_ids), _held(user_ids)
    return Differences(missing=frozenset(due - held), unexpected=frozenset(held - due))


def _due(user_ids: frozenset[int] | None) -> set[Grant]:
    memberships = Membership.objects.administrators().filter(organization__deleted_at=None)
    if user_ids is not None:
        memberships = memberships.filter(user_id__in=user_ids)
    pairs = memberships.values_list("user_id", "organization_id")
    return {Grant(user, ADMINISTER_ORGANIZATION, str(pk)) for user, pk in pairs}.union(*grants_due(user_ids))


def _held(user_ids: frozenset[int] | None) -> set[Grant]:
    rows = UserObjectPermission.objects.all()
    if user_ids is not None:
        rows = rows.filter(user_id__in=user_ids)
    columns = ("user_id", "permission__content_type__app_label", "permission__codename", "object_pk")
    return {Grant(user, f"{app}.{name}", pk) for user, app, name, pk in rows.values_list(*columns)}


def _write(differences: Differences) -> None:
    for grant in sorted(differences.unexpected):
        rows = UserObjectPermission.objects.filter(user_id=grant.user_id, object_pk=grant.object_id)
        rows.filter(permission=_permission(grant)).delete()
    for grant in sorted(differences.missing):
        permission = _permission(grant)
        UserObjectPermission.objects.bulk_create(
            [
                UserObjectPermission(
                    user_id=grant.user_id,
                    permission=permission,
                    content_type_id=permission.content_type_id,
                    object_pk=grant.object_id,
                )
            ],
            ignore_conflicts=True,
        )


def _permission(grant: Grant) -> Permission:
    app_label, _, codename = grant.permission.partition(".")
    found: Permission = Permission.objects.get(content_type__app_label=app_label, codename=codename)
    return found
