"""How a generation ends: what is written down and charged, and what the caller is told last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from routing.call import Call
from routing.decision import Attempt
from routing.errors import Refusal
from routing.gateway.attempts import Served, Tried
from routing.gateway.books import NO_DETAIL, Opened, Outcome
from routing.gateway.dialects.chat import count_prompt_tokens
from routing.gateway.said import Said
from routing.gateway.watch import Reason
from routing.plugins.citing import files_of
from routing.pricing import NOTHING, Cost, Usage, at_own_expense, believable, charge, usage_from_provider

CLIENT_GONE_STATUS = 499
DROPPED = "dropped"
"""Under this name a generation's detail lists the parameters that its provider was not told."""
KEPT = ("provider_code", "previous_errors", "parameter")
"""What of an error is written down: a provider's own words may quote the prompt."""
STOPPING = Refusal(
    503, "provider_overloaded", "Headgate is restarting. Please try again.", "stopping", retry_after=1
)


class Ending(msgspec.Struct, frozen=True):
    """What to write down, then what to send: the rest of the answer, or a refusal, or nothing at all.

    With a refusal, `body` is how a stream says so that has begun. `repeatable` is the answer in Chat Completions,
    where the caller asked to have it cached. `said` is there only where somebody wants to know it. `asked` is the call
    as providers were asked, where plugins changed it.
    """

    outcome: Outcome
    body: bytes | None = None
    refusal: Refusal | None = None
    repeatable: bytes | None = None
    said: Said | None = None
    asked: Call | None = None


class Bill(msgspec.Struct, frozen=True):
    """What an answer used and costs; `is_estimated` when the provider did not say."""

    usage: Usage
    cost: Cost
    is_estimated: bool


def bill(opened: Opened, attempt: Attempt, raw_usage: Any, counted: int, finish: str | None) -> Bill:
    """The charge for what was delivered; nothing for an answer that came to nothing (SPEC §4)."""
    call, endpoint = opened.call, attempt.endpoint
    fallback, most = Usage(completion=counted, image=call.image_count), believable(endpoint, call)
    usage, is_estimated = usage_from_provider(raw_usage, fallback, most)
    if is_estimated or not usage.prompt:  # only then is the prompt worth counting
        fallback = replace(fallback, prompt=count_prompt_tokens(call))
        usage, is_estimated = usage_from_provider(raw_usage, fallback, most)
    if usage.completion == 0 and counted == 0 and finish in (None, "error"):
        return Bill(usage, NOTHING, is_estimated)
    return Bill(usage, charged(opened, attempt, usage), is_estimated)


def charged(opened: Opened, attempt: Attempt, usage: Usage) -> Cost:
    """What a usage costs where this attempt is served; with one's own credential a fee, unless it is free of it."""
    call = opened.call
    whole = charge(attempt.endpoint, call, usage)
    if not attempt.is_byok:
        return whole
    is_free = opened.is_fee_free or not attempt.uses_credential
    return at_own_expense(whole, call.plugin_femto, None if is_free else opened.known.policy.byok_fee)


def not_served(reason: Reason) -> Ending:
    """Nothing was delivered, because the client left or the process stops: nothing is charged."""
    if reason is Reason.GONE:
        return Ending(Outcome("cancelled", http_status=CLIENT_GONE_STATUS))
    return Ending(_error(STOPPING, None), refusal=STOPPING)


def failed(refusal: Refusal, attempt: Attempt | None, tried: tuple[Tried, ...] = ()) -> Ending:
    """No provider answered."""
    return Ending(_error(refusal, attempt, tried), refusal=refusal)


def withheld(outcome: Outcome, refusal: Refusal, body: bytes | None = None) -> Ending:
    """The answer was there and must not be shown, or no further: what it cost is charged all the same."""
    told = replace(
        outcome,
        status="error",
        http_status=refusal.status,
        error_type=refusal.error_type,
        finish_reason="content_filter",
    )
    return Ending(told, body, refusal)


def detail_of(
    opened: Opened,
    served: Served,
    stages: Sequence[Mapping[str, Any]] = (),
    *,
    tier: str | None = None,
    status: int = 200,
) -> Mapping[str, Any]:
    """What is kept of how the answer came: who failed before, and the pipeline's stages after the answer too.

    Nothing where the first provider gave it to all of the request, and named no service tier. `status` is what became
    of the last attempt.
    """
    is_longer = bool(stages or opened.call.plugins)  # than what the begin says of the pipeline
    if not served.previous and not served.dropped and not is_longer and tier is None and status == 200:
        return NO_DETAIL
    detail: dict[str, Any] = {} if tier is None else {"service_tier": tier}
    if served.previous or status != 200:
        endpoint = served.attempt.endpoint
        last = Tried(endpoint.model, endpoint.provider.name, status)
        detail["attempts"] = [one._asdict() for one in (*served.tried, last)]
    if served.previous:
        detail["previous_errors"] = list(served.previous)
    if served.dropped:
        detail[DROPPED] = list(served.dropped)
    return detail | ({"pipeline": [*opened.call.stages, *stages]} if is_longer else {})


def heard(ending: Ending, opened: Opened, output: Mapping[str, Any] | None = None) -> Ending:
    """The ending with what was said, where somebody wants to know it."""
    return ending if opened.wanted is None else replace(ending, said=Said(opened.call, output))


def with_plugins(ending: Ending, call: Call) -> Ending:
    """An ending with what plugins did, also where nobody answered: then the caller keeps what his files say."""
    outcome, refusal = ending.outcome, ending.refusal
    if "pipeline" not in outcome.detail:
        outcome = replace(outcome, detail={**outcome.detail, "pipeline": list(call.stages)})
    files = files_of(call)
    if refusal is not None and files and outcome.attempt is not None:
        refusal = refusal.with_metadata(file_annotations=files)
    return replace(ending, outcome=outcome, refusal=refusal, asked=call)


def _error(refusal: Refusal, attempt: Attempt | None, tried: tuple[Tried, ...] = ()) -> Outcome:
    detail = {name: refusal.metadata[name] for name in KEPT if name in refusal.metadata}
    if tried:
        detail["attempts"] = [one._asdict() for one in tried]
    return Outcome(
        "error",
        attempt,
        http_status=refusal.status,
        error_type=refusal.error_type,
        detail=detail,
    )
