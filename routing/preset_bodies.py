"""From the body of an inference request, in any dialect, to what a preset keeps of it (SPEC §7).

A preset speaks Chat Completions, whatever it was made from: it serves requests of every dialect, and tools and
parameters have one identity only if they have one spelling. What has no such spelling is not kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from routing.gateway.dialects.messages_parameters import (
    function,
    name_of,
    output,
    reasoning,
    renamed,
    tool,
    tool_choice,
)
from routing.gateway.dialects.parameters import (
    Check,
    check,
    is_count,
    is_object,
    is_objects,
    is_text,
    is_text_or_object,
    is_texts,
    refused,
)
from routing.preset_config import PARAMETERS, Content, plain

Body: TypeAlias = Mapping[str, Any]  # the caller's JSON

NOT_OF_MESSAGES = frozenset(
    {"stop", "response_format", "reasoning", "reasoning_effort", "verbosity", "metadata"}
)
"""Names of Chat Completions that say nothing, or something else, in a Messages request."""
MESSAGES_CHECKS: dict[str, Check] = {
    "messages": is_objects,
    "stop_sequences": is_texts,
    "fallbacks": is_objects,
    "thinking": is_object,
    "output_config": is_object,
    "tool_choice": is_object,
}
RESPONSES_CHECKS: dict[str, Check] = {
    "instructions": is_text,
    "max_output_tokens": is_count,
    "text": is_object,
    "tool_choice": is_text_or_object,
}


def read_chat(body: Body) -> Content:
    """From a Chat Completions request: its system and developer messages are the system prompt."""
    check(body, {**PARAMETERS, "messages": is_objects})
    said = [
        _text("messages", message.get("content"))
        for message in body.get("messages") or []
        if message.get("role") in ("system", "developer")
    ]
    return Content(_kept(body, PARAMETERS), _joined(said))


def read_messages(body: Body) -> Content:
    """From an Anthropic Messages request: `system` is the system prompt."""
    names = PARAMETERS.keys() - NOT_OF_MESSAGES
    check(body, {name: PARAMETERS[name] for name in names} | MESSAGES_CHECKS)
    config = _kept(body, names - {"tools", "tool_choice"})
    config |= renamed(body, {"stop_sequences": "stop"})
    if body.get("fallbacks"):
        config["models"] = [name_of("fallbacks", "model", one) for one in body["fallbacks"]]
    if body.get("thinking"):
        config["reasoning"] = reasoning(body["thinking"])
    if body.get("tools") is not None:
        config["tools"] = [tool(one) for one in body["tools"]]
    return Content(
        config | output(body.get("output_config") or {}) | tool_choice(body.get("tool_choice") or {}),
        _text("system", body.get("system")) or None,
    )


def read_responses(body: Body) -> Content:
    """From a Responses request: `instructions` is the system prompt."""
    check(body, PARAMETERS | RESPONSES_CHECKS)
    config = _kept(body, PARAMETERS.keys() - {"tools", "tool_choice", "max_tokens", "max_completion_tokens"})
    config |= renamed(body, {"max_output_tokens": "max_tokens"})
    if body.get("tools") is not None:
        config["tools"] = [_tool_of_responses(tool) for tool in body["tools"]]
    if body.get("tool_choice") is not None:
        config["tool_choice"] = _tool_choice_of_responses(body["tool_choice"])
    return Content(config | _text_settings(body.get("text") or {}), body.get("instructions") or None)


def read_body(dialect: str, body: Body) -> Content:
    """What a preset keeps of a request, by the end of its route's address. Raises RefusedError (400)."""
    return READERS[dialect]({name: plain(name[:100], value) for name, value in body.items()})


READERS: dict[str, Callable[[Body], Content]] = {
    "chat/completions": read_chat,
    "messages": read_messages,
    "responses": read_responses,
}


def _kept(body: Body, names: Iterable[str]) -> dict[str, Any]:
    """The named parameters, in the body's order."""
    wanted = frozenset(names)
    return {name: value for name, value in body.items() if name in wanted and value is not None}


def _text(parameter: str, content: Any) -> str:  # JSON of any kind
    """The text of a content: a string, or a list of parts of which some are text."""
    if content is None or isinstance(content, str):
        return content or ""
    if not is_objects(content):
        raise refused(parameter, "must have as content a string or a list of parts")
    return _joined([part["text"] for part in content if isinstance(part.get("text"), str)]) or ""


def _joined(texts: Iterable[str]) -> str | None:
    return "\n\n".join(text for text in texts if text) or None


def _tool_of_responses(tool: Body) -> dict[str, Any]:
    if tool.get("type") != "function" or isinstance(tool.get("function"), dict):
        return dict(tool)
    return function("tools", {name: value for name, value in tool.items() if name != "type"}, tool)


def _tool_choice_of_responses(choice: Any) -> Any:  # a string or an object
    if isinstance(choice, dict) and choice.get("type") == "function" and "function" not in choice:
        return function("tool_choice", {}, choice)
    return choice


def _text_settings(text: Body) -> dict[str, Any]:
    """What `text` says: in which form, and how verbose."""
    check(text, {"format": is_object, "verbosity": is_text}, "text.")
    config = renamed(text, {"verbosity": "verbosity"})
    form = text.get("format")
    if form and form.get("type") == "json_schema":
        schema = {name: value for name, value in form.items() if name != "type"}
        config["response_format"] = {"type": "json_schema", "json_schema": schema}
    elif form:
        config["response_format"] = dict(form)
    return config
