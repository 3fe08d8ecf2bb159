"""The purses that a key's requests are paid from, and every limit that stands on them."""

from __future__ import annotations

from config.lib.subjects import (
    api_key_subject,
    member_subject,
    organization_subject,
    workspace_member_subject,
    workspace_subject,
)
from routing.limits import LAYER_ORDER
from routing.policy import LayerLimit, PurseLimit
from workspaces.models import ApiKey, Purse
from workspaces.purse_limits import StandingLimit, limits_on


class NoPurse(LookupError):
    """A limit, or an organization's credits, without a purse: nothing could be counted, so nothing is compiled."""


def subjects_of(key: ApiKey) -> tuple[int, ...]:
    """Everyone whose spend a request with this key counts on, credits first."""
    subjects = [organization_subject(key.organization_id), workspace_subject(key.workspace_id)]
    if key.pk is not None:  # the chat room has none
        subjects.append(api_key_subject(key.pk))
    if key.owner_id is not None:
        subjects += [member_subject(key.owner_id), workspace_member_subject(key.workspace_id, key.owner_id)]
    return tuple(subjects)


def purses_of(key: ApiKey, subjects: tuple[int, ...], *, using: str) -> tuple[PurseLimit, ...]:
    """Every purse of these subjects that has a limit. Raises NoPurse."""
    rows = Purse.objects.using(using).for_organization(key.organization_id).filter(subject__in=subjects)
    purses = {(row.subject, row.interval): row for row in rows.order_by("pk")}
    limits: dict[tuple[int, str], list[StandingLimit]] = {}
    for limit in limits_on(key.organization_id, subjects, using):
        limits.setdefault((limit.subject, limit.interval), []).append(limit)
    credit = purses.get((organization_subject(key.organization_id), "t"))
    missing = limits.keys() - purses.keys()
    if missing or credit is None:
        raise NoPurse(f"organization {key.organization_id} lacks a purse: {sorted(missing) or 'credits'}")
    limited = [_limited(row, limits[place]) for place, row in purses.items() if place in limits]
    return (PurseLimit(credit.pk, "t", False, "credits", credit.limit_nano), *limited)


def _limited(row: Purse, limits: list[StandingLimit]) -> PurseLimit:
    """A purse with the limits on it, in the order in which they are checked."""
    each = [LayerLimit(limit.layer, limit.limit_nano, limit.is_with_byok) for limit in limits]
    each.sort(key=lambda limit: LAYER_ORDER[limit.layer])
    return PurseLimit(
        purse_id=row.pk,
        interval=row.interval,
        is_strict=row.is_strict,
        layer=each[0].layer,
        limit_nano=min(limit.limit_nano for limit in each),
        counts_byok=any(limit.counts_byok for limit in each),
        limits=tuple(each) if len(each) > 1 else (),
    )
