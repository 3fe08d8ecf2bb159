"""Builds what destinations are told of requests, from the rows, the contents and the names of a batch."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from config.lib.ids import generation_id
from observability.handling import is_tool_run, number_in, object_in, objects_in, text_in
from observability.trace import Attempt, Trace, Usage
from observability.trace_costs import Divided, Prices, Tokens, divided
from observability.trace_groups import groups_of, user_id
from observability.trace_ids import parent_span_id_of, span_id_of, trace_id_of
from observability.trace_rows import Row

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
NS_PER_US: Final = 1_000
NS_PER_MS: Final = 1_000_000
FEMTO: Final = 10**15
SPECIAL: Final = frozenset({"trace_id", "trace_name", "span_name", "generation_name", "parent_span_id"})
EXECUTE_TOOL: Final = "execute_tool"
OPERATIONS: Final = {"embeddings": "embeddings", "completions": "text_completion"}
ERRORS: Final = {"error": "Provider returned error", "interrupted": "The answer was interrupted"}
OURS: Final = ("openrouter.", "openrouter_", "span.metadata.openrouter", "provider_responses")
"""How the names of metadata begin that only Headgate tells."""
NO_CONTENT: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class Telling:
    """What a destination wants to hear: without content (`is_private`), and which groups of metadata beside."""

    is_private: bool = False
    groups: Collection[str] = ()


def trace_of(row: Row, content: Mapping[str, Any] | None, telling: Telling) -> Trace:
    """The trace of one request. Under privacy mode the content is not even looked at."""
    known = NO_CONTENT if content is None or telling.is_private else content
    detail = row.detail if isinstance(row.detail, dict) else {}
    given = object_in(detail, "trace")
    public_id = generation_id(row.id)
    above_id = generation_id(row.request_id) if row.request_id else None
    trace_id = trace_id_of(_name(given, "trace_id"), above_id or public_id)
    started, first, ended = _times(row)
    parts = _divided(row)
    model = row.model.partition(":")[0]
    is_run = is_tool_run(row.tool, row.model, row.endpoint_id)
    return Trace(
        generation_id=public_id,
        trace_id=trace_id,
        span_id=span_id_of(public_id),
        trace_name=_name(given, "trace_name"),
        **_places(row, given, trace_id, above_id),
        started_ns=started,
        ended_ns=ended,
        first_token_ns=first,
        model=model,
        response_model=row.model,
        author=model.partition("/")[0],
        provider=row.provider_name or row.provider,
        provider_slug=row.provider,
        usage=_usage(row, parts),
        organization_id=str(row.organization_id),
        workspace_id=str(row.workspace_id),
        api_key_name=row.key_name or "",
        is_streamed=row.is_streamed,
        operation=EXECUTE_TOOL if is_run else OPERATIONS.get(row.dialect, "chat"),
        finish_reason=row.finish_reason,
        native_finish_reason=row.native_finish_reason,
        http_status=row.http_status,
        error=ERRORS.get(row.status),
        user=row.user,
        session_id=row.session_id,
        environment=_name(given, "environment"),
        release=_name(given, "release"),
        tags=_tags(given),
        parameters=object_in(known, "parameters"),
        input=known.get("input"),
        output=known.get("output"),
        attempts=() if is_run else _attempts(row, detail, started, ended),
        custom={_own(name): value for name, value in given.items() if name not in SPECIAL},
        described=_described(row),
        groups=groups_of(row, telling.groups, parts),
        above_id=above_id,
        tool=row.tool,
        is_tool_run=is_run,
    )


def _places(row: Row, given: Mapping[str, Any], trace_id: str, above_id: str | None) -> dict[str, str | None]:
    """What it is called and what it stands below: a step below its request, which has the caller's own span above."""
    if above_id is not None:
        name = row.tool or _name(given, "generation_name")
        return {"parent_span_id": span_id_of(above_id), "generation_name": name}
    span_name = _name(given, "span_name")
    return {
        "parent_span_id": parent_span_id_of(_name(given, "parent_span_id"), trace_id, span_name),
        "span_name": span_name,
        "generation_name": _name(given, "generation_name"),
    }


