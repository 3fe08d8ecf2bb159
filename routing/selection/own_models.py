"""An organization's own endpoints beside the catalog's: of a model that has both, its own are tried first (SPEC §5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from routing.catalog_snapshot import CatalogSnapshot, ModelEntry
from routing.policy import Policy


def served(slug: str, policy: Policy, catalog: CatalogSnapshot) -> tuple[ModelEntry, ...]:
    """The model as those serve it that may be asked, in the order of asking; empty where nobody knows it."""
    public = catalog.byok_models.get(slug) if policy.credentials else None
    public = public or catalog.models.get(slug)
    mine = policy.own_models.get(slug) if policy.own_models else None
    if mine is None:
        return () if public is None else (public,)
    return (mine,) if public is None else (mine, public)


def beside(catalog: CatalogSnapshot, own: Mapping[str, ModelEntry]) -> CatalogSnapshot:
    """The catalog as the organization sees it; the very same one where it has no endpoints of its own."""
    if not own:
        return catalog
    models = dict(catalog.models)
    for slug, mine in own.items():
        public = models.get(slug)
        models[slug] = (
            mine if public is None else replace(public, endpoints=(*mine.endpoints, *public.endpoints))
        )
    return replace(catalog, models=models, unroutable=catalog.unroutable - own.keys())
