"""What this app does by the clock: forget codes that nobody can exchange any more."""

from __future__ import annotations

from datetime import timedelta

from config.lib.jobs import Job, deleting

JOBS = (
    Job("auth_codes", timedelta(hours=1), deleting("auth_code", "created_at < now() - interval '7 days'")),
)
