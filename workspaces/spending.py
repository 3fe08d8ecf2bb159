"""Purses: making them with their true count, and setting what they are compared with (spec: money §1).

A purse belongs to a subject and an interval. Limits, strictness and BYOK flags only choose what the count is
compared with, so all of them change with one UPDATE and are right at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, TypeAlias

from django.db import connections, transaction
from django.utils import timezone

from config.lib.money import LIFETIME_START, window_start
from config.lib.subjects import organization_subject
from workspaces.models import Purse

Place: TypeAlias = tuple[int, str]
"""A subject and an interval, which a purse is for."""

PURSE_LOCK = 7241
"""Advisory lock (this, organization): a purse's creation takes it alone, ingest shares it."""

OPEN_SQL = """
INSERT INTO purse (organization_id, subject, interval, window_start, spent_nano, byok_nano)
SELECT %(organization)s, wanted.subject, wanted.interval, wanted.since,
       coalesce(sum(used.cost_nano), 0)::bigint, coalesce(sum(used.byok_nano), 0)::bigint
  FROM unnest(%(subjects)s::bigint[], %(intervals)s::text[], %(since)s::timestamptz[])
       wanted (subject, interval, since)
  LEFT JOIN (SELECT who.subject, hour, cost_nano, byok_nano FROM usage_hour
              CROSS JOIN LATERAL (VALUES (organization_id << 3), (workspace_id << 3 | 1), (api_key_id << 3 | 2),
                                  (member_id << 3 | 3), ((workspace_id << 30 | member_id) << 3 | 4)) who (subject)
              WHERE organization_id = %(organization)s AND hour >= %(earliest)s) used
    ON used.subject = wanted.subject AND used.hour >= wanted.since
 GROUP BY 1, 2, 3, 4 ORDER BY 2, 3
ON CONFLICT (subject, interval) DO NOTHING
"""
"""Subjects are numbered as config.lib.subjects does."""

SET_LIMITS_SQL = """
WITH changed AS (
  UPDATE purse SET limit_nano = new.limit_nano, limit_with_byok_nano = new.limit_with_byok_nano,
         is_strict = new.is_strict, is_tight = coalesce(new.limit_nano, new.limit_with_byok_nano) IS NOT NULL
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::boolean[])
         new (id, limit_nano, limit_with_byok_nano, is_strict)
   WHERE purse.id = new.id RETURNING purse.id)
SELECT pg_notify('purse', id::text) FROM changed
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
    ids, at = list(key_ids), now or timezone.now()
    windows = {interval: window_start(interval, at) for interval in ("d", "w", "m")}
    with connections["default"].cursor() as cursor:
        cursor.execute(USAGE_SQL, {**windows, "keys": ids})
        found = {row[0]: Spent(*row[1:]) for row in cursor.fetchall()}
    return {identifier: found.get(identifier, Spent()) for identifier in ids}


def spent_on(organization_id: int, places: Collection[Place]) -> dict[Place, tuple[int, int]]:
    """What purses count in their current windows, and with BYOK beside it: what enforcement compares limits with."""
    now = timezone.now()
    purses = Purse.objects.for_organization(organization_id).filter(subject__in=[who for who, _ in places])
    counted = {
        (purse.subject, purse.interval): (purse.spent_nano, purse.byok_nano)
        for purse in purses
        if purse.interval == "t" or purse.window_start >= window_start(purse.interval, now)
    }
    return {place: counted.get(place, (0, 0)) for place in places}


def open_purses(organization_id: int, places: Collection[Place]) -> None:
    """Make purses with what was already spent in their current windows; those that exist stay as they are."""
    lock_history(organization_id)
    now = timezone.now()
    since = [LIFETIME_START if interval == "t" else window_start(interval, now) for _, interval in places]
    with connections["default"].cursor() as cursor:
        cursor.execute(
            OPEN_SQL,
            {
                "organization": organization_id,
                "subjects": [subject for subject, _ in places],
                "intervals": [interval for _, interval in places],
                "since": since,
                "earliest": min(since),
            },
        )


def lock_history(organization_id: int) -> None:
    """Be alone with the organization's history: ingest shares this lock, and locks purses after taking it."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [PURSE_LOCK, organization_id])


def ensure_purse(*, organization_id: int, subject: int, interval: str) -> Purse:
    """The subject's purse, made with what it has already spent in the current window if it did not exist."""
    purses = Purse.objects.for_organization(organization_id).filter(subject=subject, interval=interval)
    purse: Purse | None = purses.first()
    if purse is None:
        with transaction.atomic():
            open_purses(organization_id, [(subject, interval)])
        purse = purses.get()
    return purse


class PurseLimits(NamedTuple):
    """What a purse is compared with: spent alone, and spent with BYOK; None: nothing."""

    purse_id: int
    limit_nano: int | None
    limit_with_byok_nano: int | None
    is_strict: bool


def set_limits(limits: Collection[PurseLimits]) -> None:
    """Compare purses with other limits from now on; holders of leases are told to give back at commit."""
    with connections["default"].cursor() as cursor:
        cursor.execute(SET_LIMITS_SQL, [list(column) for column in zip(*limits, strict=True)])


def open_credit_purse(organization_id: int) -> Purse:
    """The organization's purse of credits, empty at first."""
    purse = ensure_purse(
        organization_id=organization_id, subject=organization_subject(organization_id), interval="t"
    )
    if purse.limit_nano is None:
        set_limits([PurseLimits(purse.pk, 0, None, False)])
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
