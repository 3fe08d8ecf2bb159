"""The documented `availability` refusals: why none of the requested models can be served."""

from __future__ import annotations

from collections.abc import Sequence

from routing.decision import Dropped
from routing.errors import Availability, Refusal, forbidden
from routing.guardrails.rules import Exclusion
from routing.selection.filters import (
    ALLOWED_PROVIDERS,
    CONSTRAINTS,
    DATA_POLICIES,
    DEPRECATED,
    NOT_IN_VOCABULARY,
    TRAINING,
    ZDR,
)
from routing.selection.variants import FREE_ENDED

LAYERS = {
    "account": "the account's privacy settings",
    "workspace": "the workspace's guardrail",
    "member": "the member's guardrail",
    "api-key": "the API key's guardrail",
}
DATA_REGION = "data_region"
_POLICY_NAMES = {ZDR: "zero data retention", TRAINING: "no training on prompts"}
_EXPIRED = frozenset({"model_deprecated", DEPRECATED})
_VOCABULARY = (DATA_POLICIES | CONSTRAINTS.keys() | {ALLOWED_PROVIDERS}) - NOT_IN_VOCABULARY


def nothing_remains(
    requested: tuple[str, ...], dropped: Sequence[Dropped], suggested: tuple[str, ...] = ()
) -> Refusal:
    """The refusal when the models exist and no endpoint of theirs is left; `suggested` could be asked instead."""
    reasons = list(dict.fromkeys(drop.reason for drop in dropped))
    code, message, field = _explain(requested[0], reasons)
    availability = Availability(
        code,
        requested,
        affected_providers=tuple(dict.fromkeys(drop.tag.partition("/")[0] for drop in dropped if drop.tag)),
        excluded_by=tuple(reason for reason in reasons if reason in _VOCABULARY),
        fallback_models=suggested,
        constraint=(field, CONSTRAINTS[field]) if field else None,
    )
    return Refusal(404, "not_found", message, code, availability=availability)


def wrong_endpoint(requested: tuple[str, ...], dropped: Sequence[Dropped], *, is_embedder: bool) -> Refusal:
    """The refusal when the model is called on a route that it does not speak."""
    slug = next(drop.model for drop in dropped if drop.reason == "wrong_endpoint")
    route = "/api/v1/embeddings" if is_embedder else "/api/v1/chat/completions"
    detail = f"{slug} is served at {route}."
    availability = Availability("wrong_endpoint", requested, constraint=("endpoint", detail))
    return Refusal(400, "invalid_request", detail, "wrong_endpoint", availability=availability)


def forbidden_models(requested: tuple[str, ...], exclusions: Sequence[Exclusion]) -> Refusal:
    """The 403 when some layer's lists leave out every model that exists among the requested ones."""
    first = exclusions[0]
    return forbidden(
        f"{requested[0]} is not allowed by {LAYERS[first.layer.scope]}.",
        rule=first.field,
        layer=first.layer.scope,
    )


def wrong_region(requested: tuple[str, ...], region: str, allowed: frozenset[str]) -> Refusal:
    """The refusal when the request arrived where some layer does not allow it to be."""
    names = ", ".join(sorted(allowed)) or "no region"
    detail = f"Requests must arrive in {names}; this one arrived in {region}."
    availability = Availability(
        "constraint_filtered",
        requested,
        excluded_by=(DATA_REGION,),
        constraint=(DATA_REGION, detail),
    )
    return Refusal(404, "not_found", detail, DATA_REGION, availability=availability)


def _explain(slug: str, reasons: Sequence[str]) -> tuple[str, str, str | None]:
    """Code, message and the constraint's field, by what removed the last endpoints."""
    constraint = next((reason for reason in reasons if reason in CONSTRAINTS), None)
    if constraint is not None:
        return "constraint_filtered", f"No endpoints for {slug}: {CONSTRAINTS[constraint]}", constraint
    policy = next((reason for reason in reasons if reason in DATA_POLICIES), None)
    if policy is not None:
        message = f"No endpoints for {slug} match your data policy ({_POLICY_NAMES[policy]})."
        return "privacy_restricted", message, None
    if reasons and all(reason in _EXPIRED for reason in reasons):
        return "model_deprecated", f"{slug} is no longer served.", None
    if FREE_ENDED in reasons:
        return FREE_ENDED, f"There is no free variant of {slug.rpartition(':')[0]} any more.", None
    return "no_endpoints", f"No endpoints found for {slug}.", None
