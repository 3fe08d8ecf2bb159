"""What this app does by the clock: remove what gateways leave behind when none of them runs."""

from __future__ import annotations

from datetime import timedelta

from config.lib.jobs import Job, deleting

JOBS = (
    Job("cached_answers", timedelta(minutes=15), deleting("response_cache", "expires_at <= now()")),
    Job(
        "shared_posts",
        timedelta(hours=1),
        deleting("shared_post", "posted_at < clock_timestamp() - interval '10 minutes'"),
    ),
)
