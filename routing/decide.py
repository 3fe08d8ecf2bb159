"""The one pure decision: what may happen to a request, why, and what it needs (DESIGN §4).

Gateway, explanations, previews, replay and tests all call `decide`; nothing but `admit` can still refuse after it.
"""

from __future__ import annotations

from datetime import datetime

from routing.call import Call
from routing.catalog_snapshot import CatalogSnapshot, EndpointEntry, ModelEntry
from routing.decision import (
    NO_BALANCES,
    NOBODY,
    NOTHING_FOUND,
    UNUSED,
    Attempt,
    Balances,
    Decision,
    Dropped,
    EndpointStats,
    HoldNeeded,
    RateUse,
    Stats,
    Step,
)
from routing.errors import Refusal, forbidden, invalid_request, model_not_found, unauthorized
from routing.guardrails.findings import Scan
from routing.guardrails.rules import Exclusion
from routing.limits import purse_refusal, rate_refusal
from routing.policy import Policy
from routing.pricing import estimate
from routing.selection.availability import (
    forbidden_models,
    nothing_remains,
    wrong_endpoint,
    wrong_region,
)
from routing.selection.filters import why_dropped
from routing.selection.order import order_endpoints
from routing.selection.restrictions import FORBIDDEN_MODEL, why_restricted

__all__ = [
    "NOBODY",
    "NOTHING_FOUND",
    "NO_BALANCES",
    "UNUSED",
    "Attempt",
    "Balances",
    "Decision",
    "Dropped",
    "EndpointStats",
    "HoldNeeded",
    "RateUse",
    "Stats",
    "Step",
    "decide",
    "key_refusal",
]

MAX_TOKENS, NO_FALLBACKS, NO_ENDPOINTS = "max_tokens", "allow_fallbacks", "no_endpoints"
UNKNOWN_MODEL, EXPIRED_MODEL, WRONG_ENDPOINT = "model_not_found", "model_deprecated", "wrong_endpoint"


def decide(
    policy: Policy | None,
    call: Call,
    catalog: CatalogSnapshot,
    stats: Stats,
    balances: Balances,
    scan: Scan,
    seed: int,
    now: datetime,
) -> Decision:
    """Say whether the call is allowed, which endpoints are tried in which order, and what has to be set aside.

    `policy` None: no key, or an unknown one. `scan` is what the guardrails found in the call, which is the redacted
    one. `seed` fixes the weighted draw. `now` is aware.
    """
    if policy is None or (refusal := key_refusal(policy, now)):
        return Decision(refusal if policy else unauthorized(), seed=seed, trace=(Step("key", "refused"),))
    if refusal := (
        rate_refusal(policy, balances, tokens=call.prompt_tokens)
        or _elsewhere(policy, call)
        or blocked(scan)
        or _closed(policy)
    ):
        return Decision(refusal, seed=seed, trace=(Step(refusal.rule, "refused"),))
    requested = call.models or ((policy.default_text_model,) if policy.default_text_model else ())
    if not requested:
        refusal = invalid_request(
            "No model was named, and the workspace has no default model.", parameter="model"
        )
        return Decision(refusal, seed=seed, trace=(Step("model", "none named"),))
    route = _Route(policy, call, stats, seed, now)
    for slug in requested:
        if slug in catalog.unroutable:
            route.dropped.append(Dropped(slug, "", NO_ENDPOINTS))
        else:
            route.add(slug, catalog.models.get(slug))
    if not route.attempts:
        return _nothing(route, requested, catalog)
    return _with_holds(route, policy, balances)


def key_refusal(policy: Policy, now: datetime) -> Refusal | None:
    """Why this principal may not use inference routes at all, or None."""
    kind = policy.principal.kind
    if policy.refusal is not None:
        return unauthorized(rule=policy.refusal)
    if kind == "nobody":
        return unauthorized(rule="no_key")
    if policy.expires_at is not None and policy.expires_at <= now:
        return unauthorized(rule="expired")
    if kind == "management_key":
        return forbidden("Management keys cannot be used for inference.", rule="management_key")
    return None


def blocked(scan: Scan) -> Refusal | None:
    """The 403 for what the guardrails block, or None."""
    block = scan.block
    if block is None:
        return None
    layer = block.layer.scope if block.layer else None
    return forbidden(block.message, rule="guardrail", layer=layer, **block.metadata)


def _elsewhere(policy: Policy, call: Call) -> Refusal | None:
    """A request must arrive in a region that every layer allows."""
    regions = policy.rules.data_regions
    return (
        None if regions is None or call.region in regions else wrong_region(call.models, call.region, regions)
    )


def _closed(policy: Policy) -> Refusal | None:
    """A limit of nothing blocks everything, free models too."""
    closed = [purse for purse in policy.purses if purse.limit_nano == 0 and purse.layer != "credits"]
    return purse_refusal(closed) if closed else None


