"""A Chat Completions request in the words of Anthropic's Messages API (docs.anthropic.com/en/api/messages)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from routing.call import Call
from routing.catalog_snapshot import EndpointEntry
from routing.providers.anthropic_content import cache_control
from routing.providers.anthropic_messages import Conversation, read_messages
from routing.providers.anthropic_models import Claude, claude
from routing.providers.anthropic_thinking import Circumstances, Thinking, think
from routing.providers.anthropic_tools import Tools, read_tools
from routing.providers.openai import OUR_FIELDS
from routing.providers.wire_format import Unsupported

LEAST_TOP_P_THINKING, MOST_TOP_K = 0.95, 1_000_000
SERVICE_TIERS = {
    "auto": "auto",
    "priority": "auto",
    "fast": "auto",
    "default": "standard_only",
    "standard_only": "standard_only",
}
SAID = OUR_FIELDS | {
    "include_reasoning",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "metadata",
    "model",
    "parallel_tool_calls",
    "prompt_cache_key",
    "prompt_cache_options",
    "reasoning_effort",
    "response_format",
    "service_tier",
    "stop",
    "stream",
    "structured_outputs",
    "temperature",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
    "verbosity",
}
"""Fields that are seen to here; every other one is dropped, because the API refuses what it does not know."""
SAYS_NOTHING: dict[str, Any] = {
    "frequency_penalty": 0,
    "logit_bias": {},
    "logprobs": False,
    "min_p": 0,
    "modalities": ["text"],
    "n": 1,
    "presence_penalty": 0,
    "repetition_penalty": 1,
    "store": False,
    "top_a": 0,
    "top_logprobs": 0,
}
"""Values that ask for what happens anyway."""


class Translation(NamedTuple):
    """The body of a request, and the parameters that it does not say (sorted, each once)."""

    body: dict[str, Any]
    dropped: tuple[str, ...]


def translate(call: Call, endpoint: EndpointEntry) -> Translation:
    """The request of a call. Raises Unsupported."""
    body = {name: _decoded(value) for name, value in call.body.items() if value is not None}
    if not isinstance(body.get("messages"), list):
        raise Unsupported("messages", "must be given: this provider only takes conversations")
    model = claude(endpoint.upstream_model)
    conversation = read_messages(body["messages"])
    tools = read_tools(body, model, conversation.tools_used)
    given = Circumstances(
        model, _max_tokens(call, endpoint, model), tools.is_forced, conversation.is_amid_unthought_calls
    )
    thinking = think(body, given)
    dropped = unsaid(body)
    request: dict[str, Any] = {
        "model": endpoint.upstream_model,
        "max_tokens": thinking.max_tokens,
        "messages": conversation.turns,
        **_prompted(conversation, tools),
        **_steered(tools, thinking),
        **_sampling(body, model, thinking, dropped),
        **_stop(body, dropped),
        **_billed(body, call, endpoint, dropped),
        **cache_control(body),
    }
    if call.is_streamed:
        request["stream"] = True
    dropped |= conversation.dropped | tools.dropped | thinking.dropped
    return Translation(request, tuple(sorted(dropped)))


def unsaid(body: Mapping[str, Any]) -> set[str]:
    """The fields of a request that the API does not know, but for those that ask for nothing."""
    return {
        name
        for name, value in body.items()
        if value is not None and name not in SAID and SAYS_NOTHING.get(name) != value
    }


def _decoded(value: Any) -> Any:
    """A field as it was; large ones are kept as text until they are needed."""
    return msgspec.json.decode(value) if isinstance(value, msgspec.Raw) else value


def _max_tokens(call: Call, endpoint: EndpointEntry, model: Claude) -> int:
    """How long the answer may be, which the API wants to be told: the caller's bound, else the most there is."""
    most = endpoint.max_completion_tokens
    if call.max_tokens is None:
        return most or model.most_tokens
    return min(call.max_tokens, most) if most else call.max_tokens


def _prompted(conversation: Conversation, tools: Tools) -> dict[str, Any]:
    added = [{"type": "text", "text": tools.instruction}] if tools.instruction else []
    system = [*conversation.system, *added]
    return {"system": system} if system else {}


def _steered(tools: Tools, thinking: Thinking) -> dict[str, Any]:
    output = {"effort": thinking.effort, "format": tools.format}
    config = {name: value for name, value in output.items() if value is not None}
    fields: dict[str, Any] = {"tools": tools.tools, "output_config": config}
    found = {name: value for name, value in fields.items() if value}
    if tools.choice is not None:
        found["tool_choice"] = tools.choice
    return found | ({"thinking": thinking.config} if thinking.config is not None else {})


def _sampling(
    body: Mapping[str, Any], model: Claude, thinking: Thinking, dropped: set[str]
) -> dict[str, Any]:
    """Temperature (at most 1 here), top_p and top_k, where the model takes them and thinking leaves them free."""
    wanted = {name: body[name] for name in ("temperature", "top_p", "top_k") if _is_asked(name, body)}
    if "temperature" in wanted:
        wanted["temperature"] = min(max(wanted["temperature"], 0), 1)
    if "top_k" in wanted:
        wanted["top_k"] = int(min(wanted["top_k"], MOST_TOP_K))
    refused: set[str] = set()
    if not model.has_sampling:
        refused |= wanted.keys()
    if thinking.is_on:
        refused |= {"temperature", "top_k"} if wanted.get("temperature") != 1 else {"top_k"}
        refused |= {"top_p"} if wanted.get("top_p", 1) < LEAST_TOP_P_THINKING else set()
    if model.has_one_sampler and "temperature" in wanted and "temperature" not in refused:
        refused |= {"top_p"}
    dropped |= refused & wanted.keys()
    return {name: value for name, value in wanted.items() if name not in refused}


def _is_asked(name: str, body: Mapping[str, Any]) -> bool:
    """Whether a sampling parameter is given and says something: 1, or no top_k, is what happens anyway."""
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return value >= 1 if name == "top_k" else value != 1


def _stop(body: Mapping[str, Any], dropped: set[str]) -> dict[str, Any]:
    given = body.get("stop")
    listed = [given] if isinstance(given, str) else given if isinstance(given, list) else []
    sequences = [one for one in listed if isinstance(one, str) and one.strip()]
    if len(sequences) < len(listed):  # the API takes none that is blank
        dropped.add("stop")
    return {"stop_sequences": sequences} if sequences else {}


def _billed(
    body: Mapping[str, Any], call: Call, endpoint: EndpointEntry, dropped: set[str]
) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    metadata = body.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    if metadata.keys() - {"user_id"}:
        dropped.add("metadata")
    user = call.attribution.user or metadata.get("user_id")
    if isinstance(user, str) and user and endpoint.provider.credential:
        fields["metadata"] = {"user_id": _pseudonym(user, endpoint.provider.credential)}
    tier = body.get("service_tier")
    if isinstance(tier, str) and tier in SERVICE_TIERS:
        fields["service_tier"] = SERVICE_TIERS[tier]
    elif tier is not None:
        dropped.add("service_tier")
    return fields


def _pseudonym(user: str, secret: str) -> str:
    """Who the user is, for the provider's own checks: always the same, and nothing that leads back to him."""
    return hmac.new(secret.encode(), user.encode("utf-8", "replace"), hashlib.sha256).hexdigest()
