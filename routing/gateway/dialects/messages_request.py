"""From a Messages request to a Call: its parameters and its conversation in Chat Completions' words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from routing.call import CACHE_MARKERS, Call
from routing.errors import invalid_request
from routing.gateway.client import RefusedError
from routing.gateway.dialects.chat import call_of, read_json
from routing.gateway.dialects.messages_conversation import has_citations, read_conversation
from routing.gateway.dialects.messages_parameters import (
    name_of,
    output,
    reasoning,
    renamed,
    tool,
    tool_choice,
)
from routing.gateway.dialects.messages_tools import chosen
from routing.gateway.dialects.parameters import (
    Check,
    check,
    is_object,
    is_objects,
    is_text,
    is_texts,
    refused,
)
from routing.gateway.dialects.tool_entries import functions_of

SLUG = "messages"
MAX_FALLBACKS = 3
CHECKS: dict[str, Check] = {
    "stop_sequences": is_texts,
    "tools": is_objects,
    "tool_choice": is_object,
    "metadata": is_object,
    "thinking": is_object,
    "output_config": is_object,
    "fallbacks": is_objects,
    "models": is_texts,
    "service_tier": is_text,
}
UNTRANSLATED = frozenset({"container", "context_management", "inference_geo", "mcp_servers", "speed"})
"""What only Anthropic understands, and Chat Completions cannot say."""
REWRITTEN = frozenset({"system", "messages", "user", *CHECKS, *UNTRANSLATED})
TIERS = {"standard_only": "default"}


def read_call(data: bytes, headers: Mapping[bytes, bytes]) -> Call:
    """The call of a Messages request. Raises RefusedError naming the parameter that is wrong."""
    given = read_json(data)
    try:
        call = call_of(canonical(given), len(data), headers, SLUG)
    except RecursionError:
        raise RefusedError(invalid_request("The request's JSON is nested too deeply.")) from None
    dropped = _dropped(given)
    detail: dict[str, Any] = {SLUG: _of_the_answer(given)}
    if b'"cache_control"' in data:
        detail[CACHE_MARKERS] = True
    parameters = call.parameters | dropped
    return replace(call, parameters=parameters, detail=detail, dropped=tuple(sorted(dropped)))


def _dropped(given: Mapping[str, Any]) -> set[str]:
    """What is asked for and cannot be said: `require_parameters` finds no endpoint that supports it."""
    dropped = {name for name in UNTRANSLATED if given.get(name) is not None}
    if has_citations(given):
        dropped.add("citations")
    if (given.get("output_config") or {}).get("task_budget") is not None:
        dropped.add("task_budget")
    return dropped


def canonical(given: Mapping[str, Any]) -> dict[str, Any]:
    """The request as a Chat Completions body. Raises RefusedError."""
    check(given, CHECKS)
    if given.get("n") not in (None, 1):
        raise refused("n", "is no parameter of this endpoint: there is one message")
    body = {name: value for name, value in given.items() if name not in REWRITTEN}
    body |= renamed(given, {"stop_sequences": "stop", "service_tier": "service_tier"})
    if given.get("tools"):
        body["tools"] = [tool(one) for one in given["tools"]]
    body["messages"] = read_conversation(given, functions_of(body))
    choice = chosen(tool_choice(given.get("tool_choice") or {}), body.get("tools") or ())
    body |= choice | output(given.get("output_config") or {})
    if thinking := given.get("thinking"):
        body["reasoning"] = reasoning(thinking)
        if thinking.get("type") == "adaptive" and body.get("verbosity"):
            body["reasoning"]["effort"] = body["verbosity"]  # to other providers, effort is one of reasoning
    if "service_tier" in body:
        body["service_tier"] = TIERS.get(body["service_tier"], body["service_tier"])
    return body | _models(given) | _user(given)


def _models(given: Mapping[str, Any]) -> dict[str, Any]:
    """The models to fall back on, by both of the names."""
    fallbacks = given.get("fallbacks") or []
    named = [name_of("fallbacks", "model", one) for one in fallbacks]
    listed = [*(given.get("models") or []), *named]
    if fallbacks and given.get("models"):
        raise refused("fallbacks", "cannot be combined with models")
    if len(fallbacks) > MAX_FALLBACKS:
        raise refused("fallbacks", f"may name at most {MAX_FALLBACKS} models")
    if any(one.keys() != {"model"} for one in fallbacks):
        raise refused("fallbacks", "may hold a model each and nothing else")
    return {"models": listed} if listed else {}


def _user(given: Mapping[str, Any]) -> dict[str, Any]:
    metadata = given.get("metadata") or {}
    check(metadata, {"user_id": is_text}, "metadata.")
    user = metadata.get("user_id") or given.get("user")
    return {"user": user} if user else {}


def _of_the_answer(given: Mapping[str, Any]) -> dict[str, Any]:
    """What the answer depends on beside the provider's."""
    thinking = given.get("thinking") or {}
    return {
        "stop": given.get("stop_sequences") or [],
        "is_thinking_hidden": thinking.get("display") == "omitted",
    }
