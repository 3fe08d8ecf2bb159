"""The attempts that a decision allows, put together model by model."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from routing.call import NO_PREFERENCES, Call, ProviderPreferences
from routing.catalog_snapshot import EndpointEntry, ModelEntry
from routing.decision import Attempt, Dropped, Stats, Step
from routing.guardrails.rules import Exclusion
from routing.holds import attempt_at
from routing.policy import Policy
from routing.pricing import estimate
from routing.selection.ability import asked_tier, can_all, most_able, wanted_of
from routing.selection.filters import DISTILLABLE, why_dropped
from routing.selection.order import order_endpoints, prefer
from routing.selection.preferences import for_variant, merge
from routing.selection.restrictions import FORBIDDEN_MODEL, why_restricted
from routing.selection.standing import FALLBACK, PRIORITIZED, standing_of
from routing.selection.thresholds import is_slow
from routing.selection.variants import PLAIN, Variant

AT_OWN_EXPENSE = (PRIORITIZED, FALLBACK)
NO_FALLBACKS, EXPIRED_MODEL, WRONG_ENDPOINT = "allow_fallbacks", "model_deprecated", "wrong_endpoint"


class Section(NamedTuple):
    """Endpoints that are asked before those of the next section, in an order of their own."""

    kind: int
    entries: list[EndpointEntry]


class Route:
    """Collects, model by model, what may be tried and what was dropped; lives within one `decide`."""

    __slots__ = (
        "_call",
        "_estimates",
        "_fee",
        "_has_thresholds",
        "_models",
        "_now",
        "_now_seconds",
        "_policy",
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
        self._policy, self._fee = policy, policy.byok_fee
        self._estimates: dict[tuple[str, str, int], int] = {}
        self._models: list[str] = []
        self._pool: list[Section] = []
        self._pool_wishes = self._wishes
        self.attempts: list[Attempt] = []
        self.dropped: list[Dropped] = []
        self.steps: list[Step] = [Step("key", "live")]

    @property
    def wants_embeddings(self) -> bool:
        """Whether the call came by the route that embeds."""
        return self._call.dialect == "embeddings"

    def add(self, slug: str, models: tuple[ModelEntry, ...], variant: Variant) -> None:
        """Try a model after those that were added before; with partition `none`, among them.

        Where the organization serves it itself, `models` are its own endpoints and the public ones, in this order.
        """
        if models[0].slug in self._models:
            return  # by another of its names
        self._models.append(models[0].slug)
        wishes = self._wishes
        if variant is not PLAIN:
            wishes = for_variant(wishes, self._call.preferences, variant)
        sections: list[Section] = []
        for model in models:
            if reason := self._why_not(slug, model):
                self.dropped.append(Dropped(slug, "", reason))
            else:
                sections += self._sections_of(slug, model, wishes, variant.tier)
        if wishes.partition == "none" and not wishes.order:
            self._pool_wishes = wishes if not self._pool else self._pool_wishes
            self._pool += sections
        else:
            self._attempt(sections, wishes)

    def finish(self) -> None:
        """Put the attempts of all models in order, where that goes beyond one model."""
        if self._pool:
            kinds = sorted({section.kind for section in self._pool})
            together = [
                Section(kind, [entry for part in self._pool if part.kind == kind for entry in part.entries])
                for kind in kinds
            ]
            self._attempt(together, self._pool_wishes)
        if self._has_thresholds and not any(attempt.is_byok for attempt in self.attempts):
            self.attempts.sort(key=lambda attempt: self._is_slow(attempt.endpoint))

    def can_serve(self, model: ModelEntry) -> bool:
        """Whether anybody could serve the call with this model."""
        if self._rules and self._rules.model_exclusion(model.slug, model.slug):
            return False
        if self._why_unserved(model) is not None:
            return False
        return any(self._why_dropped(entry, self._wishes) is None for entry in model.endpoints)

    def _sections_of(
        self, slug: str, model: ModelEntry, wishes: ProviderPreferences, tier: str | None
    ) -> list[Section]:
        """Who may serve a model: whatever filters endpoints does so before it is asked with which credential."""
        standing = standing_of(self._policy, model)
        self.dropped += [Dropped(slug, tag, reason) for tag, reason in standing.closed]
        sections = []
        for kind, candidates in standing.kinds:
            kept = [one for one, reason in candidates if self._remains(slug, one, reason, wishes, tier)]
            if kept:
                sections.append(Section(kind, kept))
        if len(sections) == 1:
            remaining = sections[0].entries
        else:
            remaining = [entry for section in sections for entry in section.entries]
        if self._wanted or self._tier or not can_all(remaining, self._call.max_tokens):
            able, left_out = most_able(remaining, self._call, self._wanted, self._tier)
            if left_out:
                self.dropped += [Dropped(slug, entry.tag, reason) for entry, reason in left_out]
                ids = {id(entry) for entry in able}
                sections = [
                    Section(part.kind, [entry for entry in part.entries if id(entry) in ids])
                    for part in sections
                ]
                remaining = able
        if self.dropped and self._policy.credentials:
            self.dropped = list(dict.fromkeys(self.dropped))  # the same with each credential
        found = len(remaining) if len(remaining) < 2 else len({entry.tag for entry in remaining})
        self.steps.append(Step("endpoints", f"{slug}: {found} of {len(model.endpoints)}"))
        return sections

    def _attempt(self, sections: list[Section], wishes: ProviderPreferences) -> None:
        """Try the sections one after the other; where there may be no fallback, one endpoint with all credentials."""
        is_alone = wishes.allow_fallbacks is False and not wishes.order
        chosen: EndpointEntry | None = None
        for kind, entries in sections:
            is_own = kind in AT_OWN_EXPENSE
            for entry in self._ordered(_once_each(entries) if is_own else entries, wishes):
                if is_alone and chosen is not None and not _is_same(entry, chosen):
                    self.dropped.append(Dropped(entry.model, entry.tag, NO_FALLBACKS))
                    continue
                chosen = entry
                if is_own:
                    carriers = [one for one in entries if _is_same(one, entry)]
                    self.attempts += [
                        attempt_at(one, self._call, self._estimate(one), self._fee) for one in carriers
                    ]
                else:
                    self.attempts.append(attempt_at(entry, self._call, self._estimate(entry)))

    def _estimate(self, entry: EndpointEntry) -> int:
        """What a call at the endpoint may cost, worked out once whatever credential it is asked with."""
        name = (entry.model, entry.tag, id(entry.price))
        nano = self._estimates.get(name)
        if nano is None:
            nano = self._estimates[name] = estimate(entry.price, self._call, entry)
        return nano

    def _ordered(self, entries: list[EndpointEntry], wishes: ProviderPreferences) -> list[EndpointEntry]:
        """The endpoints of a section as they are tried."""
        if len(entries) == 1:
            return entries
        sort = wishes.sort or self._sort
        if self._tier is not None and wishes.sort is None:
            sort = "price" if self._tier == "flex" else "throughput"
        ordered = order_endpoints(entries, wishes.order, sort, self._stats, self.seed, self._now_seconds)
        if wishes.order:
            return ordered
        if self._tier is not None:
            ordered.sort(key=lambda entry: entry.service_tier != self._tier)
        if self._sticky:
            ordered = prefer(ordered, self._sticky, self._stats, self._now_seconds)
        if self._has_thresholds:
            ordered.sort(key=self._is_slow)
        return ordered

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
        if is_embedder is not self.wants_embeddings:
            return WRONG_ENDPOINT
        return DISTILLABLE if self._wishes.enforce_distillable_text and not model.is_distillable else None

    def _remains(
        self,
        slug: str,
        entry: EndpointEntry,
        reason: str | None,
        wishes: ProviderPreferences,
        tier: str | None,
    ) -> bool:
        reason = reason or why_dropped(entry, self._call, wishes, self._now, tier)
        if reason is not None:
            self.dropped.append(Dropped(slug, entry.tag, reason))
        return reason is None

    def _why_dropped(
        self, entry: EndpointEntry, wishes: ProviderPreferences, tier: str | None = None
    ) -> str | None:
        reason = why_restricted(entry, self._rules) if self._rules else None
        return reason or why_dropped(entry, self._call, wishes, self._now, tier)


def _is_same(one: EndpointEntry, other: EndpointEntry) -> bool:
    """Whether both are one endpoint, with whatever credential."""
    return one.tag == other.tag and one.model == other.model


def _once_each(entries: list[EndpointEntry]) -> list[EndpointEntry]:
    """The endpoints that carry several credentials, with the first of them."""
    if len(entries) == 1:
        return entries
    return list({(entry.model, entry.tag): entry for entry in reversed(entries)}.values())
