"""Creating and changing the people who sign in; platform staff do this."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction

from accounts.models import User
from accounts.object_permissions import derive
from accounts.revisions import Action, Actor, Change, Scope, record, snapshot
from config.lib.scoping import unscoped

CHANGEABLE = frozenset({"email", "name", "is_active", "is_superuser"})


class EmailTaken(Exception):
    """Another user has this address."""


class LockedOut(Exception):
    """Somebody would take the platform's administration away from himself."""


def create(*, email: str, name: str, is_superuser: bool, by: Actor) -> User:
    """Create a user without a password, to be set by a reset. Raises EmailTaken."""
    with transaction.atomic():
        try:
            with transaction.atomic():
                user = User.objects.create_user(
                    email, None, name=name, is_superuser=is_superuser, is_staff=is_superuser
                )
        except IntegrityError as error:
            raise EmailTaken("Another user has this address.") from error
        _record("create", user, None, by)
    return user


def change(*, user: User, by: Actor, **changes: Any) -> User:
    """Change a user's columns, all or none. Raises EmailTaken, LockedOut."""
    unknown = changes.keys() - CHANGEABLE
    if unknown:
        raise TypeError(f"a user has no changeable {', '.join(sorted(unknown))}")
    with transaction.atomic():
        locked = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        before = snapshot(locked)
        for name, value in changes.items():
            setattr(locked, name, value.lower() if name == "email" else value)
        locked.is_staff = locked.is_superuser
        if by.user == locked and not (locked.is_active and locked.is_superuser):
            raise LockedOut("You cannot take the platform's administration away from yourself.")
        try:
            with transaction.atomic():
                locked.save()
        except IntegrityError as error:
            raise EmailTaken("Another user has this address.") from error
        _record("update", locked, before, by)
        derive([locked.pk])
    return locked


def _record(action: Action, user: User, before: dict[str, Any] | None, by: Actor) -> None:
    with unscoped(reason="a user belongs to no organization"):
        record(
            Change(
                action=action,
                row=user,
                before=before,
                after=snapshot(user),
                touches=(Scope("user", user.pk),),
            ),
            by=by,
        )
