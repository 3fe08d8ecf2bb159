"""What rollups say, said of the generations themselves: the SQL that both rebuild and analytics use.

Each is the twin of what observability.ingest_usage does with a request when it is booked.
"""

from __future__ import annotations

from typing import Final

from observability.ingest_usage import BUCKETS_PER_DOUBLING, LONGEST_NAME, LOWEST_BUCKET

IS_GUARDED: Final = """jsonb_path_exists(detail,
 '$.pipeline[*] ? (@.type == "guardrail" && @.data.detected == true)')"""
IS_BYOK: Final = "(is_byok OR byok_nano > 0)"

MEASURES_OF_GENERATIONS: Final = {
    "requests": "count(*) FILTER (WHERE status <> 'refused')",
    "refused": "coalesce(sum(refused_count) FILTER (WHERE status = 'refused'), 0)",
    "errors": "count(*) FILTER (WHERE status = 'error')",
    **{
        name: f"sum({name})"
        for name in (
            *("prompt_tokens", "completion_tokens", "reasoning_tokens", "cached_tokens"),
            *("cache_write_tokens", "cost_nano", "byok_nano"),
        )
    },
    "latency_ms_sum": "coalesce(sum(latency_ms), 0)",
    "generation_ms_sum": "coalesce(sum(generation_ms), 0)",
    "timed": "count(latency_ms)",
    "byok_requests": f"count(*) FILTER (WHERE {IS_BYOK})",
    "byok_fee_nano": f"coalesce(sum(cost_nano) FILTER (WHERE {IS_BYOK}), 0)",
    "cached_answers": "count(*) FILTER (WHERE detail ->> 'cache' = 'hit' AND status <> 'refused')",
    "guarded": f"coalesce(sum(refused_count) FILTER (WHERE {IS_GUARDED}), 0)",
}
"""Every measure, as an aggregate of rows of `generation`."""

COLUMNS_OF_GENERATIONS: Final = {
    "api_key_id": "coalesce(api_key_id, 0)",
    "member_id": "coalesce(member_id, 0)",
    "endpoint_id": "coalesce(endpoint_id, 0)",
    "day": "(admitted_at AT TIME ZONE 'UTC')::date",
    "app": f"left(coalesce(nullif(app_title, ''), app_url, ''), {LONGEST_NAME})",
    "external_user": f"""left(coalesce("user", ''), {LONGEST_NAME})""",
}
"""Columns of rollups that a generation says in other words."""

TOKENS_PER_SECOND: Final = "nullif(completion_tokens * 1000.0 / nullif(generation_ms, 0), 0)"


def bucket_sql(value: str) -> str:
    """The bucket of a histogram that a number belongs to, which is not null."""
    log = f"floor(ln(greatest({value}, 1e-9)::float8) / ln(2::float8) * {BUCKETS_PER_DOUBLING})"
    return f"greatest({LOWEST_BUCKET}, {log})::smallint"
