"""Models to suggest instead of those that cannot be served: hints, found without delaying the refusal."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from routing.catalog_snapshot import CatalogSnapshot, ModelEntry
from routing.pricing import typical_femto
from routing.selection.variants import resolve

MOST = 3


def suggest(
    requested: Sequence[str], catalog: CatalogSnapshot, can_serve: Callable[[ModelEntry], bool]
) -> tuple[str, ...]:
    """Other models of the first requested one's author that could serve the request, the likeliest first.

    The model without its variant goes first, then what is near in price; of a model that does not exist, only
    the name can be compared.
    """
    slug = requested[0]
    named = resolve(slug, catalog)
    model = catalog.models.get(slug) or named.model
    author = (model.slug if model else slug).partition("/")[0]
    if not author or "/" not in slug:
        return ()
    others = [
        other
        for name, other in catalog.models.items()
        if name.startswith(author + "/") and name not in requested and other is not model
    ]
    ranked = sorted(others, key=_by_price(model) if model else _by_name(slug))
    if named.instead in catalog.models:
        ranked.sort(key=lambda other: other.slug != named.instead)
    return tuple(_first(ranked, can_serve))


def _first(ranked: Sequence[ModelEntry], can_serve: Callable[[ModelEntry], bool]) -> list[str]:
    found: list[str] = []
    for model in ranked:
        if len(found) == MOST:
            break
        if can_serve(model):
            found.append(model.slug)
    return found


def _by_price(model: ModelEntry) -> Callable[[ModelEntry], tuple[int, str]]:
    own = _price(model)
    return lambda other: (abs(_price(other) - own), other.slug)


def _by_name(slug: str) -> Callable[[ModelEntry], tuple[int, str]]:
    return lambda other: (-_alike(slug, other.slug), other.slug)


def _alike(one: str, other: str) -> int:
    """How many letters two names begin with alike."""
    return next(
        (index for index, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )


def _price(model: ModelEntry) -> int:
    return min([typical_femto(endpoint.price) for endpoint in model.endpoints], default=0)
