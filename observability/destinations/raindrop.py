"""Raindrop, by tracking events (https://www.raindrop.ai/docs/sdk/http-api)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from config.lib.declared import Text
from observability.destinations.authorization import bearer
from observability.destinations.destination import Config, Limits
from observability.destinations.exchange import VendorRequest
from observability.destinations.fields import Address, with_headers
from observability.destinations.json_kind import JsonKind, dollars, last_said, text_of
from observability.destinations.otlp import encoded
from observability.destinations.shortening import shortened
from observability.trace import Trace

LONGEST_TEXT = 200_000
NOBODY = "anonymous"


class Raindrop(JsonKind):
    """An AI event without input and output is refused there, so under privacy mode a plain event is sent."""

    slug = "raindrop"
    name = "Raindrop"
    about = "Monitoring of what users run into."
    fields = (
        Text(name="writeKey", most=200, help="Of the project."),
        Address(name="baseUrl", help="The API."),
    )
    required = ("writeKey",)
    secrets = frozenset({"writeKey"})
    defaults = {"baseUrl": "https://api.raindrop.ai"}
    limits = Limits(traces=50, bytes=900_000)
    verified_against = "not against the vendor: a strict local receiver built from its documentation"

    def requests(self, config: Config, traces: Sequence[Trace]) -> list[VendorRequest]:
        return [self._request(config, [_event(each) for each in traces], tuple(range(len(traces))))]

    def empty(self, config: Config) -> VendorRequest:
        return self._request(config, [], ())

    def _request(
        self, config: Config, events: list[dict[str, Any]], numbers: tuple[int, ...]
    ) -> VendorRequest:
        headers = {"Content-Type": "application/json", "Authorization": bearer(config["writeKey"])}
        return VendorRequest(
            url=f"{config['baseUrl'].rstrip('/')}/v1/events/track",
            headers=with_headers(config, headers),
            body=encoded(events),
            traces=numbers,
        )


def _event(trace: Trace) -> dict[str, Any]:
    said = last_said(trace)
    answered = text_of((trace.output or {}).get("completion"))
    event: dict[str, Any] = {
        "event_id": trace.generation_id,
        "user_id": trace.user or NOBODY,
        "event": "llm_generation",
        "timestamp": datetime.fromtimestamp(trace.started_ns / 1e9, UTC).isoformat(),
        "properties": _properties(trace),
    }
    if said or answered:
        told = {
            "model": trace.response_model,
            "input": shortened(said, LONGEST_TEXT)[0] if said else None,
            "output": shortened(answered, LONGEST_TEXT)[0] if answered else None,
            "convo_id": trace.session_id,
        }
        event["ai_data"] = {name: value for name, value in told.items() if value is not None}
    elif trace.session_id:
        event["properties"]["convo_id"] = trace.session_id
    return event


def _properties(trace: Trace) -> dict[str, Any]:
    usage = trace.usage
    told = {
        **trace.custom,
        "trace_id": trace.trace_id,
        "trace_name": trace.trace_name,
        "model": trace.response_model,
        "request_id": trace.above_id,
        "tool": trace.tool,
        "provider": trace.provider,
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.total,
        "total_cost": dollars(usage.total_cost_nano),
        "duration_ms": (trace.ended_ns - trace.started_ns) // 1_000_000,
        "finish_reason": trace.finish_reason,
        "error": trace.error,
        **trace.groups,
    }
    return {name: value for name, value in told.items() if value is not None}
