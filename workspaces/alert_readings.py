"""What balances, budgets and key limits stand at, for notifications; fills `alert_readings`.

Read from the purses, which enforcement compares limits with. Where nothing was spent in the current window there is no
reading, and nothing to tell.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db import connections

from accounts.notifications.crossings import Reading
from accounts.notifications.kinds import KEY_LIMIT, LOW_BALANCE, WORKSPACE_BUDGET
from config.lib.money import plain_usd, usd_from_nano, window_start
from workspaces.budget_layers import resets_at
from workspaces.models import WorkspaceBudget

INTERVALS = {letter: name for name, letter in WorkspaceBudget.INTERVALS.items()}
CURRENT = """purse.window_start >= CASE purse.interval WHEN 'd' THEN %(day)s WHEN 'w' THEN %(week)s
                              WHEN 'm' THEN %(month)s ELSE %(lifetime)s END"""
BALANCES_SQL = """
SELECT organization_id, limit_nano - spent_nano FROM purse
 WHERE organization_id = ANY(%(ids)s) AND subject = organization_id << 3 AND interval = 't' AND limit_nano > 0
"""
"""An organization that never had credits is not low on them."""
BUDGETS_SQL = f"""
SELECT purse.organization_id, purse.subject, purse.interval, purse.window_start, budget.limit_nano,
       spent_nano + CASE WHEN is_byok_in_budgets THEN byok_nano ELSE 0 END,
       workspace.public_id, workspace.name, workspace.name, NULL
  FROM workspace_budget budget
  JOIN workspace ON workspace.id = budget.workspace_id AND workspace.deleted_at IS NULL
  JOIN purse ON purse.subject = workspace.id << 3 | 1 AND purse.interval = budget.interval
 WHERE budget.organization_id = ANY(%(ids)s) AND {CURRENT} ORDER BY purse.id
"""  # noqa: S608  # words of ours
KEYS_SQL = f"""
SELECT purse.organization_id, purse.subject, purse.interval, purse.window_start, api_key.limit_nano,
       spent_nano + CASE WHEN is_byok_in_limit THEN byok_nano ELSE 0 END,
       workspace.public_id, workspace.name, api_key.name, api_key.hash
  FROM api_key
  JOIN workspace ON workspace.id = api_key.workspace_id AND workspace.deleted_at IS NULL
  JOIN purse ON purse.subject = api_key.id << 3 | 2 AND purse.interval = api_key.limit_interval
 WHERE api_key.organization_id = ANY(%(ids)s) AND api_key.limit_nano > 0 AND api_key.deleted_at IS NULL
   AND NOT api_key.is_disabled AND (api_key.expires_at IS NULL OR api_key.expires_at > %(now)s) AND {CURRENT}
 ORDER BY purse.id
"""  # noqa: S608  # words of ours


def balances(ids: Collection[int], now: datetime) -> list[Reading]:
    """What is left of each organization's credits."""
    return [
        Reading(
            organization_id=organization_id,
            subject="balance",
            value=left,
            facts={"name": "Credits", "balance_usd": _dollars(left)},
        )
        for organization_id, left in _rows(BALANCES_SQL, ids, now)
    ]


def budgets(ids: Collection[int], now: datetime) -> list[Reading]:
    """What is spent of the workspaces' budgets."""
    return [_spent("workspace", row, now) for row in _rows(BUDGETS_SQL, ids, now)]


def key_limits(ids: Collection[int], now: datetime) -> list[Reading]:
    """What is spent of the limits of keys that can be used."""
    return [_spent("key", row, now) for row in _rows(KEYS_SQL, ids, now)]


READERS = {LOW_BALANCE: balances, WORKSPACE_BUDGET: budgets, KEY_LIMIT: key_limits}


def _spent(what: str, row: Any, now: datetime) -> Reading:
    organization_id, subject, interval, window, limit, spent, workspace, workspace_name, name, key = row
    resets = resets_at(interval, max(now, window))
    return Reading(
        organization_id=organization_id,
        subject=f"{what}:{subject >> 3}/{interval}",
        value=spent,
        limit=limit,
        window=window,
        workspace=str(workspace),
        facts={
            "name": name,
            "workspace_name": workspace_name,
            "interval": INTERVALS[interval],
            "spent_usd": _dollars(spent),
            "limit_usd": _dollars(limit),
            "resets_at": resets and resets.isoformat().replace("+00:00", "Z"),
            **({"key_hash": key} if key else {}),
        },
    )


def _rows(query: str, ids: Collection[int], now: datetime) -> list[Any]:
    windows = {
        name: window_start(interval, now)
        for name, interval in (("day", "d"), ("week", "w"), ("month", "m"), ("lifetime", "t"))
    }
    with connections["default"].cursor() as cursor:
        cursor.execute(query, {"ids": list(ids), "now": now, **windows})
        return list(cursor.fetchall())


def _dollars(nano: int) -> str:
    return plain_usd(usd_from_nano(nano))
