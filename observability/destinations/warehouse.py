"""A generation as one row of a table, for the destinations that are databases (spec: broadcast, warehouse columns)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from config.lib.declared import Text
from observability.destinations.json_kind import dollars
from observability.destinations.otlp import json_text, root_attributes
from observability.trace import Trace

NAME: Final = r"[A-Za-z_][A-Za-z0-9_$]{0,254}"
"""What a database, schema, table or warehouse may be called; so none needs more than quotes."""
JSON_COLUMNS: Final = ("INPUT", "OUTPUT", "METADATA", "MODEL_PARAMETERS", "ATTRIBUTES", "RESOURCE_ATTRIBUTES")
CACHE_WRITE: Final = "CACHE_WRITE_TOKENS"
COLUMNS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("TRACE_ID", "SPAN_ID", "PARENT_SPAN_ID", "USER_ID", "SESSION_ID"), "text"),
    **dict.fromkeys(("ORGANIZATION_ID", "ENTITY_ID", "API_KEY_NAME"), "text"),
    **dict.fromkeys(("TIMESTAMP", "START_TIME", "END_TIME"), "time"),
    "DURATION_MS": "whole",
    **dict.fromkeys(("SPAN_NAME", "SPAN_TYPE", "MODEL", "PROVIDER_NAME", "PROVIDER_SLUG"), "text"),
    **dict.fromkeys(("STATUS", "LEVEL", "FINISH_REASON"), "text"),
    **dict.fromkeys(("PROMPT_TOKENS", "COMPLETION_TOKENS", "TOTAL_TOKENS"), "whole"),
    **dict.fromkeys(("CACHED_TOKENS", "REASONING_TOKENS"), "whole"),
    **dict.fromkeys(("INPUT_COST", "OUTPUT_COST", "TOTAL_COST"), "number"),
    "TAGS": "texts",
    **dict.fromkeys(JSON_COLUMNS, "json"),
}
"""Columns and what they hold, in the order of the documented table."""


def name_field(name: str, about: str) -> Text:
    """The name of something in a database."""
    return Text(name=name, pattern=NAME, most=255, help=about)


def columns(*, with_cache_writes: bool) -> dict[str, str]:
    """The columns that a table has."""
    return {**COLUMNS, CACHE_WRITE: "whole"} if with_cache_writes else dict(COLUMNS)


def row_of(trace: Trace, *, with_cache_writes: bool = False) -> dict[str, Any]:
    """The row; times are datetimes, JSON is text, tags a list."""
    usage = trace.usage
    row: dict[str, Any] = {
        "TRACE_ID": trace.trace_id,
        "SPAN_ID": trace.span_id,
        "PARENT_SPAN_ID": trace.parent_span_id,
        "USER_ID": trace.user,
        "SESSION_ID": trace.session_id,
        "ORGANIZATION_ID": trace.organization_id,
        "ENTITY_ID": trace.described.get("entity_id", trace.organization_id),
        "API_KEY_NAME": trace.api_key_name,
        "TIMESTAMP": moment(trace.started_ns),
        "START_TIME": moment(trace.started_ns),
        "END_TIME": moment(trace.ended_ns),
        "DURATION_MS": (trace.ended_ns - trace.started_ns) // 1_000_000,
        "SPAN_NAME": trace.generation_name or "LLM Generation",
        "SPAN_TYPE": "TOOL" if trace.is_tool_run else "GENERATION",
        "MODEL": trace.response_model,
        "PROVIDER_NAME": trace.provider,
        "PROVIDER_SLUG": trace.provider_slug,
        "STATUS": "error" if trace.is_error else "ok",
        "LEVEL": "ERROR" if trace.is_error else "DEFAULT",
        "FINISH_REASON": trace.finish_reason,
        "PROMPT_TOKENS": usage.input,
        "COMPLETION_TOKENS": usage.output,
        "TOTAL_TOKENS": usage.total,
        "CACHED_TOKENS": usage.cached or 0,
        "REASONING_TOKENS": usage.reasoning or 0,
        "INPUT_COST": dollars(usage.input_cost_nano),
        "OUTPUT_COST": dollars(usage.output_cost_nano),
        "TOTAL_COST": dollars(usage.total_cost_nano),
        "TAGS": list(trace.tags),
        **_json_columns(trace),
    }
    return {**row, CACHE_WRITE: usage.cache_write or 0} if with_cache_writes else row


def moment(nanoseconds: int) -> datetime:
    """In UTC."""
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC)


def _json_columns(trace: Trace) -> dict[str, str | None]:
    names = {
        "trace_id": trace.trace_id,
        "trace_name": trace.trace_name,
        "span_name": trace.span_name,
        "generation_name": trace.generation_name,
    }
    given = {name: value for name, value in names.items() if value is not None}
    attributes = {
        name: value
        for name, value in root_attributes(trace).items()
        if value is not None and name not in CONTENT_ATTRIBUTES
    }
    return {
        "INPUT": None if trace.input is None else json_text(trace.input),
        "OUTPUT": None if trace.output is None else json_text(trace.output),
        "METADATA": json_text(dict(trace.custom) | given),
        "MODEL_PARAMETERS": json_text(trace.parameters),
        "ATTRIBUTES": json_text(attributes),
        "RESOURCE_ATTRIBUTES": json_text({"openrouter.trace.id": trace.generation_id}),
    }


CONTENT_ATTRIBUTES: Final = frozenset(
    {
        *("gen_ai.prompt", "span.input", "trace.input"),
        *("gen_ai.completion", "span.output", "trace.output"),
    }
)
"""What INPUT and OUTPUT hold already."""