class _Route:
    """Collects, model by model, what may be tried and what was dropped; lives within one `decide`."""

    __slots__ = (
        "_call",
        "_now",
        "_now_seconds",
        "_rules",
        "_sort",
        "_stats",
        "attempts",
        "dropped",
        "forbidden",
        "seed",
        "steps",
    )

    def __init__(self, policy: Policy, call: Call, stats: Stats, seed: int, now: datetime) -> None:
        self._call, self._stats, self._now, self.seed = call, stats, now, seed
        self._now_seconds = now.timestamp() if stats else 0.0
        self._sort = policy.routing.preferences.sort
        self._rules = policy.rules if policy.rules.narrows else None
        self.forbidden: list[Exclusion] = []
        self.attempts: list[Attempt] = []
        self.dropped: list[Dropped] = []
        self.steps: list[Step] = [Step("key", "live")]

    def add(self, slug: str, model: ModelEntry | None) -> None:
        """Try this model after those that were added before."""
        if (reason := self._why_not(slug, model)) or model is None:
            self.dropped.append(Dropped(slug, "", reason or UNKNOWN_MODEL))
            return
        remaining = self._long_enough(
            slug, [entry for entry in model.endpoints if self._remains(slug, entry)]
        )
        ordered = order_endpoints(
            remaining, self._call.preferences, self._sort, self._stats, self.seed, self._now_seconds
        )
        if len(ordered) < len(remaining):
            left_out = [entry for entry in remaining if entry not in ordered]
            self.dropped += [Dropped(slug, entry.tag, NO_FALLBACKS) for entry in left_out]
        for entry in ordered:
            nano = estimate(entry.price, self._call, entry)
            self.attempts.append(Attempt(entry, nano, nano))
        self.steps.append(Step("endpoints", f"{slug}: {len(ordered)} of {len(model.endpoints)}"))

    def _why_not(self, slug: str, model: ModelEntry | None) -> str | None:
        if model is None:
            return UNKNOWN_MODEL
        if self._rules and (exclusion := self._rules.model_exclusion(slug, model.slug)):
            self.forbidden.append(exclusion)
            return FORBIDDEN_MODEL
        if model.expires_at is not None and model.expires_at <= self._now:
            return EXPIRED_MODEL
        is_embedder = "embeddings" in model.output_modalities
        return WRONG_ENDPOINT if is_embedder is not (self._call.dialect == "embeddings") else None

    def _remains(self, slug: str, entry: EndpointEntry) -> bool:
        reason = why_restricted(entry, self._rules) if self._rules else None
        reason = reason or why_dropped(entry, self._call, self._now)
        if reason is not None:
            self.dropped.append(Dropped(slug, entry.tag, reason))
        return reason is None

    def _long_enough(self, slug: str, entries: list[EndpointEntry]) -> list[EndpointEntry]:
        """Leave out who cannot answer at the requested length, unless nobody can."""
        wanted = self._call.max_tokens
        if wanted is None:
            return entries
        able = [
            entry
            for entry in entries
            if entry.max_completion_tokens is None or entry.max_completion_tokens >= wanted
        ]
        if not able or len(able) == len(entries):
            return entries
        self.dropped += [Dropped(slug, entry.tag, MAX_TOKENS) for entry in entries if entry not in able]
        return able


def _nothing(route: _Route, requested: tuple[str, ...], catalog: CatalogSnapshot) -> Decision:
    reasons = {drop.reason for drop in route.dropped}
    if reasons == {UNKNOWN_MODEL}:
        refusal = model_not_found(requested)
    elif reasons <= {UNKNOWN_MODEL, FORBIDDEN_MODEL}:
        refusal = forbidden_models(requested, route.forbidden)
    elif WRONG_ENDPOINT in reasons and reasons <= {WRONG_ENDPOINT, UNKNOWN_MODEL}:
        refusal = wrong_endpoint(requested, route.dropped, catalog)
    else:
        refusal = nothing_remains(requested, route.dropped)
    steps = (*route.steps, Step("availability", refusal.rule))
    return Decision(refusal, dropped=tuple(route.dropped), trace=steps, seed=route.seed)


def _with_holds(route: _Route, policy: Policy, balances: Balances) -> Decision:
    attempts = tuple(route.attempts)
    hold = max([attempt.hold_nano for attempt in attempts])
    listed = max([attempt.estimate_nano for attempt in attempts])
    # Free models need no credits; every other purse counts the request all the same.
    holds = tuple(
        [
            HoldNeeded(purse, listed if purse.counts_byok else hold)
            for purse in policy.purses
            if hold or purse.layer != "credits"
        ]
    )
    refusal = None
    if balances.exhausted:
        empty = [need.purse for need in holds if need.purse.purse_id in balances.exhausted]
        refusal = purse_refusal(empty) if empty else None
    return Decision(
        refusal,
        attempts,
        tuple(route.dropped),
        holds,
        attempts[0].endpoint.model,
        route.seed,
        tuple(route.steps),
    )
