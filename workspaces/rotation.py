"""Rotating a key: it gets another secret and stays itself, with its usage, limits and whatever is assigned to it."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts.revisions import Actor, snapshot
from config.lib.keys import INFERENCE_PREFIX, NewKey, new_key
from workspaces.api_keys import IssuedKey, locked_key, record_key
from workspaces.key_secrets import secrets_of
from workspaces.models import ApiKey, FormerSecret

DEFAULT_GRACE_SECONDS = 24 * 3600
MOST_GRACE_SECONDS = 30 * 24 * 3600


class StillInGrace(Exception):
    """A key has one secret besides its present one; the grace of the one before has to end first."""


class NoFormerSecret(Exception):
    """The key never had a secret with this hash."""


class PresentSecret(Exception):
    """The present secret ends with the key, or by rotating it at once."""


def rotate(*, key: ApiKey, by: Actor, grace_seconds: int = DEFAULT_GRACE_SECONDS) -> IssuedKey:
    """Give a key a new secret; the one before opens it until the grace ends. 0 ends every other secret at once.

    A partner's own secret is not touched. Raises StillInGrace.
    """
    fresh = new_key(INFERENCE_PREFIX)
    with transaction.atomic():
        locked = locked_key(key)
        now = timezone.now()
        in_grace = FormerSecret.objects.for_organization(key.organization_id).filter(key=locked).working(now)
        if grace_seconds == 0:
            in_grace.update(works_until=now)
        elif in_grace.exists():
            raise StillInGrace("The secret before this one still works; end it, or rotate with no grace.")
        before = snapshot(locked)
        _replace(locked, fresh, grace_seconds)
        record_key("update", locked, before, by)
    return IssuedKey(locked, fresh.secret)


def end_former(*, key: ApiKey, digest: str, by: Actor) -> None:
    """End a former secret of a key now; one that has ended already stays as it is.

    Raises NoFormerSecret, PresentSecret.
    """
    with transaction.atomic():
        locked = locked_key(key)
        if digest == locked.hash:
            raise PresentSecret(
                "This is the key's present secret: rotate the key with no grace, or delete it."
            )
        formers = FormerSecret.objects.for_organization(key.organization_id).filter(key=locked)
        former = formers.filter(hash=digest).first()
        if former is None:
            raise NoFormerSecret("The key never had such a secret.")
        if former.works_until <= timezone.now():
            return
        before = snapshot(locked)
        former.works_until = timezone.now()
        former.save(update_fields=["works_until"])
        record_key("update", locked, before, by.because(by.reason or f"secret {former.label} ended"))


def _replace(key: ApiKey, fresh: NewKey, grace_seconds: int) -> None:
    """Put the present secret among the former ones, and the fresh one in its place."""
    present = secrets_of(key)[0]
    now = timezone.now()
    FormerSecret.objects.create(
        organization_id=key.organization_id,
        key=key,
        number=key.secret_number,
        hash=key.hash,
        label=key.label,
        works_until=now + timedelta(seconds=grace_seconds),
        last_used_at=present.last_used_at,
    )
    key.hash, key.label, key.updated_at = fresh.hash, fresh.label, now
    key.secret_number += 1
    key.save(update_fields=["hash", "label", "secret_number", "updated_at"])
