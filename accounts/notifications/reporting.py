"""Events that happen elsewhere: told once for each episode, from its first report until it is resolved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accounts.models import AlertState
from accounts.notifications.kinds import KINDS
from accounts.notifications.posting import post, stored_rule
from config.lib.scoping import tenant

NEEDED = "name"


def report(
    *,
    organization_id: int,
    kind: str,
    subject: str,
    facts: Mapping[str, Any],
    workspace: str | None = None,
) -> bool:
    """Tell the organization of an episode, if it was not told yet; whether it was news.

    For kinds without thresholds (`destination_failing`, …). `subject` names the thing, such as `destination:7`; `facts`
    are JSON values, with the thing's `name`; `workspace` is a public id. May be called as often as the thing fails.
    """
    if KINDS[kind].unit is not None or NEEDED not in facts:
        raise TypeError(f"{kind} cannot be reported with {', '.join(sorted(facts))}")
    with tenant(organization_id):
        _, is_news = AlertState.objects.for_organization(organization_id).get_or_create(
            organization_id=organization_id, kind=kind, subject=subject, threshold=0
        )
        if is_news:
            rule = stored_rule(organization_id, kind)
            post(rule=rule, subject=subject, facts=facts, workspace=workspace)
    return is_news


def resolve(*, organization_id: int, kind: str, subject: str) -> None:
    """End the episode: the next report is news again. One that never began is no error."""
    with tenant(organization_id):
        AlertState.objects.for_organization(organization_id).filter(kind=kind, subject=subject).delete()
