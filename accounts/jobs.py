"""What this app does by the clock: forget what has expired."""

from __future__ import annotations

from datetime import timedelta

from django.db import connections, transaction

from accounts.notifications.history import forget_old
from config.lib.environment import environment
from config.lib.jobs import ROWS_AT_ONCE, Job, deleting

AUDIT = """
DELETE FROM {table} WHERE id = ANY (ARRAY(
  SELECT id FROM {table} WHERE created_at < now() - make_interval(days => %s) ORDER BY id LIMIT %s))
"""


def forget_old_audit_entries() -> int:
    """Delete some revisions and events that are older than the operator wants; what they told is then unknown."""
    days = environment().audit_retention_days
    if not days:
        return 0
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        deleted = 0
        for table in ("revision", "audit_event"):
            cursor.execute(AUDIT.format(table=table), [days, ROWS_AT_ONCE])
            deleted += cursor.rowcount
    return deleted


JOBS = (
    Job("sessions", timedelta(hours=1), deleting("django_session", "expire_date < now()")),
    Job(
        "session_lists",
        timedelta(hours=1),
        deleting(
            "usersessions_usersession",
            "last_seen_at < now() - interval '1 hour' AND NOT EXISTS (SELECT FROM django_session"
            " WHERE django_session.session_key = usersessions_usersession.session_key)",
        ),
    ),
    Job(
        "idempotent_answers",
        timedelta(hours=1),
        deleting("idempotent_answer", "created_at < now() - interval '24 hours'"),
    ),
    Job(
        "shared_counters",
        timedelta(minutes=15),
        # Days are counted by their first minute, under names that say so (config.lib.shared).
        deleting(
            "shared_counter",
            "minute < extract(epoch FROM now()) / 60 - CASE WHEN subject LIKE 'day:%' THEN 1441 ELSE 10 END",
        ),
    ),
    Job("notifications", timedelta(days=1), forget_old),
    Job(
        "audit_log",
        timedelta(days=1),
        forget_old_audit_entries,
        is_needed=lambda: environment().audit_retention_days > 0,
    ),
)
