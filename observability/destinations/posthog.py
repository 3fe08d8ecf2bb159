"""PostHog's LLM analytics, by its batch capture (https://posthog.com/docs/ai-engineering, /docs/api/capture)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from config.lib.declared import Text
from observability.destinations.destination import Config, Limits
from observability.destinations.exchange import VendorRequest
from observability.destinations.fields import Address, with_headers
from observability.destinations.json_kind import JsonKind, dollars
from observability.destinations.otlp import encoded
from observability.trace import Trace

DEEPEST = 3
TRUNCATED = "[truncated]"
NAMESPACE = uuid.UUID("6f0d7c54-2a0c-5b57-9a51-2b8d4f6b8a10")


class PostHog(JsonKind):
    """The project's key is public by design, and stands in the body as PostHog asks."""

    slug = "posthog"
    name = "PostHog"
    about = "LLM analytics beside product analytics."
    fields = (
        Text(name="apiKey", most=200, help="The project's API key: phc_…"),
        Address(name="endpoint", help="The region, or your own server."),
    )
    required = ("apiKey",)
    secrets = frozenset({"apiKey"})
    defaults = {"endpoint": "https://us.i.posthog.com"}
    limits = Limits(traces=100, bytes=8 << 20)
    verified_against = "a strict local receiver, with property names of PostHog's SDK"

    def requests(self, config: Config, traces: Sequence[Trace]) -> list[VendorRequest]:
        return [self._request(config, [_event(each) for each in traces], tuple(range(len(traces))))]

    def empty(self, config: Config) -> VendorRequest:
        return self._request(config, [], ())

    def _request(
        self, config: Config, events: list[dict[str, Any]], numbers: tuple[int, ...]
    ) -> VendorRequest:
        return VendorRequest(
            url=f"{config['endpoint'].rstrip('/')}/batch/",
            headers=with_headers(config, {"Content-Type": "application/json"}),
            body=encoded({"api_key": config["apiKey"], "batch": events}),
            traces=numbers,
        )


def _event(trace: Trace) -> dict[str, Any]:
    identifier = uuid.uuid5(NAMESPACE, trace.generation_id)
    properties = {name: value for name, value in _properties(trace).items() if value is not None}
    if not trace.user:
        properties["$process_person_profile"] = False
    return {
        "uuid": str(identifier),
        "event": "$ai_generation",
        "distinct_id": trace.user or str(identifier),
        "timestamp": datetime.fromtimestamp(trace.ended_ns / 1e9, UTC).isoformat(),
        "properties": properties,
    }


def _properties(trace: Trace) -> dict[str, Any]:
    usage = trace.usage
    first = trace.first_token_ns
    return {
        "$ai_trace_id": trace.trace_id,
        "$ai_session_id": trace.session_id,
        "$ai_span_id": trace.span_id,
        "$ai_parent_id": trace.parent_span_id,
        "$ai_span_name": trace.generation_name,
        "$ai_model": trace.response_model,
        "$ai_provider": trace.provider_slug,
        "$ai_model_parameters": dict(trace.parameters) or None,
        "$ai_input": None if trace.input is None else trace.input.get("messages"),
        "$ai_output_choices": _choices(trace.output),
        "$ai_input_tokens": usage.input,
        "$ai_output_tokens": usage.output,
        "$ai_cache_read_input_tokens": usage.cached,
        "$ai_cache_creation_input_tokens": usage.cache_write,
        "$ai_reasoning_tokens": usage.reasoning,
        "$ai_input_cost_usd": dollars(usage.input_cost_nano),
        "$ai_output_cost_usd": dollars(usage.output_cost_nano),
        "$ai_total_cost_usd": dollars(usage.total_cost_nano),
        "$ai_latency": (trace.ended_ns - trace.started_ns) / 1e9,
        "$ai_time_to_first_token": None if first is None else (first - trace.started_ns) / 1e9,
        "$ai_is_error": trace.is_error,
        "$ai_error": trace.error,
        "$ai_http_status": trace.http_status,
        "$ai_stop_reason": trace.finish_reason,
        "trace_name": trace.trace_name,
        **{f"metadata_{name}": _capped(value) for name, value in trace.custom.items()},
        **{f"openrouter_{name}": _capped(value) for name, value in trace.described.items()},
        **{name: _capped(value) for name, value in trace.groups.items()},
    }


def _choices(output: Mapping[str, Any] | None) -> list[dict[str, Any]] | None:
    if output is None:
        return None
    message = {"role": "assistant", "content": output.get("completion")}
    if output.get("tool_calls"):
        message["tool_calls"] = output["tool_calls"]
    return [message]


def _capped(value: Any, depth: int = 0) -> Any:  # JSON of any kind
    """The value with what is nested deeper than three levels left out."""
    if not isinstance(value, dict | list):
        return value
    if depth >= DEEPEST:
        return TRUNCATED
    if isinstance(value, dict):
        return {name: _capped(item, depth + 1) for name, item in value.items()}
    return [_capped(item, depth + 1) for item in value]
