"""What the gateway counts for Prometheus; no label names a tenant."""

from __future__ import annotations

from config.lib.metrics import ANSWERS, OWN_WORK, Level, Seconds, Total

PRIVATE = "private"
"""In the place of a provider, where it is an endpoint of an organization's own."""

REQUESTS = Seconds(
    "headgate_request_seconds",
    "Seconds from a request's head to the end of its answer, by route and HTTP status (0: the client left).",
    ["route", "status"],
    ANSWERS,
)
OWN = Seconds(
    "headgate_gateway_own_seconds",
    "Seconds from a request's head, its body included, to its first provider being asked: what Headgate adds.",
    ["dialect"],
    OWN_WORK,
)
FIRST = Seconds(
    "headgate_upstream_first_seconds",
    "Seconds from asking a provider to the first of its answer, or to all of it where it is not streamed.",
    ["provider"],
    ANSWERS,
)
REFUSALS = Total("headgate_refusals_total", "Refused requests by rule.", ["rule"])
UPSTREAM_FAILURES = Total(
    "headgate_upstream_failures_total",
    "Attempts that failed, by provider and type of error.",
    ["provider", "error_type"],
)
OPEN_REQUESTS = Level("headgate_open_requests", "Requests being served.")
OPEN_STREAMS = Level("headgate_open_streams", "Requests being served whose answer is streamed.")
LOOP_LAG = Level(
    "headgate_loop_lag_seconds", "By how much the event loop was late at most, since the last report."
)
IS_READY = Level("headgate_ready", "1 while /readyz says so, else 0.")
KNOWN_POLICIES = Level("headgate_known_policies", "Policies in the cache.")
POLICY_AGE = Level("headgate_policy_age_seconds", "Seconds since the versions of policies were last read.")
LEASE_CALLS = Total("headgate_lease_calls_total", "Calls made to the database for leases.")
LEASED_PURSES = Level("headgate_leased_purses", "Purses that a lease is held on.")
TIGHT_PURSES = Level(
    "headgate_tight_purses", "Of those, purses near their limit: each request asks the database."
)
WAITING_FOR_MONEY = Level("headgate_waiting_for_money", "Requests that wait for a lease now.")
DATABASE_SILENCE = Level("headgate_database_silence_seconds", "Seconds since the database last answered.")
OPEN_IN_JOURNAL = Level("headgate_journal_open", "Generations begun and not ended.")
JOURNAL_BYTES = Total("headgate_journal_bytes_total", "Bytes written into the journal.")
JOURNAL_UNSYNCED = Level("headgate_journal_unsynced_bytes", "Bytes of the journal not yet on the disk.")
JOURNAL_UNWRITTEN = Level(
    "headgate_journal_unwritten_ends", "Ends that wait in memory because the journal's disk is full."
)
JOURNAL_FREE = Level("headgate_journal_free_bytes", "Bytes that are free on the journal's disk.")
LOST_REFUSALS = Total(
    "headgate_journal_lost_refusals_total", "Refusals that a full disk kept out of the journal."
)
OUTAGES = Level(
    "headgate_endpoints_in_outage",
    "Endpoints that did not answer in the last 30 seconds, by provider.",
    ["provider"],
)
LOST_CONTENTS = Total(
    "headgate_lost_contents_total", "Prompts and answers that were wanted and could not be kept."
)
