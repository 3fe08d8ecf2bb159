"""Langfuse, by its OpenTelemetry endpoint (https://langfuse.com/integrations/native/opentelemetry)."""

from __future__ import annotations

from datetime import UTC, datetime

from config.lib.declared import Text
from observability.destinations.authorization import basic
from observability.destinations.destination import Config
from observability.destinations.fields import Address
from observability.destinations.otlp import NANO, Attributes, json_text, metadata, root_attributes
from observability.destinations.otlp_kind import OtlpKind
from observability.trace import Trace, Usage

INGESTION_VERSION = "4"


class Langfuse(OtlpKind):
    """Environment and release are attributes of the resource and of the span, as the documentation asks."""

    slug = "langfuse"
    name = "Langfuse"
    about = "Open-source LLM engineering: traces, evaluations, prompts."
    fields = (
        Text(name="publicKey", most=500, help="Of the project: pk-lf-…"),
        Text(name="secretKey", most=500, help="Of the project: sk-lf-…"),
        Address(name="baseUrl", help="The region, or your own server."),
    )
    required = ("publicKey", "secretKey")
    secrets = frozenset({"publicKey", "secretKey"})
    defaults = {"baseUrl": "https://us.cloud.langfuse.com"}
    verified_against = "a strict local receiver, with attribute names of Langfuse's own SDK"

    def address(self, config: Config) -> str:
        return f"{config['baseUrl'].rstrip('/')}/api/public/otel/v1/traces"

    def headers(self, config: Config) -> dict[str, str]:
        return {
            "Authorization": basic(config["publicKey"], config["secretKey"]),
            "x-langfuse-ingestion-version": INGESTION_VERSION,
        }

    def root(self, trace: Trace, config: Config) -> Attributes:
        return root_attributes(trace) | _observation(trace) | _of_trace(trace)

    def resource(self, trace: Trace, config: Config) -> Attributes:
        return _deployment(trace)


def _deployment(trace: Trace) -> Attributes:
    return {"langfuse.environment": trace.environment, "langfuse.release": trace.release}


def _of_trace(trace: Trace) -> Attributes:
    told: Attributes = {
        "langfuse.trace.name": trace.trace_name or "OpenRouter Request",
        "langfuse.user.id": trace.user,
        "langfuse.session.id": trace.session_id,
        "langfuse.trace.tags": json_text(list(trace.tags)) if trace.tags else None,
        **_deployment(trace),
    }
    if trace.above_id:  # the whole request says what the trace's input, output and metadata are
        return told | metadata(trace, "langfuse.observation.metadata.")
    return told | {
        "langfuse.trace.input": None if trace.input is None else json_text(trace.input),
        "langfuse.trace.output": None if trace.output is None else json_text(trace.output),
        **metadata(trace, "langfuse.trace.metadata."),
    }


def _observation(trace: Trace) -> Attributes:
    prefix = "langfuse.observation."
    return {
        f"{prefix}type": "tool" if trace.is_tool_run else "generation",
        f"{prefix}model.name": trace.response_model,
        f"{prefix}model.parameters": json_text(trace.parameters) if trace.parameters else None,
        f"{prefix}input": None if trace.input is None else json_text(trace.input),
        f"{prefix}output": None if trace.output is None else json_text(trace.output),
        f"{prefix}usage_details": json_text(_usage(trace.usage)),
        f"{prefix}cost_details": json_text(_cost(trace.usage)),
        f"{prefix}completion_start_time": _moment(trace.first_token_ns),
        f"{prefix}level": "ERROR" if trace.is_error else "DEFAULT",
        f"{prefix}status_message": trace.error,
    }


def _usage(usage: Usage) -> dict[str, int]:
    """Langfuse adds up what it is given, so parts are taken out of the whole they belong to."""
    cached, reasoning = usage.cached or 0, usage.reasoning or 0
    told = {
        "input": usage.input - cached,
        "output": usage.output - reasoning,
        "input_cached_tokens": cached,
        "output_reasoning_tokens": reasoning,
        "total": usage.total,
    }
    return {name: number for name, number in told.items() if number or name in ("input", "output", "total")}


def _cost(usage: Usage) -> dict[str, float]:
    return {
        "input": usage.input_cost_nano * NANO,
        "output": usage.output_cost_nano * NANO,
        "total": usage.total_cost_nano * NANO,
    }


def _moment(nanoseconds: int | None) -> str | None:
    """A JSON text, as Langfuse's SDK writes it."""
    if nanoseconds is None:
        return None
    return json_text(datetime.fromtimestamp(nanoseconds / 1e9, UTC).isoformat())