def _own(name: str) -> str:
    """The name of a caller's own metadata, which cannot pass for ours."""
    return f"custom.{name}" if name.startswith(OURS) else name


def _name(given: Mapping[str, Any], name: str) -> str | None:
    value = given.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value else None


def _tags(given: Mapping[str, Any]) -> tuple[str, ...]:
    tags = given.get("tags")
    return tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else ()


def _times(row: Row) -> tuple[int, int | None, int]:
    """Begin, first token and end, in Unix nanoseconds."""
    started = (row.admitted_at - EPOCH) // timedelta(microseconds=1) * NS_PER_US
    first = started + (row.latency_ms or 0) * NS_PER_MS
    ended = first + (row.generation_ms or 0) * NS_PER_MS
    return started, first if row.is_streamed and row.latency_ms is not None else None, ended


def _divided(row: Row) -> Divided:
    if row.prompt_femto is None or row.completion_femto is None:
        return divided(row.cost_nano, _tokens(row), None)
    prices = Prices(
        row.prompt_femto,
        row.completion_femto,
        row.request_femto or 0,
        row.reasoning_femto,
        row.cache_read_femto,
        row.cache_write_femto,
    )
    return divided(row.cost_nano, _tokens(row), prices)


def _tokens(row: Row) -> Tokens:
    return Tokens(
        row.prompt_tokens,
        row.completion_tokens,
        row.reasoning_tokens,
        row.cached_tokens,
        row.cache_write_tokens,
    )


def _usage(row: Row, parts: Divided) -> Usage:
    return Usage(
        input=row.prompt_tokens,
        output=row.completion_tokens,
        cached=row.cached_tokens or None,
        cache_write=row.cache_write_tokens or None,
        reasoning=row.reasoning_tokens or None,
        input_cost_nano=parts.input_nano,
        output_cost_nano=parts.output_nano,
        total_cost_nano=row.cost_nano,
    )


def _attempts(row: Row, detail: Mapping[str, Any], started: int, ended: int) -> tuple[Attempt, ...]:
    """The calls to providers. Of earlier ones only model, provider and status were kept, so they take no time here."""
    told = objects_in(detail, "attempts")
    earlier = told[:-1] if row.provider else told
    before = [
        Attempt(
            index,
            text_in(one, "provider"),
            "",
            "",
            text_in(one, "model"),
            number_in(one, "status") or 0,
            False,
            started,
            started,
        )
        for index, one in enumerate(earlier)
    ]
    if not row.provider:
        return tuple(before)
    last = Attempt(
        index=len(before),
        provider=row.provider_name or row.provider,
        provider_slug=row.provider,
        endpoint_id="" if row.endpoint_id is None else str(row.endpoint_id),
        model=row.model,
        status=number_in(told[-1], "status") or 0 if told else row.http_status or 0,
        is_byok=row.is_byok,
        started_ns=started,
        ended_ns=ended,
    )
    return (*before, last)


def _described(row: Row) -> dict[str, Any]:
    told = {
        "source": "chatroom" if row.api_key_id is None else "api",
        "api_key_name": row.key_name,
        "entity_id": str(row.organization_id),
        "creator_user_id": user_id(row.key_creator_id),
        "user_id": user_id(row.member_user_id),
        "provider_name": row.provider_name or row.provider or None,
        "provider_slug": row.provider or None,
        "finish_reason": row.finish_reason,
        "input_unit_price": None if row.prompt_femto is None else row.prompt_femto / FEMTO,
        "output_unit_price": None if row.completion_femto is None else row.completion_femto / FEMTO,
        "first_token_ms": row.latency_ms if row.is_streamed else None,
        "provider_body_end_ms": (row.latency_ms or 0) + (row.generation_ms or 0),
        "request_id": generation_id(row.request_id) if row.request_id else None,
        "tool": row.tool,
    }
    return {name: value for name, value in told.items() if value is not None}
