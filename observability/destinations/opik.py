"""Comet Opik, by its private REST interface (https://www.comet.com/docs/opik/reference/rest-api)."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from config.lib.declared import Text
from config.lib.ids import milliseconds_of, parse_generation_id
from config.lib.outbound import CallFailed
from observability.destinations.destination import Config, Door, Limits
from observability.destinations.exchange import Outcome, VendorRequest
from observability.destinations.fields import Address, with_headers
from observability.destinations.json_kind import JsonKind, described, dollars
from observability.destinations.otlp import derived_span_id, encoded
from observability.trace import Trace


class Opik(JsonKind):
    """Traces go first and their spans after them; both ids are UUIDv7s that follow from the generation's.

    A step of a request is a span below that request's, which Opik takes before it knows of the trace.

    `baseUrl` is an addition to the contract, for an Opik of one's own.
    """

    slug = "opik"
    name = "Comet Opik"
    about = "Open-source evaluation of LLM applications."
    fields = (
        Text(name="apiKey", most=200, help="Of Comet."),
        Text(name="workspace", help="The workspace's name."),
        Text(name="projectName", help="The project that traces go to."),
        Address(name="baseUrl", help="The API of your own server: https://…/api"),
    )
    required = ("apiKey", "workspace", "projectName")
    secrets = frozenset({"apiKey"})
    defaults = {"baseUrl": "https://www.comet.com/opik/api"}
    limits = Limits(traces=100, bytes=4 << 20)
    verified_against = "a strict local receiver, with request types of Opik's SDK"

    def requests(self, config: Config, traces: Sequence[Trace]) -> list[VendorRequest]:
        numbers = tuple(range(len(traces)))
        project = config["projectName"]
        whole = [_trace(each, project) for each in traces if each.above_id is None]
        spans = {"spans": [span for each in traces for span in _spans(each, project)]}
        told = [self._request(config, "traces", {"traces": whole}, numbers)] if whole else []
        return [*told, self._request(config, "spans", spans, numbers)]

    def send(self, config: Config, traces: Sequence[Trace], door: Door) -> Outcome:
        """Spans are sent when their traces were taken."""
        outcome = Outcome()
        for request in self.requests(config, traces):
            try:
                reply = door.send(request)
            except CallFailed as error:
                return self.judge(request, error)
            size = outcome.sent_bytes
            outcome = self.judge(request, reply)
            outcome = replace(outcome, sent_bytes=outcome.sent_bytes + size)
            if outcome.error:
                break
        return outcome

    def empty(self, config: Config) -> VendorRequest:
        return replace(self._request(config, "", {}, ()), method="GET", body=b"", url=self._url(config, ""))

    def _url(self, config: Config, what: str) -> str:
        base = config["baseUrl"].rstrip("/")
        return f"{base}/v1/private/{what}/batch" if what else f"{base}/v1/private/projects?size=1"

    def _request(
        self, config: Config, what: str, body: Mapping[str, Any], numbers: tuple[int, ...]
    ) -> VendorRequest:
        headers = {
            "Content-Type": "application/json",
            "Authorization": config["apiKey"],
            "Comet-Workspace": config["workspace"],
        }
        return VendorRequest(
            url=self._url(config, what),
            headers=with_headers(config, headers),
            body=encoded(body),
            traces=numbers,
        )


def derived_uuid7(identity: str, at_ms: int) -> str:
    """A UUIDv7 of a time that is the same for the same identity (RFC 9562 §5.7)."""
    noise = int.from_bytes(hashlib.sha256(identity.encode()).digest()[:10], "big")
    high, low = noise >> 68 & 0xFFF, noise & 0x3FFF_FFFF_FFFF_FFFF
    value = (at_ms & 0xFFFF_FFFF_FFFF) << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low
    return str(uuid.UUID(int=value))


def _id(what: str, generation: str) -> str:
    """The id of a generation's trace or span; its time is that of the generation's own id."""
    known = parse_generation_id(generation)
    return derived_uuid7(f"{what}:{generation}", milliseconds_of(known) if known else 0)


def _trace(trace: Trace, project: str) -> dict[str, Any]:
    told = {
        "id": _id("trace", trace.generation_id),
        "project_name": project,
        "name": trace.trace_name or "OpenRouter Request",
        "thread_id": trace.session_id,
        "ttft": _first_ms(trace),
        **_common(trace),
    }
    return {name: value for name, value in told.items() if value is not None}


def _spans(trace: Trace, project: str) -> list[dict[str, Any]]:
    trace_id = _id("trace", trace.above_id or trace.generation_id)
    usage = trace.usage
    counted = {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.total,
        "cached_tokens": usage.cached,
        "reasoning_tokens": usage.reasoning,
    }
    span = {
        "id": _id("span", trace.generation_id),
        "trace_id": trace_id,
        "parent_span_id": _id("span", trace.above_id) if trace.above_id else None,
        "project_name": project,
        "name": trace.generation_name or "LLM Generation",
        "type": "tool" if trace.is_tool_run else "llm",
        "model": trace.response_model,
        "provider": trace.author,
        "usage": {name: number for name, number in counted.items() if number is not None},
        "total_estimated_cost": dollars(usage.total_cost_nano),
        "ttft": _first_ms(trace),
        **_common(trace),
    }
    around: list[dict[str, Any]] = []
    if trace.span_name:
        wrapper = derived_uuid7(
            derived_span_id(trace.generation_id, trace.span_name), trace.started_ns // 1_000_000
        )
        around = [
            {
                "id": wrapper,
                "trace_id": trace_id,
                "project_name": project,
                "name": trace.span_name,
                "type": "general",
                **_times(trace),
            }
        ]
        span["parent_span_id"] = wrapper
    return [*around, {name: value for name, value in span.items() if value is not None}]


def _common(trace: Trace) -> dict[str, Any]:
    metadata = {
        **trace.parameters,
        "openrouter_trace_id": trace.trace_id,
        "openrouter_observation_id": trace.span_id,
        "openrouter_generation_id": trace.generation_id,
        "user_id": trace.user,
        "finish_reason": trace.finish_reason,
        "input_cost": dollars(trace.usage.input_cost_nano),
        "output_cost": dollars(trace.usage.output_cost_nano),
        "total_cost": dollars(trace.usage.total_cost_nano),
    }
    return {
        **_times(trace),
        "input": None if trace.input is None else dict(trace.input),
        "output": None if trace.output is None else dict(trace.output),
        "metadata": described(trace) | {name: value for name, value in metadata.items() if value is not None},
        "tags": list(trace.tags) or None,
        "error_info": {"exception_type": "Error", "message": trace.error, "traceback": ""}
        if trace.error
        else None,
    }


def _times(trace: Trace) -> dict[str, str]:
    return {
        "start_time": datetime.fromtimestamp(trace.started_ns / 1e9, UTC).isoformat(),
        "end_time": datetime.fromtimestamp(trace.ended_ns / 1e9, UTC).isoformat(),
    }


def _first_ms(trace: Trace) -> float | None:
    return None if trace.first_token_ns is None else (trace.first_token_ns - trace.started_ns) / 1e6
