"""What fusion asks its models: the conversation as it stands, without the machinery that led to the question. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from routing.plugins.operator import Missing, Operator
from routing.tools.fusion_config import COMPLETION_TOKENS, SEARCH, TOOL_CALLS

Json = dict[str, Any]  # a JSON object
Config = Mapping[str, Any]  # what the tool declares

PRIVACY = ("data_collection", "zdr")
"""What of the outer request's `provider` holds for the panel, too; who shall serve the outer model does not."""
NATIVE = "native"
WEB_TOOLS = (SEARCH, "web_fetch")


def question_of(request: Mapping[str, Any], prompt: str) -> list[Json]:
    """The messages that the panel answers: the conversation up to the call, then what the model adds to it.

    The panel does not have the caller's functions, so calls of them and their results are told in words. What the
    model said on its way to the call is left out: the panel shall think for itself.
    """
    messages = [_opened(message) for message in _messages(request)]
    while messages and messages[-1].get("role") == "assistant":
        messages.pop()
    asked = [told for message in messages if (told := _in_words(message)) is not None]
    if prompt:
        asked.append({"role": "user", "content": prompt})
    return asked


def as_text(messages: Sequence[Json]) -> str:
    """A conversation for somebody who is to read it and not to answer it."""
    return "\n\n".join(f"{message['role']}: {text_of(message.get('content'))}" for message in messages)


def text_of(content: Any) -> str:  # JSON of any kind
    """The text of a message's content; a word in brackets for what is none."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(_words(parts))


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


def default_tools(operator: Operator) -> list[Json]:
    """The web's, as far as they are set up."""
    return [{"type": f"openrouter:{slug}"} for slug in WEB_TOOLS if slug != SEARCH or operator.search]


def missing_tool(config: Config, operator: Operator) -> Missing | None:
    """The tool that a configuration names and that is not set up: a search without an engine."""
    for number, tool in enumerate(config.get("tools", ())):
        is_search = tool["type"].partition(":")[2] == SEARCH
        if is_search and not operator.search and tool.get("parameters", {}).get("engine") != NATIVE:
            return Missing(f"tools[{number}]", "needs a search engine, and none is set up here")
    return None


def _messages(request: Mapping[str, Any]) -> list[Any]:
    messages = request.get("messages")
    if isinstance(messages, msgspec.Raw):
        messages = msgspec.json.decode(messages)
    return messages if isinstance(messages, list) else []


def _opened(message: Any) -> Json:
    return dict(message) if isinstance(message, Mapping) else {}


def _in_words(message: Json) -> Json | None:
    """A message with its calls of functions told in words; None for one that says nothing."""
    role, content = message.get("role"), message.get("content")
    if role in ("tool", "function"):
        return {"role": "user", "content": f"[A tool's result]\n{text_of(content)}"}
    calls = "\n".join(_calls(message))
    if not calls:
        return {"role": role, "content": content} if role and content else None
    return {"role": "assistant", "content": "\n".join(filter(None, (text_of(content), calls)))}


def _calls(message: Json) -> Iterator[str]:
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        function = call.get("function") if isinstance(call, Mapping) else None
        if isinstance(function, Mapping):
            yield f"[Called {function.get('name')} with {function.get('arguments')}]"


def _words(parts: Sequence[Any]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, Mapping):
            text = part.get("text")
            yield text if isinstance(text, str) else f"[{part.get('type', 'part')}]"
