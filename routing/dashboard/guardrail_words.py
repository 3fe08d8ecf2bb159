"""What guardrails say, in words: what one restricts, and why a model falls out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from routing.dashboard.restrictions_form import GROUP_NAMES, KEEPING_OUT
from routing.guardrails import BUILTINS
from routing.models import Guardrail
from routing.models.guardrail import ZDR_GROUPS

DONE = {"flag": "Flags", "redact": "Redacts", "block": "Blocks"}
MOST_NAMED = 3
DEFAULT_NAME = "Workspace default"
REASONS = {
    "allowed_models": "not on the list of models",
    "ignored_models": "on the list of models never to be used",
    "allowed_providers": "no provider on the list",
    "ignored_providers": "only providers never to be used",
    "enable_paid_model_training": "may train on prompts",
    "enable_free_model_training": "free, and may train on prompts",
    "enable_paid_model_publication": "may publish prompts",
    "enable_free_model_publication": "free, and may publish prompts",
    "allow_safety_retention_google": "keeps prompts to look for abuse",
    "allow_safety_retention_other": "keeps prompts to look for abuse",
} | {f"enforce_zdr_{group}": "no endpoint with zero retention" for group in ZDR_GROUPS}
SCOPES = {
    "account": "the organization’s privacy settings",
    "workspace": "the workspace default",
    "member": "the member’s guardrail",
    "api-key": "this guardrail",
}


def name_of(guardrail: Guardrail) -> str:
    """What a guardrail is called on pages; a default one that nobody named has a generated name."""
    return DEFAULT_NAME if guardrail.is_default else guardrail.name


def restrictions_of(guardrail: Guardrail) -> list[str]:
    """What it restricts beside its budget, a few words each; nothing: an empty list."""
    return [*_lists(guardrail), *_policies(guardrail), *_filters(guardrail)]


def reason_of(scope: str | None, setting: str | None, own_scope: str) -> str:
    """Why a model falls out, and by whose setting."""
    if scope is None or setting is None:
        return "no longer offered by any provider"
    if scope == own_scope == "account":
        return REASONS.get(setting, setting)
    whose = "this guardrail" if scope == own_scope else SCOPES.get(scope, scope)
    return f"{REASONS.get(setting, setting)} · {whose}"


def named(slugs: list[str]) -> str:
    """The first few, and how many more."""
    more = len(slugs) - MOST_NAMED
    return ", ".join(slugs[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _lists(guardrail: Guardrail) -> Iterator[str]:
    for column, word in (
        ("allowed_models", "Only"),
        ("allowed_providers", "Only by"),
        ("ignored_models", "Never"),
        ("ignored_providers", "Never by"),
    ):
        slugs = getattr(guardrail, column)
        if slugs:
            yield f"{word} {named(slugs)}"


def _policies(guardrail: Guardrail) -> Iterator[str]:
    if guardrail.enforce_zdr:
        yield "Zero retention"
    else:
        groups = [GROUP_NAMES[one] for one in ZDR_GROUPS if getattr(guardrail, f"enforce_zdr_{one}")]
        if groups:
            yield f"Zero retention for {', '.join(groups)}"
    for column, (label, _) in KEEPING_OUT.items():
        if getattr(guardrail, column, None) is False:
            yield label
    if guardrail.allowed_data_regions:
        yield f"Arriving in {', '.join(guardrail.allowed_data_regions)}"


def _filters(guardrail: Guardrail) -> Iterator[str]:
    entries: list[dict[str, Any]] = guardrail.content_filter_builtins or []
    for action, word in DONE.items():
        found = [one["slug"] for one in entries if one["action"] == action]
        if found:
            yield f"{word} {', '.join(_check_name(slug) for slug in dict.fromkeys(found))}"
    count = len(guardrail.content_filters or ())
    if count:
        yield "1 own pattern" if count == 1 else f"{count} own patterns"
    if guardrail.is_filtering_outputs:
        yield "Looks at answers"


def _check_name(slug: str) -> str:
    name = BUILTINS[slug].name if slug in BUILTINS else slug
    return name if name[:2].isupper() or name.startswith("Social") else name[:1].lower() + name[1:]
