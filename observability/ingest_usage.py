"""Sums up what the requests of a batch add to the rollups: by minute, by label, and as histograms. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import floor, log2
from typing import Any, NamedTuple

from observability.handling import guardrail_findings
from observability.journal_records import Begin, End, Refusal

SECOND, MINUTE, HOUR, DAY = 10**6, 60 * 10**6, 3600 * 10**6, 86_400 * 10**6
LONGEST_NAME = 256  # names are part of indexes, whose entries may have 2,700 bytes
BUCKETS_PER_DOUBLING = 4
LOWEST_BUCKET = -20
"""Throughputs below one token in 32 seconds are one to us."""

LABEL_MEASURES = (
    *("requests", "refused", "errors", "prompt_tokens", "completion_tokens", "reasoning_tokens"),
    *("cached_tokens", "cost_nano", "byok_nano"),
)
MEASURES = (*LABEL_MEASURES, "latency_ms_sum", "generation_ms_sum")
DAY_MEASURES = (
    *MEASURES,
    *("timed", "cache_write_tokens", "byok_requests", "byok_fee_nano", "cached_answers", "guarded"),
)
APP, USER = "app", "user"
LATENCY, THROUGHPUT = "latency", "throughput"


class UsageKey(NamedTuple):
    """What the sums of a batch are kept by; `minute` is a Unix microsecond."""

    organization_id: int
    workspace_id: int
    api_key_id: int
    member_id: int
    model: str
    provider: str
    endpoint_id: int
    minute: int


class LabelKey(NamedTuple):
    """What a caller says of himself, on a day: the Unix microsecond of its beginning."""

    organization_id: int
    workspace_id: int
    day: int
    kind: str
    label: str


class SpeedKey(NamedTuple):
    """A bucket of a histogram, on a day: the Unix microsecond of its beginning."""

    organization_id: int
    day: int
    model: str
    provider: str
    kind: str
    bucket: int


@dataclass(slots=True)
class UsageSums:
    """What a batch adds to the rollups; the lists are in the order of DAY_MEASURES and LABEL_MEASURES."""

    minutes: dict[tuple[Any, ...], list[int]] = field(default_factory=dict)
    labels: dict[tuple[Any, ...], list[int]] = field(default_factory=dict)
    speeds: dict[tuple[Any, ...], int] = field(default_factory=dict)
    """The keys have the fields of UsageKey, LabelKey and SpeedKey: plain tuples, made by the million."""

    def add_finished(self, begin: Begin, end: End, model: str, provider: str) -> None:
        """Count a request that was not refused."""
        context, minute = begin.context, begin.admitted_at - begin.admitted_at % MINUTE
        endpoint = context.get("endpoint_id") if end.endpoint_id is None else end.endpoint_id
        key = (
            *(begin.organization_id, begin.workspace_id, begin.api_key_id or 0, begin.member_id or 0),
            *(model, provider, endpoint if type(endpoint) is int else 0, minute),
        )
        sums = self.minutes.get(key)
        if sums is None:
            sums = self.minutes[key] = [0] * len(DAY_MEASURES)
        day = begin.admitted_at - begin.admitted_at % DAY
        _count(sums, end)
        self._add_speed(sums, (begin.organization_id, day, model, provider), end)
        sums[12] += end.cache_write_tokens
        if end.is_byok or end.byok_nano or context.get("is_byok"):
            sums[13] += 1
            sums[14] += end.cost_nano
        told = end.detail if "cache" in end.detail else context
        sums[15] += told.get("cache") == "hit"
        told = end.detail if "pipeline" in end.detail else context
        if "pipeline" in told and guardrail_findings(told):
            sums[16] += 1
        for kind, label in ((APP, app_of(context)), (USER, user_of(context))):
            place = (begin.organization_id, begin.workspace_id, day, kind, label)
            labelled = self.labels.get(place)
            if labelled is None:
                labelled = self.labels[place] = [0] * len(LABEL_MEASURES)
            _count(labelled, end)

    def add_refusal(self, refusal: Refusal, model: str) -> None:
        """Count a request, or many alike ones, that was refused."""
        minute = refusal.admitted_at - refusal.admitted_at % MINUTE
        key = (
            *(refusal.organization_id, refusal.workspace_id, refusal.api_key_id or 0, refusal.member_id or 0),
            *(model, "", 0, minute),
        )
        sums = self.minutes.setdefault(key, [0] * len(DAY_MEASURES))
        sums[1] += refusal.count
        if guardrail_findings(refusal.detail):
            sums[16] += refusal.count
        day = refusal.admitted_at - refusal.admitted_at % DAY
        for kind, label in ((APP, app_of(refusal.detail)), (USER, user_of(refusal.detail))):
            place = (refusal.organization_id, refusal.workspace_id, day, kind, label)
            self.labels.setdefault(place, [0] * len(LABEL_MEASURES))[1] += refusal.count

    def _add_speed(self, sums: list[int], place: tuple[Any, ...], end: End) -> None:
        latency, generation = end.latency_ms, end.generation_ms
        if latency is not None:
            sums[9] += latency
            sums[11] += 1
            bucket = (*place, LATENCY, bucket_of(latency))
            self.speeds[bucket] = self.speeds.get(bucket, 0) + 1
        if generation is not None:
            sums[10] += generation
            if generation > 0 and end.completion_tokens > 0:
                bucket = (*place, THROUGHPUT, bucket_of(end.completion_tokens * 1000 / generation))
                self.speeds[bucket] = self.speeds.get(bucket, 0) + 1


def _count(sums: list[int], end: End) -> None:
    """Add what every rollup adds up."""
    sums[0] += 1
    sums[2] += end.status == "error"
    sums[3] += end.prompt_tokens
    sums[4] += end.completion_tokens
    sums[5] += end.reasoning_tokens
    sums[6] += end.cached_tokens
    sums[7] += end.cost_nano
    sums[8] += end.byok_nano


def bucket_of(value: float) -> int:
    """The bucket of a histogram that a latency (ms) or throughput (tokens/s) belongs to."""
    if value <= 0:
        return LOWEST_BUCKET
    return max(LOWEST_BUCKET, floor(log2(value) * BUCKETS_PER_DOUBLING))


def app_of(told: dict[str, Any]) -> str:
    """What an application calls itself: its title, else its address."""
    app = told.get("app_title") or told.get("app_url")
    return (app if isinstance(app, str) else str(app))[:LONGEST_NAME] if app else ""


def user_of(told: dict[str, Any]) -> str:
    """Whom an application names as its end user."""
    user = told.get("user")
    return (user if isinstance(user, str) else str(user))[:LONGEST_NAME] if user else ""
