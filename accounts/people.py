"""Creating and changing the people who sign in, and which addresses they have proved to be theirs."""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.db import IntegrityError, transaction

from accounts.models import Organization, User
from accounts.object_permissions import derive
from accounts.revisions import Action, Actor, Change, Scope, move_versions, record, snapshot
from accounts.sessions import end_all
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
        move_version(user)
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
        if locked.email != before["email"]:
            # What he proved was the old one; the new one is proved at the next sign-in.
            EmailAddress.objects.filter(user=locked).delete()
        _record("update", locked, before, by)
        derive([locked.pk])
    return locked


def change_profile(*, user: User, name: str, default_organization: Organization | None, by: Actor) -> User:
    """Change what a person says about himself, and where signing in leads him."""
    with transaction.atomic():
        move_version(user)
        locked = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        before = snapshot(locked)
        locked.name, locked.default_organization = name, default_organization
        locked.save(update_fields=["name", "default_organization"])
        _record("update", locked, before, by)
    return locked


def owns_address(user: User, email: str) -> bool:
    """Whether the person has proved that this address is his."""
    return bool(EmailAddress.objects.filter(user=user, email__iexact=email, verified=True).exists())


def vouch_for_address(user: User) -> None:
    """Take a person's address as proved, because whoever runs Headgate says so."""
    proved = {"verified": True, "primary": True}
    EmailAddress.objects.update_or_create(user=user, email=user.email, defaults=proved)


def move_version(user: User) -> None:
    """Move a person's version on before his row is locked or written, in the caller's transaction.

    Whoever changes a membership moves it first and locks the row then (accounts.object_permissions); the other way
    round the two would wait for each other.
    """
    move_versions([Scope("user", user.pk)])


def reset_two_factor(*, user: User, by: Actor) -> bool:
    """Turn a person's second factor off, and sign him out everywhere; whether it was on."""
    with transaction.atomic():
        removed, _ = Authenticator.objects.filter(user=user).delete()
        if removed:
            end_all(user)
            said = {**snapshot(user), "two_factor": True}
            _record("update", user, said, by, two_factor=False)
    return bool(removed)


def record_resealed_factor(authenticator: Authenticator, reason: str) -> None:
    """Record that a second factor's seed was sealed anew, or wiped, by the command that does so."""
    user = authenticator.user
    said = snapshot(user)
    with unscoped(reason="a user belongs to no organization"):
        record(
            Change(
                action="update",
                row=user,
                before=said,
                after=said,
                touches=(),  # no gateway knows of second factors
                extra={"second_factor": str(authenticator.type)},
            ),
            by=Actor(door="shell", reason=reason),
        )


def record_new_address(*, user: User, old_email: str, by: Actor) -> None:
    """Record that a person proved another address, which is his from now on."""
    _record("update", user, {**snapshot(user), "email": old_email}, by)


def _record(action: Action, user: User, before: dict[str, Any] | None, by: Actor, **extra: object) -> None:
    with unscoped(reason="a user belongs to no organization"):
        record(
            Change(
                action=action,
                row=user,
                before=before,
                after=snapshot(user),
                touches=(Scope("user", user.pk),),
                extra=extra,
            ),
            by=by,
        )
