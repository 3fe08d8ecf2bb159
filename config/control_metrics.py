"""What the control plane counts for Prometheus."""

from __future__ import annotations

from config.lib.metrics import OWN_WORK, Level, Seconds, Total

REQUESTS = Seconds(
    "headgate_control_request_seconds",
    "Seconds that Django took for a request, by route (its pattern), method and status.",
    ["route", "method", "status"],
    OWN_WORK,
)
DATABASE = Seconds(
    "headgate_control_database_seconds",
    "Seconds of a request that were spent waiting for the database, by route.",
    ["route"],
    OWN_WORK,
)
STATEMENTS = Total("headgate_control_statements_total", "SQL statements of requests, by route.", ["route"])
INSIDE = Level("headgate_door_inside", "Requests that hold a thread and a connection.")
WAITING = Level("headgate_door_waiting", "Requests that wait outside for their turn.")
WAIT = Seconds("headgate_door_wait_seconds", "Seconds that a request waited outside.", [], OWN_WORK)
TURNED_AWAY = Total(
    "headgate_door_turned_away_total", "Requests that were not let in: too_large, too_busy.", ["reason"]
)
