"""An organization's own endpoints beside the catalog's: of a model that has both, its own are tried first (SPEC §5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from routing.catalog_snapshot import CatalogSnapshot, ModelEntry


def served(slug: str, own: Mapping[str, ModelEntry], catalog: CatalogSnapshot) -> tuple[ModelEntry, ...]:
    """The model as those serve it that may be asked, in the order of asking; empty where nobody knows it."""
    public, mine = catalog.models.get(slug), own.get(slug) if own else None
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
