"""Which endpoints of a model are asked with the caller's own credentials, and where he has to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple, TypeAlias

from routing.catalog_snapshot import CatalogSnapshot, EndpointEntry
from routing.usable_credential import UsableCredential

BYOK_ONLY = "byok_only"
"""Why shared capacity is not asked: the organization wants its own credentials to be used at this provider."""
NO_CREDENTIAL = "no_credential"
"""Why an endpoint is not asked: neither this installation nor the caller has a credential for it."""

Credentials: TypeAlias = Mapping[str, tuple[UsableCredential, ...]]


class Carriers(NamedTuple):
    """Endpoints that carry a credential: those to try before shared capacity, and those after it."""

    prioritized: list[EndpointEntry]
    fallback: list[EndpointEntry]


def carriers_of(entries: Iterable[EndpointEntry], credentials: Credentials) -> Carriers:
    """The endpoints once with each credential that is for them."""
    carriers = Carriers([], [])
    for entry in entries:
        for credential in credentials.get(entry.provider.slug, ()):
            if credential.is_for(entry.model) and not entry.is_private:
                carriers[credential.is_fallback].append(credential.carried_by(entry))
    return carriers


def why_closed(entry: EndpointEntry, credentials: Credentials) -> str | None:
    """Why the endpoint may not be asked without a credential of one's own, or None."""
    if entry.provider.needs_credential:
        return NO_CREDENTIAL
    own = credentials.get(entry.provider.slug)
    if own is None or entry.is_private or not any(credential.closes(entry.model) for credential in own):
        return None
    return BYOK_ONLY


def reachable(catalog: CatalogSnapshot, credentials: Credentials) -> CatalogSnapshot:
    """The catalog as somebody with these credentials sees it; the very same where they lead nowhere else."""
    if not credentials or not catalog.byok_models:
        return catalog
    models = dict(catalog.models)
    for slug, model in catalog.byok_models.items():
        reached = tuple([entry for entry in model.endpoints if _is_reached(entry, credentials)])
        if reached:
            models[slug] = replace(model, endpoints=reached)
    providers = {slug: found for slug, found in catalog.byok_providers.items() if slug in credentials}
    return replace(
        catalog,
        models=models,
        providers={**catalog.providers, **providers},
        unroutable=catalog.unroutable - models.keys(),
    )


def _is_reached(entry: EndpointEntry, credentials: Credentials) -> bool:
    if not entry.provider.needs_credential:
        return True
    return any(credential.is_for(entry.model) for credential in credentials.get(entry.provider.slug, ()))
