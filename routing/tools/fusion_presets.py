"""Panels to choose from by name, and what they come to with the models that are here. Pure.

A deployment of one's own may lack the models that a preset names. With fewer than two of them the panel is chosen
from the catalog: models whose price is near a percentile that stands for the preset's tier, of different authors if
it can be.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import NamedTuple

from routing.catalog_snapshot import CatalogSnapshot, ModelEntry
from routing.pricing import typical_femto
from routing.selection.variants import FREE_MARK, is_free, resolve

OURS = ("openrouter/", "headgate/")
TEXT = "text"
LEAST = 2
"""So many of a preset's models make a panel."""
CHOSEN = 3
"""So many are chosen from the catalog, if there are."""

OPUS = ("~anthropic/claude-opus-latest",)
KIMI = ("~moonshotai/kimi-latest", "moonshotai/kimi-k3", "moonshotai/kimi-k2.6", "moonshotai/kimi-k2")


class Preset(NamedTuple):
    """A panel and its analyst: for each the names to try, the best first, and the percentile that stands for them."""

    panel: tuple[tuple[str, ...], ...]
    analyst: tuple[str, ...]
    percentile: int


PRESETS: dict[str, Preset] = {
    "general-high": Preset(
        (
            OPUS,
            ("~openai/gpt-sol-latest", "~openai/gpt-latest"),
            ("~google/gemini-pro-latest",),
        ),
        OPUS,
        80,
    ),
    "general-budget": Preset(
        (
            ("~google/gemini-flash-latest",),
            ("deepseek/deepseek-v3.2", "~deepseek/deepseek-flash-latest", "deepseek/deepseek-chat"),
            KIMI,
        ),
        OPUS,
        30,
    ),
    "general-fast": Preset(
        (
            ("~anthropic/claude-haiku-latest",),
            ("~openai/gpt-luna-latest", "~openai/gpt-mini-latest"),
            ("~google/gemini-flash-lite-latest", "~google/gemini-flash-latest"),
        ),
        OPUS,
        15,
    ),
}
QUALITY, FAST = "general-high", "general-fast"


class Resolved(NamedTuple):
    """A panel of models that exist and its analyst: first of the strongest panel where the preset's is not here."""

    panel: tuple[str, ...]
    analyst: str | None


def resolved(name: str, catalog: CatalogSnapshot, now: datetime, *, is_costless: bool = False) -> Resolved:
    """What a preset comes to with a catalog, of free models only if that is asked; empty where no model can be used."""
    usable = {
        slug: model
        for slug, model in catalog.models.items()
        if _can_chat(model, now) and is_free(slug) == is_costless
    }
    seen = CatalogSnapshot(catalog.version, usable, catalog.providers)
    panel = _panel(PRESETS[name], seen, is_costless)
    analyst = _named(PRESETS[name].analyst, seen, is_costless)
    if analyst is None:
        analyst = next(iter(_panel(PRESETS[QUALITY], seen, is_costless)), None)
    return Resolved(panel, analyst)


def concrete(slug: str, catalog: CatalogSnapshot) -> str:
    """The model that an alias of the newest means here; any other name as it is."""
    if not slug.startswith("~"):
        return slug
    base, colon, variant = slug.partition(":")
    model = resolve(base, catalog).model
    return slug if model is None else f"{model.slug}{colon}{variant}"


def _panel(preset: Preset, usable: CatalogSnapshot, is_costless: bool) -> tuple[str, ...]:
    found = [_named(names, usable, is_costless) for names in preset.panel]
    named = tuple(dict.fromkeys([slug for slug in found if slug is not None]))
    return named if len(named) >= LEAST else tuple(_near(preset.percentile, list(usable.models.values())))


def _named(names: Sequence[str], usable: CatalogSnapshot, is_costless: bool) -> str | None:
    """The first of some names that is a model's which can be used."""
    for name in names:
        slug = concrete(name, usable)
        if is_costless:  # a family's newest is never a free variant
            slug = f"{slug}{FREE_MARK}"
        if slug in usable.models:
            return slug
    return None


def _near(percentile: int, models: Sequence[ModelEntry]) -> Iterator[str]:
    """The models nearest to a percentile of price, each author's first one before anybody's second."""
    prices = sorted(map(_price, models))
    ranked = sorted(
        models,
        key=lambda model: (
            abs(100 * bisect_left(prices, _price(model)) // len(prices) - percentile),
            -len(model.endpoints),
            -model.created_at.timestamp(),
            model.slug,
        ),
    )
    by_author: dict[str, list[str]] = {}
    for model in ranked:
        by_author.setdefault(model.author, []).append(model.slug)
    turns = [slug for turn in zip_longest(*by_author.values()) for slug in turn if slug is not None]
    yield from turns[:CHOSEN]


def _price(model: ModelEntry) -> int:
    return min([typical_femto(endpoint.price) for endpoint in model.endpoints], default=0)


def _can_chat(model: ModelEntry, now: datetime) -> bool:
    if (
        model.slug.startswith(OURS)
        or model.output_modalities != (TEXT,)
        or TEXT not in model.input_modalities
    ):
        return False
    if model.expires_at is not None and model.expires_at <= now:
        return False
    return any(entry.deprecated_at is None or entry.deprecated_at > now for entry in model.endpoints)
