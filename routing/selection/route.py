"""The attempts that a decision allows, put together model by model."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from routing.call import NO_PREFERENCES, Call, ProviderPreferences
from routing.catalog_snapshot import EndpointEntry, ModelEntry
from routing.decision import Attempt, Dropped, Stats, Step
from routing.guardrails.rules import Exclusion
from routing.policy import Policy
from routing.pricing import estimate
from routing.selection.ability import asked_tier, can_all, most_able, wanted_of
from routing.selection.filters import DISTILLABLE, why_dropped
from routing.selection.order import order_endpoints, prefer
from routing.selection.preferences import for_variant, merge
from routing.selection.restrictions import FORBIDDEN_MODEL, why_restricted
from routing.selection.thresholds import is_slow
from routing.selection.variants import PLAIN, Variant

NO_FALLBACKS, EXPIRED_MODEL, WRONG_ENDPOINT = "allow_fallbacks", "model_deprecated", "wrong_endpoint"


class Route:
    """Collects, model by model, what may be tried and what was dropped; lives within one `decide`."""

    __slots__ = (
        "_call",
        "_has_thresholds",
        "_models",
        "_now",
        "_now_seconds",
        "_pool",
        "_pool_wishes",
        "_rules",
        "_sort",
        "_stats",
        "_sticky",
        "_tier",
        "_wanted",
        "_wishes",
        "attempts",
        "dropped",
        "forbidden",
        "seed",
        "steps",
    )

    def __init__(
        self, policy: Policy, call: Call, stats: Stats, seed: int, now: datetime, sticky: Collection[int]
    ) -> None:
        self._call, self._stats, self._now, self.seed = call, stats, now, seed
        self._sticky = sticky
        self._now_seconds = now.timestamp() if stats else 0.0
        self._rules = policy.rules if policy.rules.narrows else None
        self._wishes = merge(call.preferences, policy.routing.preferences)
        has_tools = "tools" in call.parameters
        self._sort = "exacto" if has_tools and policy.routing.is_auto_exacto_enabled else None
        self.forbidden: list[Exclusion] = []
        self._wanted, self._tier = wanted_of(call), asked_tier(call)
        self._has_thresholds = self._wishes is not NO_PREFERENCES and bool(
            self._wishes.preferred_min_throughput or self._wishes.preferred_max_latency
        )
        self._models: list[str] = []
        self._pool: list[EndpointEntry] = []
        self._pool_wishes = self._wishes
        self.attempts: list[Attempt] = []
        self.dropped: list[Dropped] = []
        self.steps: list[Step] = [Step("key", "live")]

    def add(self, slug: str, model: ModelEntry, variant: Variant) -> None:
        """Try this model after those that were added before; with partition `none`, among them."""
        if model.slug in self._models:
            return  # by another of its names
        self._models.append(model.slug)
        if reason := self._why_not(slug, model):
            self.dropped.append(Dropped(slug, "", reason))
            return
        wishes = self._wishes
        if variant is not PLAIN:
            wishes = for_variant(wishes, self._call.preferences, variant)
        remaining = [entry for entry in model.endpoints if self._remains(slug, entry, wishes, variant.tier)]
        if self._wanted or self._tier or not can_all(remaining, self._call.max_tokens):
            remaining, left_out = most_able(remaining, self._call, self._wanted, self._tier)
            self.dropped += [Dropped(slug, entry.tag, reason) for entry, reason in left_out]
        if wishes.partition == "none" and not wishes.order:
            self._pool_wishes = wishes if not self._pool else self._pool_wishes
            self._pool += remaining
        else:
            self._attempt(remaining, wishes)
        self.steps.append(Step("endpoints", f"{slug}: {len(remaining)} of {len(model.endpoints)}"))

    def finish(self) -> None:
        """Put the attempts of all models in order, where that goes beyond one model."""
        if self._pool:
            self._attempt(self._pool, self._pool_wishes)
        if self._has_thresholds:
            self.attempts.sort(key=lambda attempt: self._is_slow(attempt.endpoint))

    def can_serve(self, model: ModelEntry) -> bool:
        """Whether anybody could serve the call with this model."""
        if self._rules and self._rules.model_exclusion(model.slug, model.slug):
            return False
        if self._why_unserved(model) is not None:
            return False
        return any(self._why_dropped(entry, self._wishes) is None for entry in model.endpoints)

    def _attempt(self, entries: list[EndpointEntry], wishes: ProviderPreferences) -> None:
        sort = wishes.sort or self._sort
        if self._tier is not None and wishes.sort is None:
            sort = "price" if self._tier == "flex" else "throughput"
        ordered = order_endpoints(entries, wishes.order, sort, self._stats, self.seed, self._now_seconds)
        if not wishes.order:
            if self._tier is not None:
                ordered.sort(key=lambda entry: entry.service_tier != self._tier)
            if self._sticky:
                ordered = prefer(ordered, self._sticky, self._stats, self._now_seconds)
            if self._has_thresholds:
                ordered.sort(key=self._is_slow)
            if wishes.allow_fallbacks is False:
                self.dropped += [Dropped(entry.model, entry.tag, NO_FALLBACKS) for entry in ordered[1:]]
                del ordered[1:]
        for entry in ordered:
            nano = estimate(entry.price, self._call, entry)
            self.attempts.append(Attempt(entry, nano, nano))

    def _is_slow(self, entry: EndpointEntry) -> bool:
        return is_slow(entry, self._wishes, self._stats)

    def _why_not(self, slug: str, model: ModelEntry) -> str | None:
        if self._rules and (exclusion := self._rules.model_exclusion(slug, model.slug)):
            self.forbidden.append(exclusion)
            return FORBIDDEN_MODEL
        return self._why_unserved(model)

    def _why_unserved(self, model: ModelEntry) -> str | None:
        if model.expires_at is not None and model.expires_at <= self._now:
            return EXPIRED_MODEL
        is_embedder = "embeddings" in model.output_modalities
        if is_embedder is not (self._call.dialect == "embeddings"):
            return WRONG_ENDPOINT
        return DISTILLABLE if self._wishes.enforce_distillable_text and not model.is_distillable else None

    def _remains(
        self, slug: str, entry: EndpointEntry, wishes: ProviderPreferences, tier: str | None
    ) -> bool:
        reason = self._why_dropped(entry, wishes, tier)
        if reason is not None:
            self.dropped.append(Dropped(slug, entry.tag, reason))
        return reason is None

    def _why_dropped(
        self, entry: EndpointEntry, wishes: ProviderPreferences, tier: str | None = None
    ) -> str | None:
        reason = why_restricted(entry, self._rules) if self._rules else None
        return reason or why_dropped(entry, self._call, wishes, self._now, tier)
