"""A private endpoint as the data plane holds it, and the credential that its requests carry.

Ids of private endpoints and of their price versions are negative in the data plane and in the books: they are counted
in tables of their own, and so never meet those of the platform's catalog.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from config.lib.crypto import SealingError, sealing_ring
from routing.catalog_snapshot import EndpointEntry, Price, ServedBy
from routing.models import ByokCredential, PrivateEndpoint
from routing.models.private_endpoint import BYOK, NO_CREDENTIAL
from routing.private_upstreams import OF_CREDENTIAL, STEERED, key_of
from workspaces.models import ApiKey

log = logging.getLogger(__name__)


class NoCredential(Exception):
    """There is none that the endpoint's requests could carry."""


class UnopenedCredential(Exception):
    """There is one, and this installation's sealing keys do not open it."""


def entry_of(row: PrivateEndpoint, *, name: str, price: Price, credential: str) -> EndpointEntry:
    """The endpoint; `name` is its provider's. What was not declared is taken for the worse."""
    served_by = ServedBy(
        slug=row.provider,
        name=name,
        wire_format=row.wire_format,
        base_url=row.base_url if row.base_url is not None else OF_CREDENTIAL[row.wire_format],
        credential=credential,
        is_users_address=row.wire_format in STEERED,
    )
    return EndpointEntry(
        id=-row.pk,
        tag=f"{row.provider}/{row.public_id}",
        model=row.model_slug,
        upstream_model=row.upstream_model,
        provider=served_by,
        price=price,
        context_length=row.context_length,
        max_prompt_tokens=None,
        max_completion_tokens=row.max_completion_tokens,
        supported_parameters=frozenset(row.supported_parameters),
        quantization=None,
        region=row.declared_region,
        service_tier=None,
        trains_on_prompts=False,
        retains_prompts=not row.declared_zdr,
        retention_days=None,
        can_publish=False,
        is_zdr=bool(row.declared_zdr),
        is_private=True,
    )


def credential_of(row: PrivateEndpoint, usable: Iterable[ByokCredential], key: ApiKey | None) -> str:
    """What requests to the endpoint carry; empty where it wants nothing. Raises NoCredential, UnopenedCredential.

    `usable` are the workspace's BYOK credentials in their order; the first that is for the endpoint's provider and
    model, and for the key that asks if there is one, is taken.
    """
    if row.authentication == NO_CREDENTIAL:
        return ""
    if row.authentication == BYOK:
        found = next((one for one in usable if _is_for(one, row, key)), None)
        if found is None:
            raise NoCredential(row.provider)
        return key_of(row.provider, _opened(found.sealed_secret, found.secret_identity))
    if not row.sealed_secret:
        raise NoCredential(row.provider)
    return _opened(row.sealed_secret, row.secret_identity)


def _is_for(credential: ByokCredential, row: PrivateEndpoint, key: ApiKey | None) -> bool:
    if credential.provider != row.provider or credential.is_disabled:
        return False
    if credential.allowed_models is not None and row.model_slug not in credential.allowed_models:
        return False
    if key is None:
        return True
    keys, members = credential.allowed_api_key_ids, credential.allowed_member_ids
    return (keys is None or key.pk in keys) and (members is None or key.owner_id in members)


def _opened(sealed: str, identity: str) -> str:
    try:
        return sealing_ring().open(sealed, identity=identity).decode()
    except SealingError as error:
        log.error("the credential of a private endpoint cannot be opened (%s): %s", identity, error)
        raise UnopenedCredential(str(error)) from error
