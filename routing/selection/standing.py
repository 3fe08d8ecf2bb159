"""How the endpoints of a model stand with a policy before anything is known of a call: worked out once for each model.

Credentials and guardrails say the same about every request; what depends on the request is looked at each time.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from routing.catalog_snapshot import EndpointEntry, ModelEntry
from routing.policy import Policy
from routing.selection.byok import carriers_of, why_closed
from routing.selection.restrictions import why_restricted

PRIVATE, PRIORITIZED, SHARED, FALLBACK = range(4)
"""In this order: the organization's endpoints, others with its credentials, shared ones, others with its fallbacks."""
MOST_REMEMBERED = 100
"""Models of one policy; callers seldom ask for more, and then it is begun again."""

Candidates: TypeAlias = tuple[tuple[EndpointEntry, str | None], ...]
"""Endpoints, each with the reason why guardrails leave it out, if they do."""


class Standing(NamedTuple):
    """Who may be asked, by kinds in the order of asking, and (tag, reason) of those closed to who has credentials."""

    kinds: tuple[tuple[int, Candidates], ...]
    closed: tuple[tuple[str, str], ...] = ()


def standing_of(policy: Policy, model: ModelEntry) -> Standing:
    """How the endpoints of this model stand with the policy."""
    entries = model.endpoints
    is_private = bool(entries) and entries[0].is_private
    if not policy.credentials and not policy.rules.narrows:  # nothing is worth remembering
        return Standing(((PRIVATE if is_private else SHARED, tuple([(entry, None) for entry in entries])),))
    name = (model.slug, is_private)
    known = policy.standings.get(name)
    if known is not None and known[0] is model:  # as it is until the catalog is read again
        remembered: Standing = known[1]
        return remembered
    found = _standing(policy, model, is_private=is_private)
    if len(policy.standings) >= MOST_REMEMBERED:
        policy.standings.clear()
    policy.standings[name] = (model, found)
    return found


def _standing(policy: Policy, model: ModelEntry, *, is_private: bool) -> Standing:
    entries, credentials = model.endpoints, policy.credentials
    if is_private or not credentials:
        return Standing(((PRIVATE if is_private else SHARED, _judged(policy, entries)),))
    carriers = carriers_of(entries, credentials)
    closed = [(entry, reason) for entry in entries if (reason := why_closed(entry, credentials))]
    shut = {id(entry) for entry, _ in closed}
    kinds = (
        (PRIORITIZED, carriers.prioritized),
        (SHARED, [entry for entry in entries if id(entry) not in shut]),
        (FALLBACK, carriers.fallback),
    )
    return Standing(
        tuple([(kind, _judged(policy, found)) for kind, found in kinds if found]),
        tuple([(entry.tag, reason) for entry, reason in closed]),
    )


def _judged(policy: Policy, entries: list[EndpointEntry] | tuple[EndpointEntry, ...]) -> Candidates:
    rules = policy.rules
    return tuple([(one, why_restricted(one, rules) if rules.narrows else None) for one in entries])
