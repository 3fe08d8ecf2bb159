"""Braintrust, by inserting project logs (https://www.braintrust.dev/docs/reference/api/Logs)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from config.lib.declared import Text
from observability.destinations.authorization import bearer
from observability.destinations.destination import Config, Limits
from observability.destinations.exchange import VendorRequest
from observability.destinations.fields import Address, with_headers
from observability.destinations.json_kind import JsonKind, described, dollars
from observability.destinations.otlp import derived_span_id, encoded
from observability.trace import Trace


class Braintrust(JsonKind):
    """Rows are upserted by their ids, so a repeated delivery changes nothing."""

    slug = "braintrust"
    name = "Braintrust"
    about = "Evaluation and logging."
    fields = (
        Text(name="apiKey", most=500, help="sk-…"),
        Text(name="projectId", pattern=r"[A-Za-z0-9_-]+", help="The project's id, a UUID."),
        Address(name="baseUrl", help="The API, or your own data plane."),
    )
    required = ("apiKey", "projectId")
    secrets = frozenset({"apiKey"})
    defaults = {"baseUrl": "https://api.braintrust.dev"}
    limits = Limits(traces=100, bytes=5 << 20)
    verified_against = "a strict local receiver, with field names of Braintrust's API reference"

    def requests(self, config: Config, traces: Sequence[Trace]) -> list[VendorRequest]:
        rows = [row for trace in traces for row in _rows(trace)]
        return [self._request(config, rows, tuple(range(len(traces))))]

    def empty(self, config: Config) -> VendorRequest:
        return self._request(config, [], ())

    def _request(self, config: Config, rows: list[dict[str, Any]], numbers: tuple[int, ...]) -> VendorRequest:
        headers = {"Content-Type": "application/json", "Authorization": bearer(config["apiKey"])}
        return VendorRequest(
            url=f"{config['baseUrl'].rstrip('/')}/v1/project_logs/{config['projectId']}/insert",
            headers=with_headers(config, headers),
            body=encoded({"events": rows}),
            traces=numbers,
        )


def _rows(trace: Trace) -> list[dict[str, Any]]:
    """The generation's row, below one for the caller's own span where there is one."""
    parent = trace.parent_span_id
    around: list[dict[str, Any]] = []
    if trace.span_name:
        wrapper = derived_span_id(trace.trace_id, "span", trace.span_name)
        above = parent if parent != wrapper else None
        around = [_row(trace, wrapper, wrapper, above, trace.span_name, "task")]
        parent = wrapper
    name = trace.generation_name or trace.trace_name or "LLM Generation"
    kind = "tool" if trace.is_tool_run else "llm"
    row = _row(trace, trace.generation_id, trace.span_id, parent, name, kind)
    row |= {
        "input": None if trace.input is None else trace.input.get("messages", trace.input),
        "output": None if trace.output is None else dict(trace.output),
        "error": trace.error,
        "metadata": _metadata(trace),
        "metrics": row["metrics"] | _metrics(trace),
        "tags": list(trace.tags) or None,
    }
    return [*around, {name: value for name, value in row.items() if value is not None}]


def _row(
    trace: Trace, identifier: str, span: str, parent: str | None, name: str, kind: str
) -> dict[str, Any]:
    return {
        "id": identifier,
        "span_id": span,
        "root_span_id": trace.trace_id,
        "span_parents": [parent] if parent else None,
        "created": datetime.fromtimestamp(trace.started_ns / 1e9, UTC).isoformat(),
        "span_attributes": {"name": name, "type": kind},
        "metrics": {"start": trace.started_ns / 1e9, "end": trace.ended_ns / 1e9},
    }


def _metadata(trace: Trace) -> dict[str, Any]:
    own = {
        **trace.parameters,
        "model": trace.response_model,
        "provider": trace.provider,
        "user_id": trace.user,
        "session_id": trace.session_id,
        "finish_reason": trace.finish_reason,
    }
    return described(trace) | {name: value for name, value in own.items() if value is not None}


def _metrics(trace: Trace) -> dict[str, float]:
    usage = trace.usage
    first = trace.first_token_ns
    told = {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "tokens": usage.total,
        "prompt_cached_tokens": usage.cached,
        "prompt_cache_creation_tokens": usage.cache_write,
        "completion_reasoning_tokens": usage.reasoning,
        "time_to_first_token": None if first is None else (first - trace.started_ns) / 1e9,
        "input_cost": dollars(usage.input_cost_nano),
        "output_cost": dollars(usage.output_cost_nano),
        "estimated_cost": dollars(usage.total_cost_nano),
    }
    return {name: value for name, value in told.items() if value is not None}
