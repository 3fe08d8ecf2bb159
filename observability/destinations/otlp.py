"""Traces as an OTLP ExportTraceServiceRequest in its JSON form (spec: broadcast §1.3).

Ids are lower-case hex and 64-bit integers strings, as the OTLP specification's JSON mapping asks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from observability.destinations.shortening import shortened
from observability.trace import Attempt, Trace

Attributes: TypeAlias = dict[str, Any]  # by name: text, bool, int, float; None is left out
Span: TypeAlias = dict[str, Any]  # an OTLP span, as JSON

SERVICE_VERSION: Final = "1.0.0"
SCOPE: Final = "headgate"
CLIENT, INTERNAL = 3, 1
STATUS_OK, STATUS_ERROR = 1, 2
LARGEST_INT: Final = 2**63 - 1
"""A caller's number may be larger; whoever takes OTLP would refuse the whole batch for it."""
NANO: Final = 1e-9
_json = msgspec.json.Encoder(enc_hook=str).encode


def exported(
    traces: Iterable[Trace],
    *,
    service: str,
    root: Callable[[Trace], Attributes],
    resource: Callable[[Trace], Attributes],
) -> dict[str, Any]:
    """The request's JSON. `root` gives the attributes of the generation's span, `resource` those of its resource."""
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": _attributes(_resource(trace, service) | resource(trace))},
                "scopeSpans": [{"scope": {"name": SCOPE}, "spans": _spans(trace, root(trace))}],
            }
            for trace in traces
        ]
    }


def encoded(value: Any) -> bytes:  # JSON of any kind
    """Its JSON."""
    return _json(value)


def json_text(value: Any) -> str:  # JSON of any kind
    """Its JSON as text, for attributes that cannot be objects."""
    return _json(value).decode()


def root_attributes(trace: Trace) -> Attributes:
    """What every vendor of the family is told of a generation."""
    usage = trace.usage
    return {
        **{f"gen_ai.request.{name}": value for name, value in trace.parameters.items()},
        "trace.name": trace.trace_name or "OpenRouter Request",
        "span.type": "tool" if trace.is_tool_run else "generation",
        "span.level": "ERROR" if trace.is_error else "DEFAULT",
        "gen_ai.operation.name": trace.operation,
        "gen_ai.tool.name": trace.tool,
        "gen_ai.system": trace.author,
        "gen_ai.provider.name": trace.author,
        "gen_ai.request.model": trace.model,
        "gen_ai.response.model": trace.response_model,
        "gen_ai.response.id": trace.generation_id,
        "gen_ai.response.finish_reason": trace.finish_reason,
        "gen_ai.response.finish_reasons": json_text([trace.finish_reason]) if trace.finish_reason else None,
        "gen_ai.usage.input_tokens": usage.input,
        "gen_ai.usage.output_tokens": usage.output,
        "gen_ai.usage.total_tokens": usage.total,
        "gen_ai.usage.prompt_tokens": usage.input,
        "gen_ai.usage.completion_tokens": usage.output,
        "gen_ai.usage.input_tokens.cached": usage.cached,
        "gen_ai.usage.input_tokens.cache_write": usage.cache_write,
        "gen_ai.usage.input_tokens.audio": usage.audio,
        "gen_ai.usage.output_tokens.reasoning": usage.reasoning,
        "gen_ai.usage.output_tokens.image": usage.image,
        "gen_ai.usage.input_cost": usage.input_cost_nano * NANO,
        "gen_ai.usage.output_cost": usage.output_cost_nano * NANO,
        "gen_ai.usage.total_cost": usage.total_cost_nano * NANO,
        **_content(trace),
        "user.id": trace.user,
        "session.id": trace.session_id,
        **metadata(trace, "trace.metadata."),
        **trace.groups,
    }


def metadata(trace: Trace, prefix: str) -> Attributes:
    """The caller's own metadata, and what Headgate tells below `openrouter.`; objects are JSON."""
    told = {f"{prefix}{name}": _flat(value) for name, value in trace.custom.items()}
    told |= {f"{prefix}openrouter.{name}": _flat(value) for name, value in trace.described.items()}
    if trace.attempts:
        told[f"{prefix}provider_responses"] = json_text([_response(trace, each) for each in trace.attempts])
    return told


def derived_span_id(*parts: str) -> str:
    """A span id that is the same each time: 16 hex digits."""
    return hashlib.sha256(":".join(parts).encode("utf-8", "replace")).hexdigest()[:16]


def _resource(trace: Trace, service: str) -> Attributes:
    return {
        "service.name": service,
        "service.version": SERVICE_VERSION,
        "openrouter.trace.id": trace.generation_id,
    }


