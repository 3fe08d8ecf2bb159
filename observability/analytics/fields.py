"""What an analytics query may name: metrics, dimensions, operators, granularities. Whatever is not here is refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from observability.ingest_usage import LATENCY, THROUGHPUT


class Format(StrEnum):
    """How a metric is shown."""

    NUMBER = "number"
    CURRENCY = "currency"
    PERCENT = "percent"
    LATENCY = "latency"
    THROUGHPUT = "throughput"


@dataclass(frozen=True)
class Percentile:
    """A share of a histogram's requests, and which histogram."""

    kind: str
    share: float


@dataclass(frozen=True)
class Metric:
    """Something that can be asked for: an expression over the sums of measures, or a percentile.

    Money is in nano-dollars inside.
    """

    name: str
    label: str
    format: Format
    sql: str = ""
    measures: tuple[str, ...] = ()
    is_rate: bool = False
    percentile: Percentile | None = None

    @property
    def is_money(self) -> bool:
        """Whether it is nano-dollars inside and dollars outside."""
        return self.format == Format.CURRENCY


@dataclass(frozen=True)
class Dimension:
    """Something to group and to filter by: how a generation says it, and what stands for nothing.

    `is_number`: it is the number of an object, which the outside knows by another name.
    """

    name: str
    label: str
    of_generation: str
    unset: str | int | None = ""
    is_number: bool = False


@dataclass(frozen=True)
class Granularity:
    """A width of time buckets, and the longest range that it can be asked for."""

    name: str
    label: str
    longest: timedelta


def _count(name: str, label: str, sql: str, *measures: str) -> Metric:
    return Metric(name, label, Format.NUMBER, sql, measures or (sql,))


def _money(name: str, label: str, sql: str, *measures: str) -> Metric:
    return Metric(name, label, Format.CURRENCY, sql, measures or (sql,))


def _share(name: str, label: str, part: str, *wholes: str) -> Metric:
    sql = f"{part}::float8 / nullif({' + '.join(wholes)}, 0)"
    return Metric(name, label, Format.PERCENT, sql, (part, *wholes), is_rate=True)


def _percentiles(kind: str, label: str, shown: Format) -> tuple[Metric, ...]:
    return tuple(
        Metric(
            f"p{share}_{kind}",
            f"{label} (p{share})",
            shown,
            is_rate=True,
            percentile=Percentile(kind, share / 100),
        )
        for share in (50, 90, 99)
    )


REQUESTS: Final = "requests"
METRICS: Final = (
    _count("request_count", "Requests", REQUESTS),
    _count("refused_count", "Refused requests", "refused"),
    _count("error_count", "Failed requests", "errors"),
    _count("byok_request_count", "BYOK requests", "byok_requests"),
    _count("response_cached_count", "Answers from the cache", "cached_answers"),
    _count("guardrail_invoked_count", "Requests in which a guardrail found something", "guarded"),
    _count(
        *("tokens_total", "Tokens", "prompt_tokens + completion_tokens", "prompt_tokens", "completion_tokens")
    ),
    _count("tokens_prompt", "Prompt tokens", "prompt_tokens"),
    _count("tokens_completion", "Completion tokens", "completion_tokens"),
    _count("reasoning_tokens", "Reasoning tokens", "reasoning_tokens"),
    _count("cached_tokens", "Cached prompt tokens", "cached_tokens"),
    _count("cache_write_tokens", "Tokens written to a prompt cache", "cache_write_tokens"),
    _money("total_usage", "Spend, BYOK included", "cost_nano + byok_nano", "cost_nano", "byok_nano"),
    _money("credits_usage", "Credits spent", "cost_nano"),
    _money(
        "openrouter_usage", "Spend without BYOK", *("cost_nano - byok_fee_nano", "cost_nano", "byok_fee_nano")
    ),
    _money("byok_usage", "BYOK spend at list price", "byok_nano"),
    _money("byok_fees", "BYOK fees", "byok_fee_nano"),
    _share("cache_hit_rate", "Prompt tokens from the cache", "cached_tokens", "prompt_tokens"),
    _share("response_cached_rate", "Answers from the cache", "cached_answers", REQUESTS),
    _share("guardrail_invoked_rate", "A guardrail found something", "guarded", REQUESTS, "refused"),
    _share("error_rate", "Failed", "errors", REQUESTS),
    Metric(
        *("avg_latency", "Latency (average)", Format.LATENCY, "latency_ms_sum::float8 / nullif(timed, 0)"),
        measures=("latency_ms_sum", "timed"),
        is_rate=True,
    ),
    *_percentiles(LATENCY, "Latency", Format.LATENCY),
    Metric(
        *("avg_throughput", "Throughput (average)", Format.THROUGHPUT),
        sql="completion_tokens * 1000.0::float8 / nullif(generation_ms_sum, 0)",
        measures=("completion_tokens", "generation_ms_sum"),
        is_rate=True,
    ),
    *_percentiles(THROUGHPUT, "Throughput", Format.THROUGHPUT),
)

