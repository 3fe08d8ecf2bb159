"""How much of an organization's BYOK is free of the fee each month: a limit on its monthly purse (spec: money §1)."""

from __future__ import annotations

from django.db import connections, transaction

from config.lib.environment import environment
from config.lib.subjects import organization_subject
from workspaces.spending import ensure_purse

OPEN_SQL = """
UPDATE purse SET limit_on_byok_nano = %(nano)s, is_strict = true, is_tight = true
 WHERE id = %(purse)s AND limit_on_byok_nano IS DISTINCT FROM %(nano)s RETURNING pg_notify('purse', id::text)
"""
FOLLOW_SQL = """
UPDATE purse SET limit_on_byok_nano = %(nano)s, is_tight = true
 WHERE limit_on_byok_nano <> %(nano)s RETURNING pg_notify('purse', id::text)
"""


def open_allowance(organization_id: int) -> None:
    """Begin to count the organization's BYOK against its free allowance; that of this month is known already."""
    subject = organization_subject(organization_id)
    with transaction.atomic(), connections["default"].cursor() as cursor:
        purse = ensure_purse(organization_id=organization_id, subject=subject, interval="m")
        nano = environment().byok_fee.free_monthly_nano
        cursor.execute(OPEN_SQL, {"purse": purse.pk, "nano": nano})


def follow_setting(*, using: str) -> None:
    """Let the allowances of all organizations be what the environment says now."""
    with connections[using].cursor() as cursor:
        cursor.execute(FOLLOW_SQL, {"nano": environment().byok_fee.free_monthly_nano})
