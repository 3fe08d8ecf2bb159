"""Who asks, what is decided about it, and whether there is money for it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from config.lib.ids import NewId
from config.lib.keys import hash_of
from routing.decide import decide, key_refusal
from routing.decision import Decision
from routing.errors import invalid_request, unauthorized, unavailable
from routing.gateway.chat_door import is_chat_token, seat_of
from routing.gateway.client import RefusedError, Scope
from routing.gateway.ending import Ending
from routing.gateway.policy_cache import KnownPolicy, PolicyCache
from routing.gateway.preparing import Prepared
from routing.gateway.runtime import Runtime
from routing.holds import ALLOWANCE, MAY_GIVE_WAY, next_plan
from routing.limits import purse_refusal
from routing.plugins.bench import Surroundings
from routing.plugins.running import SHORT_PROMPT, is_router
from routing.plugins.running import arrange as arrange_call
from routing.selection.variants import is_free
from routing.tools.fusion_depth import HEADER as FUSION_DEPTH
from routing.tools.fusion_depth import depth_of, without_fusion
from workspaces.leases import Admitted, Leases, Refused

BEARER = b"bearer "
MAX_KEY = 512
SEED_BITS = 2**31 - 1


def find_key(scope: Scope) -> str | None:
    """The key that a request carries, as a bearer token or in x-api-key. Raises RefusedError for two of them."""
    keys = set()
    for name, value in scope["headers"]:
        if name == b"authorization":
            if value[:7].lower() == BEARER:
                keys.add(value[7:].strip())
        elif name == b"x-api-key":
            keys.add(value.strip())
    keys.discard(b"")
    if len(keys) > 1:
        raise RefusedError(invalid_request("The request carries two different API keys."))
    key = keys.pop() if keys else None
    return None if key is None or len(key) > MAX_KEY else key.decode("latin-1")


async def authenticate(policies: PolicyCache, scope: Scope) -> KnownPolicy:
    """The policy of the key, or the chat room's token, that a request carries. Raises RefusedError: 400, 401, 503."""
    key = find_key(scope)
    if key is None:
        raise RefusedError(unauthorized(rule="no_key"))
    name = seat_of(key, scope) if is_chat_token(key) else hash_of(key)
    known = policies.peek(name) or await policies.find(name)
    if known is None:
        raise RefusedError(unauthorized())
    return known


async def authenticate_again(policies: PolicyCache, known: KnownPolicy) -> KnownPolicy:
    """The policy as it is by now of a request that goes on; it was let in, also where its token is over since.

    Raises RefusedError: 401, 403, 503.
    """
    again = policies.peek(known.name) or await policies.find(known.name)
    if again is None:
        raise RefusedError(unauthorized())
    check_key(again)
    return again


def check_key(known: KnownPolicy) -> None:
    """Refuse a key that may not be used here before its body is read. Raises RefusedError: 401, 403."""
    refusal = key_refusal(known.policy, datetime.now(UTC))
    if refusal is not None:
        raise RefusedError(refusal)


def arrange(
    runtime: Runtime, known: KnownPolicy, prepared: Prepared, headers: Mapping[bytes, bytes]
) -> Prepared:
    """What plugins have to say about who serves the call. Raises RefusedError: 400, 404."""
    call = prepared.call
    if FUSION_DEPTH in headers:
        call = without_fusion(call, depth_of(headers))
        prepared = Prepared(call, prepared.scan)
    if (
        not call.plugins
        and call.models
        and call.prompt_tokens <= SHORT_PROMPT
        and not any(map(is_router, call.models))
    ):
        return prepared  # as most are
    operator, now = runtime.limits.operator, datetime.now(UTC)
    arranged = arrange_call(call, Surroundings(known.policy, runtime.catalog, operator, now))
    return Prepared(arranged, prepared.scan)


def judge(runtime: Runtime, known: KnownPolicy, prepared: Prepared, identifier: NewId) -> Decision:
    """The pure decision on what this process knows. Raises RefusedError."""
    rated = known.rates_for(*(prepared.call.models or (known.policy.default_text_model or "",)))
    balances = runtime.rates.balances(rated)
    stats, now, catalog = runtime.health.stats, datetime.now(UTC), runtime.catalog
    decision = decide(
        known.policy,
        prepared.call,
        catalog,
        stats,
        balances,
        prepared.scan,
        identifier.number & SEED_BITS,
        now,
        runtime.stickiness.find(known.policy, prepared.call, catalog),
    )
    if decision.refusal is not None:
        raise RefusedError(decision.refusal, decision=decision)
    return decision


def count_served(runtime: Runtime, known: KnownPolicy, decision: Decision, ending: Ending) -> None:
    """Count a request that fell back on a free model as one to it, which it was not when it came in."""
    served = ending.outcome.attempt
    if served is None or served.endpoint.model == decision.model:
        return
    if is_free(decision.model) or not is_free(served.endpoint.model):
        return
    counted = known.rates_for(decision.model)
    runtime.rates.count([one for one in known.rates_for(served.endpoint.model) if one not in counted])


async def admit(leases: Leases, known: KnownPolicy, decision: Decision) -> tuple[Decision, Admitted]:
    """Take the decision's holds, all or none; or those of its next plan, which it then is.

    Raises RefusedError: 402, 403, 503.
    """
    holds = [(known.purses[need.purse.purse_id], need.nano) for need in decision.holds]
    admission = leases.try_admit(holds) or await leases.admit(holds)
    if isinstance(admission, Admitted):
        return decision, admission
    if isinstance(admission, Refused):
        short = set(admission.purse_ids)
        empty = [need.purse for need in decision.holds if need.purse.purse_id in short]
        if decision.considered and MAY_GIVE_WAY.issuperset([purse.layer for purse in empty]):
            later = next_plan(decision, known.policy)
            if later is not None:
                return await admit(leases, known, later)
        if empty := [purse for purse in empty if purse.layer != ALLOWANCE]:
            byok = {purse: known.purses[purse].byok for purse in short}
            raise RefusedError(purse_refusal(empty, byok), decision=decision)
        raise RefusedError(unavailable())
    raise RefusedError(unavailable(retry_after=admission.retry_after_seconds))
