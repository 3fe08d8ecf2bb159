"""The one pure decision: what may happen to a request, why, and what it needs (DESIGN §4).

Gateway, explanations, previews, replay and tests all call `decide`; nothing but `admit` can still refuse after it.
"""

from __future__ import annotations

from collections.abc import Sequence
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
from routing.holds import affordable, attempt_at, plans_of, spent_purses
from routing.limits import purse_refusal, rate_refusal
from routing.policy import Policy
from routing.selection.availability import (
    forbidden_models,
    nothing_remains,
    wrong_endpoint,
    wrong_region,
)
from routing.selection.byok import carriers_of, in_order, why_closed
from routing.selection.filters import long_enough, why_dropped
from routing.selection.order import order_endpoints
from routing.selection.own_models import served
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
        or _blocked(scan)
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
        if models := served(slug, policy, catalog):
            route.add_all(slug, models)
        else:
            reason = NO_ENDPOINTS if slug in catalog.unroutable else UNKNOWN_MODEL
            route.dropped.append(Dropped(slug, "", reason))
    if not route.attempts:
        return _nothing(route, requested)
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


def _blocked(scan: Scan) -> Refusal | None:
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
        "_credentials",
        "_fee",
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
        self._credentials, self._fee = policy.credentials, policy.byok_fee
        self.forbidden: list[Exclusion] = []
        self.attempts: list[Attempt] = []
        self.dropped: list[Dropped] = []
        self.steps: list[Step] = [Step("key", "live")]

    @property
    def wants_embeddings(self) -> bool:
        """Whether the call came by the route that embeds."""
        return self._call.dialect == "embeddings"

    def add_all(self, slug: str, models: tuple[ModelEntry, ...]) -> None:
        """Try the model where the organization serves it itself, then in public, unless fallbacks are not wanted."""
        for number, model in enumerate(models, 1):
            before = len(self.attempts)
            self.add(slug, model)
            if len(self.attempts) > before and not self._call.preferences.allow_fallbacks:
                others = [entry for other in models[number:] for entry in other.endpoints]
                self.dropped += [Dropped(slug, entry.tag, NO_FALLBACKS) for entry in others]
                return

    def add(self, slug: str, model: ModelEntry) -> None:
        """Try this model after those that were added before."""
        if reason := self._why_not(slug, model):
            self.dropped.append(Dropped(slug, "", reason))
            return
        if self._credentials:
            tried = self._add_with_byok(slug, model)
        else:
            found = [entry for entry in model.endpoints if self._remains(slug, entry)]
            remaining = self._long_enough(slug, found)
            ordered = self._order(remaining)
            self._note_left_out(slug, remaining, ordered)
            self.attempts += [attempt_at(entry, self._call) for entry in ordered]
            tried = len(ordered)
        self.steps.append(Step("endpoints", f"{slug}: {tried} of {len(model.endpoints)}"))

    def _add_with_byok(self, slug: str, model: ModelEntry) -> int:
        """Try one's own credentials, then shared capacity, then one's fallback credentials; how many endpoints that is.

        Whatever filters endpoints does so before: with a credential an endpoint is still held to every rule.
        """
        carriers = carriers_of(model.endpoints, self._credentials)
        shared = [entry for entry in model.endpoints if self._is_open(slug, entry)]
        remaining = [
            [entry for entry in section if self._remains(slug, entry)]
            for section in (carriers.prioritized, shared, carriers.fallback)
        ]
        able = {id(entry) for entry in self._long_enough(slug, [e for part in remaining for e in part])}
        sections = [[entry for entry in part if id(entry) in able] for part in remaining]
        wishes = self._call.preferences
        ordered = in_order(sections, self._order, stays=not wishes.allow_fallbacks and not wishes.order)
        self._note_left_out(slug, [entry for part in sections for entry in part], ordered)
        self.dropped = list(dict.fromkeys(self.dropped))  # the same with each credential
        open_to_all = {id(entry) for entry in shared}
        for entry in ordered:
            fee = None if id(entry) in open_to_all else self._fee
            self.attempts.append(attempt_at(entry, self._call, fee))
        return len({entry.tag for entry in ordered})

    def _order(self, entries: Sequence[EndpointEntry]) -> list[EndpointEntry]:
        return order_endpoints(
            entries, self._call.preferences, self._sort, self._stats, self.seed, self._now_seconds
        )

    def _note_left_out(self, slug: str, given: list[EndpointEntry], tried: list[EndpointEntry]) -> None:
        if len(tried) < len(given):
            tags = {entry.tag for entry in tried}
            self.dropped += [
                Dropped(slug, entry.tag, NO_FALLBACKS) for entry in given if entry.tag not in tags
            ]

    def _is_open(self, slug: str, entry: EndpointEntry) -> bool:
        reason = why_closed(entry, self._credentials)
        if reason is not None:
            self.dropped.append(Dropped(slug, entry.tag, reason))
        return reason is None

    def _why_not(self, slug: str, model: ModelEntry) -> str | None:
        if self._rules and (exclusion := self._rules.model_exclusion(slug, model.slug)):
            self.forbidden.append(exclusion)
            return FORBIDDEN_MODEL
        if model.expires_at is not None and model.expires_at <= self._now:
            return EXPIRED_MODEL
        is_embedder = "embeddings" in model.output_modalities
        return WRONG_ENDPOINT if is_embedder is not self.wants_embeddings else None

    def _remains(self, slug: str, entry: EndpointEntry) -> bool:
        reason = why_restricted(entry, self._rules) if self._rules else None
        reason = reason or why_dropped(entry, self._call, self._now)
        if reason is not None:
            self.dropped.append(Dropped(slug, entry.tag, reason))
        return reason is None

    def _long_enough(self, slug: str, entries: list[EndpointEntry]) -> list[EndpointEntry]:
        """Leave out who cannot answer at the requested length."""
        able = long_enough(entries, self._call.max_tokens)
        if len(able) < len(entries):
            self.dropped += [Dropped(slug, entry.tag, MAX_TOKENS) for entry in entries if entry not in able]
        return able


def _nothing(route: _Route, requested: tuple[str, ...]) -> Decision:
    reasons = {drop.reason for drop in route.dropped}
    if reasons == {UNKNOWN_MODEL}:
        refusal = model_not_found(requested)
    elif reasons <= {UNKNOWN_MODEL, FORBIDDEN_MODEL}:
        refusal = forbidden_models(requested, route.forbidden)
    elif WRONG_ENDPOINT in reasons and reasons <= {WRONG_ENDPOINT, UNKNOWN_MODEL}:
        refusal = wrong_endpoint(requested, route.dropped, is_embedder=not route.wants_embeddings)
    else:
        refusal = nothing_remains(requested, route.dropped)
    steps = (*route.steps, Step("availability", refusal.rule))
    return Decision(refusal, dropped=tuple(route.dropped), trace=steps, seed=route.seed)


def _with_holds(route: _Route, policy: Policy, balances: Balances) -> Decision:
    attempts = tuple(route.attempts)
    plans, refusal = plans_of(attempts, policy), None
    if balances.exhausted and any(need.purse.purse_id in balances.exhausted for need in plans[0].holds):
        left = affordable(plans, balances.exhausted)
        refusal = None if left else purse_refusal(spent_purses(plans, balances.exhausted))
        plans = left or plans
    first = plans[0]
    return Decision(
        refusal,
        first.attempts,
        tuple(route.dropped),
        first.holds,
        first.attempts[0].endpoint.model,
        route.seed,
        tuple(route.steps),
        first.is_fee_free,
        plans[1:],
    )
