"""Which models and endpoints the layers of guardrails leave, whatever the request would like (SPEC §3)."""

from __future__ import annotations

from routing.catalog_snapshot import EndpointEntry
from routing.guardrails.rules import EffectiveRules, zdr_group
from routing.selection.filters import ALLOWED_PROVIDERS, TRAINING, ZDR

SAFETY_FLAGS = frozenset({"allow_safety_retention_google", "allow_safety_retention_other"})
FORBIDDEN_MODEL = "forbidden_model"
TRAINING_FLAGS = {True: "enable_free_model_training", False: "enable_paid_model_training"}
PUBLICATION_FLAGS = {True: "enable_free_model_publication", False: "enable_paid_model_publication"}


def why_restricted(endpoint: EndpointEntry, rules: EffectiveRules) -> str | None:
    """The first reason why the layers leave the endpoint out, or None."""
    if rules.provider_exclusion(endpoint.tag, endpoint.provider.slug):
        return ALLOWED_PROVIDERS
    if not endpoint.is_zdr and _may_retain_nothing(endpoint, rules):
        return ZDR
    if rules.denied and (endpoint.trains_on_prompts or endpoint.can_publish):
        is_free = not endpoint.price.prompt and not endpoint.price.completion
        if endpoint.trains_on_prompts and not rules.allows(TRAINING_FLAGS[is_free]):
            return TRAINING
        if endpoint.can_publish and not rules.allows(PUBLICATION_FLAGS[is_free]):
            return TRAINING
    return None


def _may_retain_nothing(endpoint: EndpointEntry, rules: EffectiveRules) -> bool:
    """Whether its model's group needs ZDR, or may not even be retained for safety's sake."""
    if not rules.zdr_groups and SAFETY_FLAGS.isdisjoint(rules.denied):
        return False
    group = zdr_group(endpoint.model)
    safety = "allow_safety_retention_google" if group == "google" else "allow_safety_retention_other"
    return group in rules.zdr_groups or (endpoint.retains_prompts and not rules.allows(safety))
