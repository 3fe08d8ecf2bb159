"""The credentials that requests with a key may be sent with, opened; and what they may cost free of the fee."""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Mapping

from config.lib.crypto import SealingError, sealing_ring
from config.lib.subjects import organization_subject
from routing.credential_formats import GLOBAL, KEY_NAMES_REGION
from routing.models import ByokCredential
from routing.policy import PurseLimit
from routing.usable_credential import UsableCredential
from workspaces.models import ApiKey, Purse

AZURE = "azure"
ALLOWANCE = "byok_allowance"
"""The layer of the purse that the free allowance is counted on; it refuses nobody."""

log = logging.getLogger(__name__)


def credentials_of(key: ApiKey, *, using: str) -> Mapping[str, tuple[UsableCredential, ...]]:
    """The credentials by provider, as they are tried: prioritized before fallback, own before global.

    One query. A secret that this installation cannot open is logged and not used.
    """
    live = ByokCredential.objects.using(using).for_organization(key.organization_id).live()
    rows = live.usable_in(key.workspace).filter(is_disabled=False).in_order()
    usable: dict[str, list[UsableCredential]] = defaultdict(list)
    for row in rows:
        if _admits(row, key) and (credential := usable_of(row)) is not None:
            usable[row.provider].append(credential)
    return {provider: tuple(credentials) for provider, credentials in usable.items()}


def allowance_of(organization_id: int, *, using: str) -> PurseLimit | None:
    """The purse that says how much of this month's BYOK is free of the fee; None: nothing is."""
    purses = Purse.objects.using(using).for_organization(organization_id)
    wanted = purses.filter(subject=organization_subject(organization_id), interval="m")
    row = wanted.exclude(limit_on_byok_nano=None).first()
    if row is None:
        return None
    return PurseLimit(
        purse_id=row.pk,
        interval="m",
        is_strict=True,
        layer=ALLOWANCE,
        limit_nano=row.limit_on_byok_nano,
        counts_byok=True,
    )


def usable_of(row: ByokCredential) -> UsableCredential | None:
    """The credential, opened; None where it does not open and need not keep anybody from shared capacity."""
    secret = _opened(row)
    if not secret and not (row.is_required or row.is_byok_only):
        return None
    return UsableCredential(
        id=row.pk,
        provider=row.provider,
        secret=secret,
        is_fallback=row.is_fallback,
        is_required=row.is_required,
        is_byok_only=row.is_byok_only,
        declared_zdr=row.declared_zdr,
        declared_region=None if row.declared_region == GLOBAL else row.declared_region,
        models=None if row.allowed_models is None else frozenset(map(str.lower, row.allowed_models)),
        deployed=_deployed(row.provider, secret),
    )


def _admits(row: ByokCredential, key: ApiKey) -> bool:
    """Whether its filters let requests with this key use it; a key of nobody's is no member's."""
    keys, members = row.allowed_api_key_ids, row.allowed_member_ids
    return (keys is None or key.pk in keys) and (members is None or key.owner_id in members)


def _opened(row: ByokCredential) -> str:
    """What is sent to the provider; empty where the secret cannot be opened."""
    try:
        text = sealing_ring().open(row.sealed_secret, identity=row.secret_identity).decode()
        if row.provider in KEY_NAMES_REGION and text.startswith("{"):
            return str(json.loads(text)["api_key"])
    except (SealingError, ValueError, KeyError, TypeError) as error:
        log.error("BYOK credential %s cannot be opened: %s", row.public_id, type(error).__name__)
        return ""
    return text


def _deployed(provider: str, secret: str) -> frozenset[str] | None:
    """The models that an Azure credential has deployments of, if it has no resource that serves others."""
    if provider != AZURE or not secret:
        return None
    found = json.loads(secret)
    entries = found if isinstance(found, list) else [found]
    if any("resource_name" in entry for entry in entries):
        return None
    return frozenset(entry["model_slug"].lower() for entry in entries)
