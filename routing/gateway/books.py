"""A generation's way through the journal and the leases: begun once, ended once, settled once (spec: money §4)."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from config.lib.ids import NewId
from observability.journal import Journal, JournalFull
from observability.journal_records import Begin, Checkpoint, Content, End, Hold
from routing.call import DEFAULT_REGION, NO_ATTRIBUTION, Call, Origin, PresetUse
from routing.decision import Attempt, Decision
from routing.errors import unavailable
from routing.gateway.client import RefusedError
from routing.gateway.policy_cache import KnownPolicy
from routing.gateway.router_metadata import dropped_of
from routing.holds import ALLOWANCE
from routing.pricing import NOTHING, Cost, Usage
from routing.recording import Wanted, wanted_of
from workspaces.leases import Admitted, Leases

log = logging.getLogger(__name__)

NO_USAGE = Usage(requests=0)
NO_DETAIL: Mapping[str, Any] = MappingProxyType({})


class Opened(msgspec.Struct, frozen=True):
    """A generation that has begun: money is set aside and the journal knows. Times are on time.monotonic()."""

    id: str
    public_id: str
    known: KnownPolicy
    call: Call
    model: str
    admission: Admitted
    holds: tuple[Hold, ...]
    began_at: float
    is_fee_free: bool = False
    wanted: Wanted | None = None
    """Who wants to know what is said; None: nobody."""


class Outcome(msgspec.Struct, frozen=True):
    """What became of a generation: who served it, what it used and costs, and how it ended."""

    status: str
    attempt: Attempt | None = None
    usage: Usage = NO_USAGE
    cost: Cost = NOTHING
    is_estimated: bool = False
    http_status: int | None = None
    error_type: str | None = None
    finish_reason: str | None = None
    native_finish_reason: str | None = None
    upstream_id: str | None = None
    asked_at: float | None = None
    first_at: float | None = None
    detail: Mapping[str, Any] = NO_DETAIL


class Books:
    """Writes generations down. Belongs to the event loop's thread."""

    def __init__(self, journal: Journal, leases: Leases) -> None:
        self._journal = journal
        self._leases = leases

    def open(
        self,
        identifier: NewId,
        began_at: float,
        known: KnownPolicy,
        call: Call,
        decision: Decision,
        admission: Admitted,
    ) -> Opened:
        """Write the begin, then look at the fence; after that a provider may be called. No await in between.

        Raises RefusedError (503) with everything undone when there is no room or the fence is up.
        """
        holds = _holds_of(admission, decision)
        opened = Opened(
            identifier.text,
            identifier.public,
            known,
            call,
            decision.model,
            admission,
            holds,
            began_at,
            decision.is_fee_free,
            wanted_of(known.policy.recording, call, call.origin.request if call.origin else identifier.text),
        )
        try:
            self._journal.begin(_begin(opened, decision))
        except JournalFull as error:
            log.error("a request is turned away: %s", error)
            self._leases.settle(admission, [0] * len(holds))
            raise RefusedError(unavailable()) from None
        if self._journal.fence.is_set():
            self.close(opened, Outcome("error", http_status=503, error_type="provider_overloaded"))
            raise RefusedError(unavailable(), is_written=True)
        return opened

    def checkpoint(self, opened: Opened, attempt: Attempt, usage: Usage, cost: Cost) -> None:
        """Write down what a stream has cost by now."""
        endpoint = attempt.endpoint
        self._journal.checkpoint(
            Checkpoint(
                opened.id,
                cost.total_nano,
                cost.byok_nano,
                usage.prompt,
                usage.completion,
                endpoint.provider.slug,
                endpoint.id,
                endpoint.price.version_id,
            )
        )

    def close(self, opened: Opened, outcome: Outcome, content: Content | None = None) -> None:
        """Write the end, and what was said if that is wanted; then give back in memory what was not used."""
        self._journal.end(_end(opened, outcome), content)
        nano, byok = outcome.cost.total_nano, outcome.cost.byok_nano
        self._leases.settle(opened.admission, [hold.counted(nano, byok) for hold in opened.holds])


def _holds_of(admission: Admitted, decision: Decision) -> tuple[Hold, ...]:
    at = admission.admitted_at
    return tuple(
        [
            Hold(purse.id, purse.window_at(at), nano, need.purse.counts_byok, need.purse.layer != ALLOWANCE)
            for (purse, nano), need in zip(admission.holds, decision.holds, strict=True)
        ]
    )


def _begin(opened: Opened, decision: Decision) -> Begin:
    call, policy = opened.call, opened.known.policy
    given, principal = call.attribution, policy.principal
    context: dict[str, Any] = {
        "dialect": call.dialect,
        "is_streamed": call.is_streamed,
        "policy_versions": opened.known.versions,
        "seed": decision.seed,
    }
    if call.region != DEFAULT_REGION:
        context["region"] = call.region
    if call.stages:
        context["pipeline"] = list(call.stages)
    if call.caching is not None:
        context["cache"] = "miss"  # what ends with an answer of before says so
    if call.preset is not None:
        context["preset"] = named_preset(call.preset)
    if decision.dropped:
        context["excluded"] = dropped_of(decision)
    if principal.secret is not None:
        context["secret"] = principal.secret
    if call.origin is not None:
        context |= named_origin(call.origin)
    if given is not NO_ATTRIBUTION:
        context |= {name: said for name in given.__struct_fields__ if (said := getattr(given, name))}
    return Begin(
        opened.id,
        opened.admission.admitted_at,
        principal.organization_id,
        principal.workspace_id,
        principal.api_key_id,
        principal.member_id,
        policy.subjects,
        opened.holds,
        opened.model,
        context,
    )


def named_origin(origin: Origin) -> dict[str, Any]:
    """A request as its later generations name it."""
    named: dict[str, Any] = {"request": origin.request, "step": origin.step}
    named |= {"tool": origin.tool} if origin.tool else {}
    return {**named, "provider": origin.provider} if origin.provider else named


def named_preset(used: PresetUse) -> dict[str, Any]:
    """A preset as a generation names it."""
    return {"id": used.id, "slug": used.slug, "version": used.version, "version_id": used.version_id}


def _end(opened: Opened, outcome: Outcome) -> End:
    now = time.monotonic()
    attempt, usage = outcome.attempt, outcome.usage
    endpoint = attempt.endpoint if attempt else None
    return End(
        id=opened.id,
        cost_nano=outcome.cost.total_nano,
        byok_nano=outcome.cost.byok_nano,
        status=outcome.status,
        finish_reason=outcome.finish_reason,
        native_finish_reason=outcome.native_finish_reason,
        error_type=outcome.error_type,
        http_status=outcome.http_status,
        model=endpoint.model if endpoint else "",
        provider=endpoint.provider.slug if endpoint else "",
        endpoint_id=endpoint.id if endpoint else None,
        price_version_id=endpoint.price.version_id if endpoint else None,
        prompt_tokens=usage.prompt,
        completion_tokens=usage.completion,
        reasoning_tokens=usage.reasoning,
        cached_tokens=usage.cached,
        cache_write_tokens=usage.cache_write,
        is_usage_estimated=outcome.is_estimated,
        upstream_cost_nano=outcome.cost.byok_nano if attempt is not None and attempt.is_byok else None,
        is_byok=attempt is not None and attempt.is_byok,
        latency_ms=int(((outcome.first_at or now) - opened.began_at) * 1000),
        generation_ms=int((now - (outcome.first_at or now)) * 1000),
        upstream_id=outcome.upstream_id,
        detail=dict(outcome.detail),
    )