def _content(trace: Trace) -> Attributes:
    """Prompt and answer, each in the three places where vendors look; nothing under privacy mode.

    What a step of a request said is not what the whole trace says.
    """
    given, answered = _text_of(trace.input), _text_of(trace.output)
    said = {
        "gen_ai.prompt": given,
        "span.input": given,
        "gen_ai.completion": answered,
        "span.output": answered,
    }
    return said if trace.above_id else said | {"trace.input": given, "trace.output": answered}


def _text_of(content: Mapping[str, Any] | None) -> str | None:
    return None if content is None else json_text(content)


def _response(trace: Trace, attempt: Attempt) -> dict[str, Any]:
    return {
        "id": f"{trace.generation_id}:attempt-{attempt.index}",
        "provider_name": attempt.provider,
        "status": attempt.status,
        "latency": (attempt.ended_ns - attempt.started_ns) // 1_000_000,
        "is_byok": attempt.is_byok,
        "endpoint_id": attempt.endpoint_id,
        "model_permaslug": attempt.model,
    }


def _spans(trace: Trace, attributes: Attributes) -> list[Span]:
    """The generation's span first, then those around and below it."""
    parent = trace.parent_span_id
    around: list[Span] = []
    if trace.span_name:
        wrapper = derived_span_id(trace.trace_id, "span", trace.span_name)
        above = parent if parent != wrapper else None
        named: Attributes = {"span.type": "span", "trace.name": trace.trace_name}
        around, parent = [_span(trace, wrapper, above, trace.span_name, named, kind=INTERNAL)], wrapper
    name = trace.generation_name or "LLM Generation"
    kind = INTERNAL if trace.is_tool_run else CLIENT
    root = _span(trace, trace.span_id, parent, name, attributes, kind=kind)
    return [root, *around, *_below(trace)]


def _below(trace: Trace) -> list[Span]:
    spans = [
        _span(
            trace,
            derived_span_id(trace.span_id, "attempt", str(each.index)),
            trace.span_id,
            f"provider attempt {each.index + 1}: {each.provider}",
            {
                "span.type": "span",
                "gen_ai.response.id": f"{trace.generation_id}:attempt-{each.index}",
                "span.metadata.attempt_index": each.index,
                "span.metadata.status_code": each.status,
                "span.metadata.is_byok": each.is_byok,
                "span.metadata.endpoint_id": each.endpoint_id,
                "span.metadata.model_permaslug": each.model,
            },
            kind=CLIENT,
            times=(each.started_ns, each.ended_ns),
            is_error=not 200 <= each.status < 300,
        )
        for each in trace.attempts
    ]
    if trace.is_streamed and trace.first_token_ns is not None:
        identifier = derived_span_id(trace.span_id, "generation")
        times = (trace.first_token_ns, trace.ended_ns)
        named: Attributes = {"span.type": "span"}
        spans.append(_span(trace, identifier, trace.span_id, "generation", named, kind=INTERNAL, times=times))
    return spans


def _span(
    trace: Trace,
    identifier: str,
    parent: str | None,
    name: str,
    attributes: Attributes,
    *,
    kind: int,
    times: tuple[int, int] | None = None,
    is_error: bool | None = None,
) -> Span:
    started, ended = times or (trace.started_ns, trace.ended_ns)
    failed = trace.is_error if is_error is None else is_error
    span: Span = {
        "traceId": trace.trace_id,
        "spanId": identifier,
        "name": name[:200],
        "kind": kind,
        "startTimeUnixNano": str(started),
        "endTimeUnixNano": str(max(started, ended)),
        "attributes": _attributes(attributes),
        "status": {"code": STATUS_ERROR if failed else STATUS_OK},
    }
    if parent:
        span["parentSpanId"] = parent
    if failed and trace.error:
        span["status"]["message"] = trace.error
    return span


def _attributes(attributes: Attributes) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    for key, value in attributes.items():
        if value is None:
            continue
        if isinstance(value, str):
            text, is_short = shortened(value)
            told.append({"key": key, "value": {"stringValue": text}})
            if not is_short:
                told.append({"key": f"{key}.truncated", "value": {"boolValue": True}})
        else:
            told.append({"key": key, "value": _value(value)})
    return told


def _value(value: bool | float) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int) and abs(value) <= LARGEST_INT:
        return {"intValue": str(value)}
    return {"doubleValue": float(value)}


def _flat(value: Any) -> Any:  # JSON of any kind
    return json_text(value) if isinstance(value, Mapping | Sequence) and not isinstance(value, str) else value
