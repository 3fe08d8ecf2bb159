"""Issuing and revoking management keys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.models import ManagementKey, Organization
from accounts.revisions import Actor, Change, Scope, record, snapshot
from config.lib.keys import MANAGEMENT_PREFIX, new_key


@dataclass(frozen=True)
class IssuedManagementKey:
    """A new key and its secret, which is shown once and kept nowhere."""

    key: ManagementKey
    secret: str


def issue(
    *, organization: Organization, name: str, by: Actor, expires_at: datetime | None = None
) -> IssuedManagementKey:
    """Create a key for the management API of an organization."""
    fresh = new_key(MANAGEMENT_PREFIX)
    with transaction.atomic():
        key = ManagementKey.objects.create(
            organization=organization,
            name=name,
            hash=fresh.hash,
            label=fresh.label,
            created_by=by.user,
            expires_at=expires_at,
        )
        record(
            Change(
                action="create",
                row=key,
                before=None,
                after=snapshot(key),
                touches=(Scope("organization", organization.pk),),
                organization_id=organization.pk,
            ),
            by=by,
        )
    return IssuedManagementKey(key, fresh.secret)


def revoke(*, key: ManagementKey, by: Actor) -> None:
    """End a management key for good."""
    with transaction.atomic():
        before = snapshot(key)
        key.deleted_at = timezone.now()
        key.save(update_fields=["deleted_at"])
        record(
            Change(
                action="delete",
                row=key,
                before=before,
                after=None,
                touches=(Scope("organization", key.organization_id),),
                organization_id=key.organization_id,
            ),
            by=by,
        )
