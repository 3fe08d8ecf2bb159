"""Arize AX, by OTLP with OpenInference's attributes (https://github.com/Arize-ai/openinference, spec)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from config.lib.declared import Text
from observability.destinations.destination import Config
from observability.destinations.fields import Address
from observability.destinations.otlp import Attributes, json_text, metadata, root_attributes
from observability.destinations.otlp_kind import OtlpKind
from observability.trace import Trace

MOST_MESSAGES = 200


class Arize(OtlpKind):
    """`modelId` is the tracing project."""

    slug = "arize"
    name = "Arize AX"
    about = "Evaluation and monitoring of models."
    fields = (
        Text(name="apiKey", most=500, help="Of the space."),
        Text(name="spaceKey", most=500, help="The space's id."),
        Text(name="modelId", help="The tracing project."),
        Address(name="baseUrl", help="The OTLP endpoint of the region."),
    )
    required = ("apiKey", "spaceKey", "modelId")
    secrets = frozenset({"apiKey", "spaceKey"})
    defaults = {"baseUrl": "https://otlp.arize.com"}
    verified_against = "a strict local receiver, with attribute names of OpenInference's specification"

    def address(self, config: Config) -> str:
        return f"{config['baseUrl'].rstrip('/')}/v1/traces"

    def headers(self, config: Config) -> dict[str, str]:
        key, space = str(config["apiKey"]), str(config["spaceKey"])
        return {
            "authorization": key,
            "arize-space-id": space,
            "api_key": key,
            "space_id": space,
            "arize-interface": "otel",
        }

    def root(self, trace: Trace, config: Config) -> Attributes:
        return root_attributes(trace) | openinference(trace)

    def resource(self, trace: Trace, config: Config) -> Attributes:
        return {"openinference.project.name": config["modelId"], "model_id": config["modelId"]}


def openinference(trace: Trace) -> Attributes:
    """A generation in OpenInference's terms."""
    usage = trace.usage
    return {
        "openinference.span.kind": "TOOL" if trace.is_tool_run else "LLM",
        "tool.name": trace.tool if trace.is_tool_run else None,
        "llm.model_name": trace.response_model,
        "llm.provider": trace.author,
        "llm.system": trace.author,
        "llm.invocation_parameters": json_text(trace.parameters) if trace.parameters else None,
        "llm.token_count.prompt": usage.input,
        "llm.token_count.completion": usage.output,
        "llm.token_count.total": usage.total,
        "llm.token_count.prompt_details.cache_read": usage.cached,
        "llm.token_count.prompt_details.cache_write": usage.cache_write,
        "llm.token_count.completion_details.reasoning": usage.reasoning,
        "llm.cost.prompt": usage.input_cost_nano / 1e9,
        "llm.cost.completion": usage.output_cost_nano / 1e9,
        "llm.cost.total": usage.total_cost_nano / 1e9,
        **_told("input", trace.input, _given(trace)),
        **_told("output", trace.output, _answered(trace)),
        "user.id": trace.user,
        "session.id": trace.session_id,
        "tag.tags": json_text(list(trace.tags)) if trace.tags else None,
        **metadata(trace, "metadata."),
    }


def _given(trace: Trace) -> list[Any]:
    messages = (trace.input or {}).get("messages")
    return messages if isinstance(messages, list) else []


def _answered(trace: Trace) -> list[Any]:
    completion = (trace.output or {}).get("completion")
    return [] if completion is None else [{"role": "assistant", "content": completion}]


def _told(side: str, content: Mapping[str, Any] | None, messages: list[Any]) -> Attributes:
    if content is None:
        return {}
    told: Attributes = {f"{side}.value": json_text(content), f"{side}.mime_type": "application/json"}
    for number, message in enumerate(messages[:MOST_MESSAGES]):
        if not isinstance(message, Mapping):
            continue
        text = message.get("content")
        prefix = f"llm.{side}_messages.{number}.message."
        told[f"{prefix}role"] = str(message.get("role", "user"))
        told[f"{prefix}content"] = text if isinstance(text, str) else json_text(text)
    return told
