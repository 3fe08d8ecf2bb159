"""What of the catalog a principal may use at all: for lists that shall show nothing else."""

from __future__ import annotations

from dataclasses import replace

from routing.catalog_snapshot import CatalogSnapshot, EndpointEntry, ModelEntry
from routing.policy import Policy
from routing.selection.byok import reachable
from routing.selection.own_models import beside
from routing.selection.restrictions import why_restricted


def seen_by(policy: Policy, catalog: CatalogSnapshot) -> CatalogSnapshot:
    """The catalog as it is for whoever asks: with his own models, without those that he may not use."""
    return permitted(beside(reachable(catalog, policy.credentials), policy.own_models), policy)


def permitted(catalog: CatalogSnapshot, policy: Policy) -> CatalogSnapshot:
    """The catalog without what the layers of guardrails leave out; the very same where they leave out nothing."""
    if not policy.rules.narrows:
        return catalog
    models = {}
    for slug, model in catalog.models.items():
        endpoints = _permitted_of(model, slug, policy)
        if endpoints:
            models[slug] = replace(model, endpoints=endpoints)
    return replace(catalog, models=models)


def _permitted_of(model: ModelEntry, slug: str, policy: Policy) -> tuple[EndpointEntry, ...]:
    if policy.rules.model_exclusion(slug, model.slug):
        return ()
    return tuple([entry for entry in model.endpoints if _is_permitted(entry, policy)])


def _is_permitted(entry: EndpointEntry, policy: Policy) -> bool:
    """Whether it may be asked, if only with a credential whose account is declared to be another."""
    own = policy.credentials.get(entry.provider.slug, ())
    carriers = [credential.carried_by(entry) for credential in own if credential.is_for(entry.model)]
    return any(why_restricted(each, policy.rules) is None for each in (entry, *carriers))
