"""Datadog LLM Observability, by its spans intake (https://docs.datadoghq.com/llm_observability/setup/api/)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from config.lib.declared import Text
from observability.destinations.destination import Config, Limits
from observability.destinations.exchange import VendorRequest
from observability.destinations.fields import Address, with_headers
from observability.destinations.json_kind import JsonKind, described, dollars
from observability.destinations.otlp import derived_span_id, encoded, json_text
from observability.destinations.shortening import shortened
from observability.trace import Trace

LONGEST_TEXT = 500_000
NO_PARENT = "undefined"


class Datadog(JsonKind):
    """One intake request per session, because a session is said once for all spans of a request."""

    slug = "datadog"
    name = "Datadog"
    about = "LLM Observability."
    fields = (
        Text(name="apiKey", most=200, help="Of the organization."),
        Text(name="mlApp", most=190, help="The application's name there."),
        Address(name="url", help="The site's API: https://api.datadoghq.com, us3, us5, datadoghq.eu …"),
    )
    required = ("apiKey", "mlApp")
    secrets = frozenset({"apiKey"})
    defaults = {"url": "https://api.datadoghq.com"}
    limits = Limits(traces=100, bytes=4 << 20, oldest_seconds=24 * 3600)
    verified_against = "a strict local receiver, with names of Datadog's API reference and SDK"

    def requests(self, config: Config, traces: Sequence[Trace]) -> list[VendorRequest]:
        sessions: dict[str | None, list[int]] = {}
        for number, trace in enumerate(traces):
            sessions.setdefault(trace.session_id, []).append(number)
        return [
            self._request(config, [traces[number] for number in numbers], tuple(numbers))
            for numbers in sessions.values()
        ]

    def empty(self, config: Config) -> VendorRequest:
        return self._request(config, [], ())

    def _request(self, config: Config, traces: Sequence[Trace], numbers: tuple[int, ...]) -> VendorRequest:
        attributes: dict[str, Any] = {
            "ml_app": config["mlApp"],
            "tags": [f"service:{config['mlApp']}", "source:headgate"],
            "spans": [span for trace in traces for span in _spans(trace, config["mlApp"])],
        }
        if traces and traces[0].session_id:
            attributes["session_id"] = traces[0].session_id
        return VendorRequest(
            url=f"{config['url'].rstrip('/')}/api/intake/llm-obs/v1/trace/spans",
            headers=with_headers(
                config, {"Content-Type": "application/json", "DD-API-KEY": config["apiKey"]}
            ),
            body=encoded({"data": {"type": "span", "attributes": attributes}}),
            traces=numbers,
        )


def _spans(trace: Trace, ml_app: str) -> list[dict[str, Any]]:
    parent = trace.parent_span_id or NO_PARENT
    around: list[dict[str, Any]] = []
    if trace.span_name:
        wrapper = derived_span_id(trace.trace_id, "span", trace.span_name)
        above = parent if parent != wrapper else NO_PARENT
        around = [_span(trace, wrapper, above, trace.span_name, {"kind": "workflow"}, {}, ml_app)]
        parent = wrapper
    name = trace.generation_name or trace.trace_name or "LLM Generation"
    return [
        *around,
        _span(trace, trace.span_id, parent, name, _meta(trace), _metrics(trace), ml_app),
    ]


def _span(
    trace: Trace,
    identifier: str,
    parent: str,
    name: str,
    meta: Mapping[str, Any],
    metrics: Mapping[str, Any],
    ml_app: str,
) -> dict[str, Any]:
    tags = [f"service:{ml_app}", *(f"user_id:{trace.user}" for _ in range(bool(trace.user))), *trace.tags]
    return {
        "name": name,
        "span_id": identifier,
        "trace_id": trace.trace_id,
        "parent_id": parent,
        "start_ns": trace.started_ns,
        "duration": max(trace.ended_ns - trace.started_ns, 0),
        "status": "error" if trace.is_error else "ok",
        "tags": tags,
        "meta": dict(meta),
        "metrics": dict(metrics),
    }


def _meta(trace: Trace) -> dict[str, Any]:
    meta: dict[str, Any] = {
        "kind": "tool" if trace.is_tool_run else "llm",
        "model_name": trace.response_model,
        "model_provider": trace.author,
        "metadata": {**described(trace), **trace.parameters, "finish_reason": trace.finish_reason},
    }
    if trace.input is not None:
        meta["input"] = {"messages": [_message(each) for each in trace.input.get("messages") or []]}
    if trace.output is not None:
        completion = trace.output.get("completion")
        meta["output"] = {"messages": [_message({"role": "assistant", "content": completion})]}
    if trace.error:
        meta["error"] = {"message": trace.error}
    return meta


def _message(message: Any) -> dict[str, str]:  # as the caller wrote it
    said = message if isinstance(message, Mapping) else {"content": message}
    content = said.get("content")
    text = content if isinstance(content, str) else "" if content is None else json_text(content)
    return {"role": str(said.get("role", "user")), "content": shortened(text, LONGEST_TEXT)[0]}


def _metrics(trace: Trace) -> dict[str, float]:
    usage = trace.usage
    told = {
        "input_tokens": usage.input,
        "output_tokens": usage.output,
        "total_tokens": usage.total,
        "cache_read_input_tokens": usage.cached,
        "cache_write_input_tokens": usage.cache_write,
        "reasoning_output_tokens": usage.reasoning,
        "input_cost": dollars(usage.input_cost_nano),
        "output_cost": dollars(usage.output_cost_nano),
        "total_cost": dollars(usage.total_cost_nano),
    }
    if trace.first_token_ns is not None:
        told["time_to_first_token"] = (trace.first_token_ns - trace.started_ns) / 1e9
    return {name: value for name, value in told.items() if value is not None}
