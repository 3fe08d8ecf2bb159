"""Purses: making them with their true count, and setting what they are compared with (spec: money §1).

A purse belongs to a subject and an interval. Limits, strictness and BYOK flags only choose what the count is
compared with, so all of them change with one UPDATE and are right at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import connections, transaction
from django.utils import timezone

from config.lib.money import LIFETIME_START, window_start
from config.lib.subjects import api_key_subject, organization_subject, workspace_subject
from workspaces.models import ApiKey, Purse, Workspace, WorkspaceBudget

PURSE_LOCK = 7241
"""Advisory lock (this, organization): a purse's creation takes it alone, ingest shares it."""

HISTORY_SQL = """
SELECT coalesce(sum(cost_nano), 0)::bigint, coalesce(sum(byok_nano), 0)::bigint FROM usage_hour
 WHERE organization_id = %(organization)s AND hour >= %(since)s
   AND CASE %(kind)s WHEN 0 THEN true
                     WHEN 1 THEN workspace_id = %(id)s
                     WHEN 2 THEN api_key_id = %(id)s
                     WHEN 3 THEN member_id = %(id)s
                     ELSE workspace_id = %(id)s >> 30 AND member_id = %(id)s & 1073741823 END
"""

USAGE_SQL = """
SELECT api_key_id,
       sum(cost_nano)::bigint, coalesce(sum(cost_nano) FILTER (WHERE hour >= %(d)s), 0)::bigint,
       coalesce(sum(cost_nano) FILTER (WHERE hour >= %(w)s), 0)::bigint,
       coalesce(sum(cost_nano) FILTER (WHERE hour >= %(m)s), 0)::bigint,
       sum(byok_nano)::bigint, coalesce(sum(byok_nano) FILTER (WHERE hour >= %(d)s), 0)::bigint,
       coalesce(sum(byok_nano) FILTER (WHERE hour >= %(w)s), 0)::bigint,
       coalesce(sum(byok_nano) FILTER (WHERE hour >= %(m)s), 0)::bigint
  FROM usage_hour WHERE api_key_id = ANY(%(keys)s) GROUP BY api_key_id
"""

WORKSPACE_USAGE_SQL = USAGE_SQL.replace("api_key_id", "workspace_id")


@dataclass(frozen=True)
class Spent:
    """Nano-dollars spent for good and in the current UTC day, week and month; BYOK at list price apart."""

    total: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    byok_total: int = 0
    byok_daily: int = 0
    byok_weekly: int = 0
    byok_monthly: int = 0

    def counted(self, interval: str, *, with_byok: bool) -> int:
        """What a limit of this interval ('d', 'w', 'm', 't') is compared with."""
        name = {"d": "daily", "w": "weekly", "m": "monthly", "t": "total"}[interval]
        spent: int = getattr(self, name)
        return spent + (getattr(self, f"byok_{name}") if with_byok else 0)


def spent_by_key(key_ids: Iterable[int], *, now: datetime | None = None) -> dict[int, Spent]:
    """Usage of each key; a key that was never used has zeros."""
    return _spent(USAGE_SQL, key_ids, now)


def spent_by_workspace(workspace: Workspace, *, now: datetime | None = None) -> Spent:
    """Usage of a workspace."""
    return _spent(WORKSPACE_USAGE_SQL, [workspace.pk], now)[workspace.pk]


def _spent(sql: str, of: Iterable[int], now: datetime | None) -> dict[int, Spent]:
    ids, at = list(of), now or timezone.now()
    windows = {interval: window_start(interval, at) for interval in ("d", "w", "m")}
    with connections["default"].cursor() as cursor:
        cursor.execute(sql, {**windows, "keys": ids})
        found = {row[0]: Spent(*row[1:]) for row in cursor.fetchall()}
    return {identifier: found.get(identifier, Spent()) for identifier in ids}


def ensure_purse(*, organization_id: int, subject: int, interval: str, using: str = "default") -> Purse:
    """The subject's purse, made with what it has already spent in the current window if it did not exist."""
    purses = Purse.objects.using(using).for_organization(organization_id)
    purse = purses.filter(subject=subject, interval=interval).first()
    if purse is not None:
        return purse
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        # Alone with the organization's history: ingest shares this lock and reads purses after taking it.
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [PURSE_LOCK, organization_id])
        since = window_start(interval, timezone.now()) if interval != "t" else LIFETIME_START
        kind, identifier = subject & 7, subject >> 3
        cursor.execute(
            HISTORY_SQL, {"organization": organization_id, "since": since, "kind": kind, "id": identifier}
        )
        spent, byok = cursor.fetchone()
        purse, _ = purses.get_or_create(
            subject=subject,
            interval=interval,
            defaults={
                "organization_id": organization_id,
                "window_start": since,
                "spent_nano": spent,
                "byok_nano": byok,
            },
        )
    return purse


