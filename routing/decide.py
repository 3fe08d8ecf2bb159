"""The one pure decision: what may happen to a request, why, and what it needs (DESIGN §4).

Gateway, explanations, previews, replay and tests all call `decide`; nothing but `admit` can still refuse after it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from routing.call import Call
from routing.catalog_snapshot import CatalogSnapshot
from routing.decision import Balances, Decision, Dropped, Stats, Step
from routing.errors import Refusal, forbidden, invalid_request, model_not_found, unauthorized
from routing.guardrails.findings import Scan
from routing.holds import is_spent, plans_of, spent_purses
from routing.limits import free_refusal, purse_refusal, rate_refusal
from routing.policy import Policy
from routing.selection.availability import (
    forbidden_models,
    nothing_remains,
    wrong_endpoint,
    wrong_region,
)
from routing.selection.byok import reachable
from routing.selection.own_models import beside, served
from routing.selection.restrictions import FORBIDDEN_MODEL
from routing.selection.route import WRONG_ENDPOINT, Route
from routing.selection.suggestions import suggest
from routing.selection.variants import PLAIN, UNKNOWN_MODEL, is_free, resolve

FREE_QUOTA = "free_quota"


def decide(
    policy: Policy | None,
    call: Call,
    catalog: CatalogSnapshot,
    stats: Stats,
    balances: Balances,
    scan: Scan,
    seed: int,
    now: datetime,
    sticky: Collection[int] = (),
) -> Decision:
    """Say whether the call is allowed, which endpoints are tried in which order, and what has to be set aside.

    `policy` None: no key, or an unknown one. `scan` is what the guardrails found in the call, which is the redacted
    one. `seed` fixes the weighted draw. `now` is aware. `sticky` are the ids of endpoints that have the conversation
    in their caches.
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
    route = Route(policy, call, stats, seed, now, sticky)
    for slug in requested:
        if is_free(slug) and free_refusal(policy, balances):
            route.dropped.append(Dropped(slug, "", FREE_QUOTA))
        else:
            _add(route, slug, policy, catalog)
    route.finish()
    if not route.attempts:
        return _nothing(route, requested, catalog, free_refusal(policy, balances))
    return _with_holds(route, policy, balances)


def _add(route: Route, slug: str, policy: Policy, catalog: CatalogSnapshot) -> None:
    """Put the model of one requested name on the route, or note why it is on none."""
    models, variant = served(slug, policy, catalog), PLAIN
    if not models:
        seen = beside(reachable(catalog, policy.credentials), policy.own_models)
        model, variant, reason, _ = resolve(slug, seen)
        if model is None:
            route.dropped.append(Dropped(slug, "", reason))
            return
        models = served(model.slug, policy, catalog)
    route.add(slug, models, variant)


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


def suggestions(policy: Policy, call: Call, catalog: CatalogSnapshot, now: datetime) -> tuple[str, ...]:
    """Models that could be asked when no provider of the call's answered."""
    requested = call.models or ((policy.default_text_model,) if policy.default_text_model else ())
    return suggest(requested, catalog, Route(policy, call, {}, 0, now, ()).can_serve) if requested else ()


def _nothing(
    route: Route, requested: tuple[str, ...], catalog: CatalogSnapshot, free: Refusal | None
) -> Decision:
    reasons = {drop.reason for drop in route.dropped}
    if free is not None and FREE_QUOTA in reasons:
        refusal = free
    elif reasons == {UNKNOWN_MODEL}:
        refusal = model_not_found(requested, suggest(requested, catalog, route.can_serve))
    elif reasons <= {UNKNOWN_MODEL, FORBIDDEN_MODEL}:
        refusal = forbidden_models(requested, route.forbidden)
    elif WRONG_ENDPOINT in reasons and reasons <= {WRONG_ENDPOINT, UNKNOWN_MODEL}:
        refusal = wrong_endpoint(requested, route.dropped, is_embedder=not route.wants_embeddings)
    else:
        suggested = suggest(requested, catalog, route.can_serve)
        refusal = nothing_remains(requested, route.dropped, suggested)
    steps = (*route.steps, Step("availability", refusal.rule))
    return Decision(refusal, dropped=tuple(route.dropped), trace=steps, seed=route.seed)


def _with_holds(route: Route, policy: Policy, balances: Balances) -> Decision:
    attempts, exhausted = tuple(route.attempts), balances.exhausted
    plans = plans_of(attempts, policy)
    number, plan, refusal = 0, next(plans), None
    if exhausted and is_spent(plan, exhausted):
        every = [plan, *plans]
        left = [place for place, one in enumerate(every) if not is_spent(one, exhausted)]
        refusal = None if left else purse_refusal(spent_purses(every[-1], exhausted))
        number = left[0] if left else 0
        plan = every[number]
    return Decision(
        refusal,
        plan.attempts,
        tuple(route.dropped),
        plan.holds,
        plan.attempts[0].endpoint.model,
        route.seed,
        tuple(route.steps),
        plan.is_fee_free,
        attempts if policy.credentials else (),
        number,
    )