VARIANT: Final = "CASE WHEN position(':' IN model) > 0 THEN split_part(model, ':', 2) ELSE 'standard' END"
CONTEXT_LENGTHS: Final = """CASE WHEN prompt_tokens < 1000 THEN '1K' WHEN prompt_tokens < 10000 THEN '10K'
 WHEN prompt_tokens < 100000 THEN '100K' WHEN prompt_tokens < 1000000 THEN '1M' ELSE '10M' END"""
DIMENSIONS: Final = (
    Dimension("model", "Model", "model"),
    Dimension("variant", "Variant", VARIANT, unset=None),
    Dimension("provider", "Provider", "provider"),
    Dimension("workspace", "Workspace", "workspace_id", unset=None, is_number=True),
    Dimension("api_key_id", "API key", "coalesce(api_key_id, 0)", unset=0, is_number=True),
    Dimension("user", "Member", "coalesce(member_id, 0)", unset=0, is_number=True),
    Dimension("app", "Application", "left(coalesce(nullif(app_title, ''), app_url, ''), 256)"),
    Dimension("external_user", "End user", """left(coalesce("user", ''), 256)"""),
    Dimension("origin", "Application's address", "coalesce(app_url, '')"),
    Dimension("finish_reason", "Finish reason", "coalesce(finish_reason, '')"),
    Dimension("status", "Outcome", "status", unset=None),
    Dimension("tool", "Server tool", "coalesce(tool, '')"),
    Dimension("context_length_bucket", "Prompt length", CONTEXT_LENGTHS, unset=None),
    Dimension("generation_id", "Generation", "'gen-' || replace(id::text, '-', '')", unset=None),
)

OPERATORS: Final = {
    "eq": "=",
    "neq": "<>",
    "gt": ">",
    "gte": ">=",
    "lt": "<",
    "lte": "<=",
    "in": "= ANY",
    "not_in": "<> ALL",
}
OF_SETS: Final = frozenset({"in", "not_in"})
OF_ORDER: Final = frozenset({"gt", "gte", "lt", "lte"})

LONGEST_RANGE: Final = timedelta(days=366)
LONGEST_OF_GENERATIONS: Final = timedelta(days=31)
"""What no rollup knows is summed up from the generations themselves, and those of a year are too many."""
GRANULARITIES: Final = (
    Granularity("minute", "Minute", timedelta(hours=3)),
    Granularity("hour", "Hour", timedelta(days=31)),
    Granularity("day", "Day", LONGEST_RANGE),
    Granularity("week", "Week", LONGEST_RANGE),
    Granularity("month", "Month", LONGEST_RANGE),
)

METRICS_BY_NAME: Final = {metric.name: metric for metric in METRICS}
DIMENSIONS_BY_NAME: Final = {dimension.name: dimension for dimension in DIMENSIONS}
GRANULARITIES_BY_NAME: Final = {granularity.name: granularity for granularity in GRANULARITIES}