def set_limits(
    purse: Purse, *, limit_nano: int | None, limit_with_byok_nano: int | None, is_strict: bool
) -> None:
    """Compare the purse with other limits from now on; holders of leases are told to give back at commit."""
    with connections[purse._state.db or "default"].cursor() as cursor:
        cursor.execute(
            "UPDATE purse SET limit_nano = %s, limit_with_byok_nano = %s, is_strict = %s, is_tight = %s WHERE id = %s",
            [
                limit_nano,
                limit_with_byok_nano,
                is_strict,
                limit_nano is not None or limit_with_byok_nano is not None,
                purse.pk,
            ],
        )
        cursor.execute("SELECT pg_notify('purse', %s)", [str(purse.pk)])


@dataclass(frozen=True)
class Limits:
    """What a subject's purses are compared with: nano-dollars by interval ('d', 'w', 'm', 't'); absent: nothing."""

    by_interval: Mapping[str, int]
    is_with_byok: bool
    is_strict: bool


def apply_key_limits(keys: Iterable[ApiKey]) -> None:
    """Make the purses of keys of one workspace say what the keys' limits say."""
    rows = list(keys)
    if rows:
        _apply(rows[0].organization_id, {api_key_subject(key.pk): _limits_of_key(key) for key in rows})


def apply_workspace_budgets(workspace: Workspace) -> None:
    """Make the workspace's purses say what its budgets say."""
    _apply(workspace.organization_id, {workspace_subject(workspace.pk): _limits_of_workspace(workspace)})


def apply_all_limits(workspace: Workspace, keys: Iterable[ApiKey]) -> None:
    """Make the purses of a workspace and of its keys say what their limits say, strictness included."""
    wanted = {api_key_subject(key.pk): _limits_of_key(key) for key in keys}
    wanted[workspace_subject(workspace.pk)] = _limits_of_workspace(workspace)
    _apply(workspace.organization_id, wanted)


def _limits_of_workspace(workspace: Workspace) -> Limits:
    budgets = dict(WorkspaceBudget.objects.for_workspace(workspace).values_list("interval", "limit_nano"))
    return Limits(budgets, workspace.is_byok_in_budgets, workspace.is_strict)


def _limits_of_key(key: ApiKey) -> Limits:
    limits = {} if key.limit_nano is None else {key.limit_interval: key.limit_nano}
    return Limits(limits, key.is_byok_in_limit, key.workspace.is_strict)


def _apply(organization_id: int, wanted: Mapping[int, Limits]) -> None:
    """Make missing purses first, then lock and set in the order of ids: both as ingest does, so nothing deadlocks.

    A purse of an interval without a limit goes on counting.
    """
    for subject, limits in wanted.items():
        for interval in limits.by_interval:
            ensure_purse(organization_id=organization_id, subject=subject, interval=interval)
    purses = Purse.objects.for_organization(organization_id).filter(subject__in=wanted)
    for purse in purses.order_by("pk"):
        limits = wanted[purse.subject]
        limit = limits.by_interval.get(purse.interval)
        set_limits(
            purse,
            limit_nano=None if limits.is_with_byok else limit,
            limit_with_byok_nano=limit if limits.is_with_byok else None,
            is_strict=limits.is_strict,
        )


def open_credit_purse(organization_id: int) -> Purse:
    """The organization's purse of credits, empty at first."""
    purse = ensure_purse(
        organization_id=organization_id, subject=organization_subject(organization_id), interval="t"
    )
    if purse.limit_nano is None:
        set_limits(purse, limit_nano=0, limit_with_byok_nano=None, is_strict=False)
        purse.refresh_from_db()
    return purse


def deposit_into_purses(deposits: Mapping[int, int]) -> None:
    """Raise (or lower) what organizations may spend, by their ids; fills `credits_deposited`.

    Missing purses are made first, in the order of organizations, and all are changed in the order of purses: both as
    ingest does, so that nothing deadlocks.
    """
    purses = {open_credit_purse(organization).pk: deposits[organization] for organization in sorted(deposits)}
    with connections["default"].cursor() as cursor:
        for purse, amount in sorted(purses.items()):
            cursor.execute(
                "UPDATE purse SET limit_nano = limit_nano + %s, is_tight = is_tight OR %s WHERE id = %s",
                [amount, amount < 0, purse],
            )
            cursor.execute("SELECT pg_notify('purse', %s)", [str(purse)])
