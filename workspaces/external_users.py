"""Registering a partner's users, and deactivating them again."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import Organization
from accounts.revisions import Actor, Change, record, snapshot
from workspaces.models import ExternalUser

LONGEST_IDENTIFIER = 512


class AlreadyRegistered(Exception):
    """The organization has registered this id, active or not."""


def register(*, organization: Organization, identifier: str, by: Actor) -> ExternalUser:
    """Register an id that a partner gave one of his users. Raises AlreadyRegistered."""
    with transaction.atomic():
        user = ExternalUser(organization=organization, identifier=identifier)
        try:
            with transaction.atomic():
                user.save()
        except IntegrityError as error:
            if "one_registration_per_external_user" in str(error):
                raise AlreadyRegistered("user: is registered already.") from error
            raise
        user.refresh_from_db()
        _record(user, None, by)
    return user


def set_active(*, user: ExternalUser, is_active: bool, by: Actor) -> ExternalUser:
    """Deactivate a registration or activate it again; what it is already changes nothing."""
    with transaction.atomic():
        users = ExternalUser.objects.for_organization(user.organization_id).select_for_update(of=("self",))
        locked: ExternalUser = users.get(pk=user.pk)
        if locked.is_active != is_active:
            before = snapshot(locked)
            locked.is_active, locked.updated_at = is_active, timezone.now()
            locked.save(update_fields=["is_active", "updated_at"])
            _record(locked, before, by)
    return locked


def _record(user: ExternalUser, before: dict[str, object] | None, by: Actor) -> None:
    record(
        Change(
            action="update" if before else "create",
            row=user,
            before=before,
            after=snapshot(user),
            touches=(),  # no gateway knows of registrations
            organization_id=user.organization_id,
        ),
        by=by,
    )
