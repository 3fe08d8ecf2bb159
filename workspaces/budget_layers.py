"""What a key is told about the limits on it: each with what enforcement compares it with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from config.lib.subjects import member_subject, workspace_subject
from workspaces.limit_layers import BREADTH, LAYERS
from workspaces.models import ApiKey, WorkspaceBudget
from workspaces.purse_limits import StandingLimit, limits_on, subjects_of
from workspaces.spending import spent_on
from workspaces.windows import from_datetime, to_datetime, window_of


@dataclass(frozen=True)
class Layer:
    """One limit that requests with a key must pass: a guardrail's or a workspace's budget, or the key's own limit."""

    scope: str
    budget_id: UUID | None
    guardrail_id: UUID | None
    interval: str
    limit_nano: int
    spent_nano: int
    is_byok_included: bool
    resets_at: datetime | None

    @property
    def remaining_nano(self) -> int:
        """What is left; not positive: requests are refused."""
        return self.limit_nano - self.spent_nano


def layers_of(key: ApiKey) -> list[Layer]:
    """The limits that requests with a key must pass, in the order in which they are checked; credits left out."""
    subjects = {*subjects_of(key), workspace_subject(key.workspace_id)}
    if key.owner_id is not None:
        subjects.add(member_subject(key.owner_id))
    limits = limits_on(key.organization_id, subjects)
    spent = spent_on(key.organization_id, {(limit.subject, limit.interval) for limit in limits})
    rows = WorkspaceBudget.objects.for_workspace(key.workspace_id).values_list("interval", "public_id")
    budgets, now = dict(rows), timezone.now()
    order = list(LAYERS)
    limits.sort(key=lambda limit: (order.index(limit.layer), BREADTH[limit.interval]))
    return [
        _layer(limit, spent[limit.subject, limit.interval], budgets.get(limit.interval), now)
        for limit in limits
    ]


def effective(layers: Iterable[Layer]) -> Layer | None:
    """The limit that stops requests first: the first one that is spent, else the one with the least left."""
    in_order = list(layers)
    spent = next((layer for layer in in_order if layer.remaining_nano <= 0), None)
    return spent or min(in_order, key=lambda layer: layer.remaining_nano, default=None)


def resets_at(interval: str, now: datetime) -> datetime | None:
    """When the window of an interval that holds `now` ends; None for a lifetime."""
    return None if interval == "t" else to_datetime(window_of(interval, from_datetime(now))[1])


def _layer(limit: StandingLimit, spent: tuple[int, int], budget_id: UUID | None, now: datetime) -> Layer:
    without, byok = spent
    return Layer(
        scope=LAYERS[limit.layer],
        budget_id=budget_id if limit.layer == "workspace" else None,
        guardrail_id=limit.guardrail_id,
        interval=limit.interval,
        limit_nano=limit.limit_nano,
        spent_nano=without + (byok if limit.is_with_byok else 0),
        is_byok_included=limit.is_with_byok,
        resets_at=resets_at(limit.interval, now),
    )
