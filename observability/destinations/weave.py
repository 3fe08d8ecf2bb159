"""W&B Weave, by its call interface (https://weave-docs.wandb.ai/reference/service-api)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from config.lib.declared import Text
from observability.destinations.authorization import basic
from observability.destinations.destination import Config, Limits
from observability.destinations.exchange import VendorRequest
from observability.destinations.fields import Address, with_headers
from observability.destinations.json_kind import JsonKind, described, dollars
from observability.destinations.otlp import encoded
from observability.trace import Trace

PATH_PART = r"[A-Za-z0-9._-]+"
NAMESPACE = uuid.UUID("0d3ad2c8-8f0e-5d68-8df1-7a2f3a0b9a6e")


class Weave(JsonKind):
    """Start and end of a call go in the same batch."""

    slug = "weave"
    name = "W&B Weave"
    about = "Tracing and evaluation by Weights & Biases."
    fields = (
        Text(name="apiKey", most=200, help="Of the user settings."),
        Text(name="entity", pattern=PATH_PART, help="A user's or a team's name."),
        Text(name="project", pattern=PATH_PART, help="The project's name."),
        Address(name="baseUrl", help="The trace server."),
    )
    required = ("apiKey", "entity", "project")
    secrets = frozenset({"apiKey"})
    defaults = {"baseUrl": "https://trace.wandb.ai"}
    limits = Limits(traces=100, bytes=5 << 20)
    verified_against = "a strict local receiver, with the request shapes of Weave's service API"

    def requests(self, config: Config, traces: Sequence[Trace]) -> list[VendorRequest]:
        project = f"{config['entity']}/{config['project']}"
        batch = [part for trace in traces for part in _call(trace, project)]
        return [self._request(config, batch, tuple(range(len(traces))))]

    def empty(self, config: Config) -> VendorRequest:
        return self._request(config, [], ())

    def _request(
        self, config: Config, batch: list[dict[str, Any]], numbers: tuple[int, ...]
    ) -> VendorRequest:
        headers = {"Content-Type": "application/json", "Authorization": basic("api", config["apiKey"])}
        return VendorRequest(
            url=f"{config['baseUrl'].rstrip('/')}/call/upsert_batch",
            headers=with_headers(config, headers),
            body=encoded({"batch": batch}),
            traces=numbers,
        )


def _call(trace: Trace, project: str) -> list[dict[str, Any]]:
    identifier = _identifier(trace.generation_id)
    start: dict[str, Any] = {
        "project_id": project,
        "id": identifier,
        "op_name": trace.generation_name or trace.trace_name or "openrouter.generation",
        "display_name": trace.trace_name,
        "trace_id": trace.trace_id,
        "parent_id": _identifier(trace.above_id) if trace.above_id else trace.parent_span_id,
        "thread_id": trace.session_id,
        "started_at": _moment(trace.started_ns),
        "attributes": _attributes(trace),
        "inputs": {"model": trace.model, **trace.parameters, **(trace.input or {})},
    }
    end: dict[str, Any] = {
        "project_id": project,
        "id": identifier,
        "ended_at": _moment(trace.ended_ns),
        "exception": trace.error,
        "output": None if trace.output is None else dict(trace.output),
        "summary": _summary(trace),
    }
    return [{"mode": "start", "req": {"start": start}}, {"mode": "end", "req": {"end": end}}]


def _identifier(generation_id: str) -> str:
    """A generation's call."""
    return str(uuid.uuid5(NAMESPACE, generation_id))


def _attributes(trace: Trace) -> dict[str, Any]:
    own = {
        "openrouter_trace_id": trace.trace_id,
        "openrouter_generation_id": trace.generation_id,
        "user_id": trace.user,
        "session_id": trace.session_id,
        "organization_id": trace.organization_id,
        "provider": trace.provider,
        "finish_reason": trace.finish_reason,
    }
    return described(trace) | {name: value for name, value in own.items() if value is not None}


def _summary(trace: Trace) -> dict[str, Any]:
    usage = trace.usage
    tokens: dict[str, Any] = {
        "requests": 1,
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.total,
    }
    return {
        "usage": {trace.response_model: tokens},
        "cost": {
            "input": dollars(usage.input_cost_nano),
            "output": dollars(usage.output_cost_nano),
            "total": dollars(usage.total_cost_nano),
        },
        "latency_ms": (trace.ended_ns - trace.started_ns) // 1_000_000,
    }


def _moment(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC).isoformat()
