"""The secrets of a key: which one opens it, by which hashes it is addressed, when each was last used."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.utils import timezone

from workspaces.models import ApiKey, ApiKeyUse, FormerSecret, SecretUse
from workspaces.models.api_key import ApiKeyQuerySet


@dataclass(frozen=True)
class OpenedKey:
    """A key, and which of its secrets opened it; `number` is None where there is only one, so nothing to tell apart."""

    key: ApiKey
    number: int | None = None
    works_until: datetime | None = None


@dataclass(frozen=True)
class Secret:
    """One secret of a key. A partner's own has no label and shows no hash."""

    number: int
    label: str | None
    hash: str | None
    is_current: bool
    works_until: datetime | None
    last_used_at: datetime | None

    @property
    def is_working(self) -> bool:
        """Whether it opens the key, as far as the secret goes."""
        return self.works_until is None or self.works_until > timezone.now()


def opened_by(keys: ApiKeyQuerySet, digest: str) -> OpenedKey | None:
    """The key among these that the secret with this SHA-256 opens, or did before its grace ended.

    Asks twice for what is no present secret: each time by an index, which one OR over two tables would not use.
    """
    key = keys.filter(Q(hash=digest) | Q(external_hash=digest)).first()
    if key is not None:
        return OpenedKey(key, _number(key, digest))
    everybodys = FormerSecret.objects.using(keys.db).unscoped(reason="a secret is found by its hash alone")
    former = everybodys.filter(hash=digest).first()
    key = keys.filter(pk=former.key_id).first() if former else None
    return OpenedKey(key, former.number, former.works_until) if key and former else None


def addressed(keys: ApiKeyQuerySet, digest: str) -> ApiKey | None:
    """The key among these whose present secret, or any former one, has this SHA-256."""
    return keys.filter(hash=digest).first() or keys.filter(former_secrets__hash=digest).first()


def secrets_of(key: ApiKey) -> list[Secret]:
    """The key's secrets: the present one, the partner's own if there is one, and former ones from the newest on."""
    formers = list(FormerSecret.objects.for_organization(key.organization_id).filter(key=key))
    uses = dict(SecretUse.objects.filter(api_key_id=key.pk).values_list("number", "last_used_at"))
    is_alone = not formers and key.external_hash is None
    present = last_use(key) if is_alone else uses.get(key.secret_number)
    found = [Secret(key.secret_number, key.label, key.hash, True, None, present)]
    if key.external_hash is not None:
        found.append(Secret(SecretUse.PARTNERS, None, None, False, None, uses.get(SecretUse.PARTNERS)))
    for former in sorted(formers, key=lambda row: -row.number):
        known = [at for at in (former.last_used_at, uses.get(former.number)) if at is not None]
        last = max(known, default=None)
        found.append(Secret(former.number, former.label, former.hash, False, former.works_until, last))
    return found


def last_use(key: ApiKey) -> datetime | None:
    """When the key was last used, with whichever secret."""
    return ApiKeyUse.objects.filter(api_key_id=key.pk).values_list("last_used_at", flat=True).first()


def _number(key: ApiKey, digest: str) -> int | None:
    if digest == key.external_hash:
        return SecretUse.PARTNERS
    return key.secret_number if key.secret_number > 1 or key.external_hash else None
