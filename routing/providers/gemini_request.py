"""From a Chat Completions body to a request of Gemini's generateContent (ai.google.dev/api/generate-content)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from routing.call import Call
from routing.catalog_snapshot import EndpointEntry
from routing.providers.gemini_messages import Conversation
from routing.providers.gemini_schema import clean_schema
from routing.providers.gemini_thinking import thinking_config
from routing.providers.gemini_tools import tool_fields
from routing.providers.openai import OUR_FIELDS
from routing.providers.wire_format import Unsupported

Json = dict[str, Any]  # JSON may be anything

SIGNED_GENERATION = LEVELS_GENERATION = 3
"""The first generation that refuses calls without a thought signature, and that thinks by levels."""

_SAMPLING = {
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "seed": "seed",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "logprobs": "responseLogprobs",
    "top_logprobs": "logprobs",
}
_IMAGE_CONFIG = {"aspect_ratio": "aspectRatio", "image_size": "imageSize"}
_MODALITIES = {"text": "TEXT", "image": "IMAGE"}
_READ = frozenset(
    {"model", "messages", "stream", "max_tokens", "max_completion_tokens", "stop", "n", "response_format"}
    | {"structured_outputs", "tools", "tool_choice", "parallel_tool_calls", "reasoning", "reasoning_effort"}
    | {"include_reasoning", "modalities", "image_config", "simulator"}
    | _SAMPLING.keys()
)
_SAID_TO_US = OUR_FIELDS - {"cache_control"}
_GENERATION = re.compile(r"gemini-(\d+)")


class GeminiRequest(NamedTuple):
    """The body to send, and the caller's parameters that Gemini has no words for and that are therefore not in it."""

    body: Json
    dropped: tuple[str, ...]


def translate(call: Call, endpoint: EndpointEntry, *, needs_type: bool = False) -> GeminiRequest:
    """The call in Gemini's words. Raises Unsupported where leaving something out would change what is asked.

    `needs_type`: media by address is refused unless its type is known (Vertex AI).
    """
    body = call.body
    must_sign = (generation_of(endpoint.upstream_model) or 0) >= SIGNED_GENERATION
    conversation = Conversation(body.get("messages"), needs_type=needs_type, must_sign=must_sign)
    tools, dropped_tools = tool_fields(body)
    config, dropped_config = _generation_config(body, endpoint)
    fields = {**conversation.fields(), **tools}
    if config:
        fields["generationConfig"] = config
    if endpoint.provider.is_simulator and isinstance(body.get("simulator"), dict):
        fields["simulator"] = body["simulator"]
    return GeminiRequest(fields, tuple(sorted({*unsaid(body), *dropped_tools, *dropped_config})))


def generation_of(model: str) -> int | None:
    """Which generation of Gemini a model is of, as far as its name tells."""
    found = _GENERATION.search(model)
    return int(found.group(1)[:3]) if found else None


def unsaid(body: Mapping[str, Any]) -> list[str]:
    """The fields of a request that are not looked at here."""
    return [
        name
        for name, value in body.items()
        if value is not None and name not in _READ and name not in _SAID_TO_US
    ]


def _generation_config(body: Mapping[str, Any], endpoint: EndpointEntry) -> tuple[Json, list[str]]:
    config = {theirs: body[ours] for ours, theirs in _SAMPLING.items() if body.get(ours) is not None}
    if not config.get("responseLogprobs"):
        config.pop("logprobs", None)
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    if limit:
        config["maxOutputTokens"] = limit
    stop = body.get("stop")
    if stop:
        config["stopSequences"] = [stop] if isinstance(stop, str) else stop
    if (body.get("n") or 1) != 1:
        config["candidateCount"] = body["n"]
    config |= _format(body.get("response_format"))
    images, dropped = _image_output(body)
    thinking, dropped_thinking = thinking_config(
        body,
        # A model without a number in its name is an alias of the newest.
        has_levels=(generation_of(endpoint.upstream_model) or LEVELS_GENERATION) >= LEVELS_GENERATION,
        shows_by_default="reasoning" in endpoint.supported_parameters,
    )
    if thinking:
        config["thinkingConfig"] = thinking
    return config | images, dropped + dropped_thinking


def _format(given: Any) -> Json:
    if not isinstance(given, dict):
        return {}
    kind = given.get("type")
    if kind in (None, "text"):
        return {}
    if kind not in ("json_object", "json_schema"):
        raise Unsupported("response_format", "is of a type that this provider does not know")
    config: Json = {"responseMimeType": "application/json"}
    holder = given.get("json_schema") if kind == "json_schema" else None
    schema = holder.get("schema") if isinstance(holder, dict) else None
    if schema is not None:
        config["responseJsonSchema"] = clean_schema(schema, "response_format")
    return config


def _image_output(body: Mapping[str, Any]) -> tuple[Json, list[str]]:
    config: Json = {}
    wanted = body.get("modalities")
    wanted = wanted if isinstance(wanted, list) else []
    if any(not isinstance(one, str) or one not in _MODALITIES for one in wanted):
        raise Unsupported("modalities", "names a kind of output that this provider does not have")
    if "image" in wanted:
        config["responseModalities"] = [_MODALITIES[one] for one in wanted]
    given = body.get("image_config")
    if not isinstance(given, dict):
        return config, []
    images = {theirs: given[ours] for ours, theirs in _IMAGE_CONFIG.items() if given.get(ours) is not None}
    if images:
        config["imageConfig"] = images
    return config, [f"image_config.{name}" for name in given if name not in _IMAGE_CONFIG]
