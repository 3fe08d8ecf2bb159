"""What benchmarks.analytics times: each scenario is a name and something to call; add yours to `SCENARIOS`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

from config.lib.ids import generation_id, uuid7
from config.lib.scoping import tenant
from observability.activity import Asked, activity
from observability.analytics import Condition, Order, Question, run
from observability.analytics.question import dimension_named, granularity_named, metric_named
from observability.logs import LogFilter, log_page
from observability.usage_page import GROUPS, MEASURES, Shown, activity_of
from observability.usage_spans import RANGES

LARGE = 1
"""The organization that makes six in ten requests."""
ROUNDS = 7
PAGE = 50
NOW = datetime.now(UTC)
TODAY = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
MONTH = TODAY - timedelta(days=30)
HALFWAY = generation_id(uuid7(int((TODAY - timedelta(days=15)).timestamp() * 1000)))


def logs(before: str = "", **wanted: Any) -> Callable[[], object]:
    """A page of the log."""
    return lambda: log_page(LARGE, LogFilter(**wanted), before=before, size=PAGE)


def analytics(
    *metrics: str, by: str = "", granularity: str = "", limit: int = 1000, **asked: Any
) -> Callable[[], object]:
    """A query of the whole month."""
    span: dict[str, Any] = {"start": MONTH, "end": TODAY, "limit": limit}
    question = Question(
        **span | asked,
        metrics=tuple(metric_named(name) for name in metrics),
        dimensions=tuple(dimension_named(name) for name in by.split()),
        granularity=granularity_named(granularity) if granularity else None,
    )
    return lambda: run(LARGE, question)


def page(span: str, group: str) -> Callable[[], object]:
    """All that the activity page reads."""
    shown = Shown(RANGES[span].until(datetime.now(UTC)), GROUPS[group], MEASURES[0])
    return lambda: activity_of(LARGE, shown)


def equal(name: str, value: str | int) -> dict[str, Any]:
    """A filter."""
    return {"conditions": (Condition(dimension_named(name), "eq", (value,)),)}


SCENARIOS: dict[str, Callable[[], object]] = {
    "activity: 30 days": lambda: list(activity(LARGE, Asked())),
    "activity: 30 days, by workspace": lambda: list(activity(LARGE, Asked(is_by_workspace=True))),
    "activity: 30 days of a key": lambda: list(activity(LARGE, Asked(api_key_id=1007))),
    "activity page: 30 days by model": page("30d", "model"),
    "activity page: 30 days by key": page("30d", "api_key_id"),
    "activity page: 30 days by end user": page("30d", "external_user"),
    "activity page: 24 hours by model": page("day", "model"),
    "activity page: 12 months by member": page("12m", "user"),
    "log: first page": logs(),
    "log: a page in the middle": logs(HALFWAY),
    "log: failed ones": logs(status="error"),
    "log: one model": logs(model="maker-5/model-29"),
    "log: one key, in the middle": logs(HALFWAY, api_key_id=1007),
    "log: one workspace": logs(workspace_id=103),
    "analytics: totals": analytics("request_count", "total_usage", "cache_hit_rate", "avg_latency"),
    "analytics: by model": analytics("total_usage", "request_count", "tokens_total", by="model"),
    "analytics: by member and workspace": analytics("total_usage", by="user workspace"),
    "analytics: 100 dearest keys": analytics("total_usage", "request_count", by="api_key_id", limit=100),
    "analytics: by application and day": analytics("total_usage", by="app", granularity="day"),
    "analytics: by end user": analytics("total_usage", by="external_user"),
    "analytics: percentiles by provider and day": analytics(
        "p50_latency", "p90_latency", "p50_throughput", by="provider", granularity="day"
    ),
    "analytics: by model, of one key": analytics("total_usage", by="model", **equal("api_key_id", 1007)),
    "analytics: by key, of one model": analytics(
        "total_usage", by="api_key_id", **equal("model", "maker-5/model-29")
    ),
    "analytics: by model and key": analytics(
        "total_usage", by="model api_key_id", order=Order("total_usage", True)
    ),
    "analytics: by model, begun at any second": analytics(
        "total_usage", by="model", start=MONTH + timedelta(hours=5, seconds=1234)
    ),
    "analytics: by key and hour of a day": analytics(
        "request_count", by="api_key_id", granularity="hour", start=TODAY - timedelta(days=1)
    ),
}


def main() -> None:
    """Print the medians as JSON; the first round of each warms up and is not counted."""
    medians = {}
    for name, scenario in SCENARIOS.items():
        times = []
        for _ in range(ROUNDS + 1):
            with tenant(LARGE):
                began = time.perf_counter()
                scenario()
                times.append((time.perf_counter() - began) * 1000)
        medians[name] = round(median(times[1:]), 2)
        print(f"{medians[name]:>10.1f} ms  {name}", file=sys.stderr, flush=True)
    print(json.dumps(medians))
