"""Which models and providers the layers of guardrails leave, whatever may be asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from routing.catalog_snapshot import EndpointEntry, ModelEntry
from routing.explaining.layers import settings_against
from routing.guardrails.rules import EffectiveRules, merge
from routing.selection.restrictions import why_restricted


class Remaining:
    """What is left of a catalog's models."""

    def __init__(self, models: Iterable[ModelEntry], rules: EffectiveRules, now: datetime) -> None:
        self._models = sorted(models, key=lambda model: model.slug)
        self._rules, self._now = rules, now
        self._layers = [(one.layer.scope, merge([one])) for one in rules.layers]
        self._left = {
            id(entry): self._is_left(model, entry) for model in self._models for entry in model.endpoints
        }

    @property
    def total(self) -> int:
        """How many models there are."""
        return len(self._models)

    @property
    def eligible(self) -> int:
        """How many may be used."""
        return sum(1 for model in self._models if self._entries_left(model))

    def models(self, page: slice) -> list[dict[str, Any]]:
        """A page of all models by slug, as they are told."""
        return [self._model(model) for model in self._models[page]]

    def providers(self) -> list[dict[str, Any]]:
        """All providers by slug, as they are told."""
        total, left, names = Counter[str](), Counter[str](), dict[str, str]()
        for model in self._models:
            for entry in model.endpoints:
                slug = entry.provider.slug
                names[slug] = entry.provider.name
                total[slug] += 1
                left[slug] += self._left[id(entry)]
        return [
            {
                "provider": slug,
                "name": names[slug],
                "is_eligible": left[slug] > 0,
                "endpoints": left[slug],
                "total_endpoints": total[slug],
            }
            for slug in sorted(total)
        ]

    def _model(self, model: ModelEntry) -> dict[str, Any]:
        left = self._entries_left(model)
        scope, setting = (None, None) if left else self._cause(model)
        return {
            "model": model.slug,
            "name": model.name,
            "is_eligible": bool(left),
            "endpoints": len(left),
            "total_endpoints": len(model.endpoints),
            "providers": list(dict.fromkeys(entry.provider.name for entry in left)),
            "scope": scope,
            "setting": setting,
        }

    def _entries_left(self, model: ModelEntry) -> list[EndpointEntry]:
        return [entry for entry in model.endpoints if self._left[id(entry)]]

    def _is_left(self, model: ModelEntry, entry: EndpointEntry) -> bool:
        if self._rules.model_exclusion(model.slug) or why_restricted(entry, self._rules):
            return False
        return entry.deprecated_at is None or entry.deprecated_at > self._now

    def _cause(self, model: ModelEntry) -> tuple[str | None, str | None]:
        """The first layer that leaves out all of a model by itself, else the first that leaves out any of it."""
        exclusion = self._rules.model_exclusion(model.slug)
        if exclusion:
            return exclusion.layer.scope, exclusion.field
        found: list[tuple[int, str, str]] = []
        for scope, alone in self._layers:
            settings = [
                setting for entry in model.endpoints for setting in list(settings_against(entry, alone))[:1]
            ]
            if settings:
                found.append((len(settings), scope, settings[0]))
        most = max(found, key=lambda one: one[0], default=None)
        return (most[1], most[2]) if most else (None, None)
