"""What fusion asks its models: the conversation as it stands, without the machinery that led to the question. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from routing.plugins.operator import Missing, Operator
from routing.tools.fusion_config import COMPLETION_TOKENS, SEARCH, TOOL_CALLS
from routing.tools.transcript import readable, text_of

Json = dict[str, Any]  # a JSON object
Config = Mapping[str, Any]  # what the tool declares

PRIVACY = ("data_collection", "zdr")
"""What of the outer request's `provider` holds for the panel, too; who shall serve the outer model does not."""
WEB_TOOLS = (SEARCH, "web_fetch")


def question_of(request: Mapping[str, Any], prompt: str) -> list[Json]:
    """The messages that the panel answers: the conversation up to the call, then what the model adds to it.

    What the model said on its way to the call is left out: the panel shall think for itself.
    """
    asked = readable([message for message in _messages(request) if isinstance(message, dict)])
    while asked and asked[-1].get("role") == "assistant":
        asked.pop()
    return [*asked, {"role": "user", "content": prompt}] if prompt else asked


def as_text(messages: Sequence[Json]) -> str:
    """A conversation for somebody who is to read it and not to answer it."""
    return "\n\n".join([f"{one.get('role')}: {text_of(one.get('content'))}" for one in messages])


def inner_body(model: str, messages: Sequence[Json], request: Mapping[str, Any], config: Config) -> Json:
    """What any of fusion's models is asked, without its tools."""
    body: Json = {
        "model": model,
        "messages": list(messages),
        "max_completion_tokens": config.get("max_completion_tokens", COMPLETION_TOKENS),
    }
    for name in ("reasoning", "cache_control"):
        if name in config:
            body[name] = config[name]
    given = request.get("provider")
    if isinstance(given, msgspec.Raw):
        given = msgspec.json.decode(given)
    privacy = {name: given[name] for name in PRIVACY if name in given} if isinstance(given, dict) else {}
    return {**body, "provider": privacy} if privacy else body


def with_tools(body: Json, config: Config, operator: Operator) -> Json:
    """The body with the tools that fusion's models have, and how many steps they may take with them."""
    tools = config["tools"] if "tools" in config else default_tools(operator)
    if not tools:
        return body
    steps = {"type": "step_count_is", "step_count": config.get("max_tool_calls", TOOL_CALLS)}
    return {**body, "tools": [dict(tool) for tool in tools], "stop_server_tools_when": [steps]}


def default_tools(operator: Operator, disabled: frozenset[str] = frozenset()) -> list[Json]:
    """The web's, as far as they are set up and not disabled."""
    wanted = [slug for slug in WEB_TOOLS if slug not in disabled]
    return [{"type": f"openrouter:{slug}"} for slug in wanted if slug != SEARCH or operator.search]


def missing_tool(config: Config, operator: Operator) -> Missing | None:
    """The tool that a configuration names and that is not set up: a search without an engine."""
    for number, tool in enumerate(config.get("tools", ())):
        if tool["type"].partition(":")[2] == SEARCH and not operator.search:
            return Missing(f"tools[{number}]", "needs a search engine, and none is set up here")
    return None


def _messages(request: Mapping[str, Any]) -> list[Any]:
    messages = request.get("messages")
    if isinstance(messages, msgspec.Raw):
        messages = msgspec.json.decode(messages)
    return messages if isinstance(messages, list) else []
