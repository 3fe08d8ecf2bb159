"""Tools, the choice among them, and answers in JSON, as Anthropic takes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from routing.providers.anthropic_content import cache_control
from routing.providers.anthropic_models import Claude
from routing.providers.anthropic_schema import closed
from routing.providers.wire_format import Unsupported

JSON_TOOL = "headgate_json_answer"
"""The tool that an older model is made to call where it shall answer in JSON; its input is the answer."""
ANY_OBJECT = {"type": "object", "properties": {}}
ANSWER_IN_JSON = "Answer with a single valid JSON object and nothing else: no prose, no code fence."


class Tools(NamedTuple):
    """The request's tools, the choice, the format of the answer, what the system has to add, what was dropped."""

    tools: list[dict[str, Any]]
    choice: dict[str, Any] | None
    format: dict[str, Any] | None = None
    instruction: str | None = None
    dropped: frozenset[str] = frozenset()

    @property
    def is_forced(self) -> bool:
        """Whether the answer has to be a call."""
        return self.choice is not None and self.choice["type"] in ("any", "tool")


def read_tools(body: Mapping[str, Any], model: Claude, used: list[str]) -> Tools:
    """The tools of a request; `used` are those that its messages call. Raises Unsupported."""
    given = body.get("tools")
    listed = given if isinstance(given, list) else []
    tools = [_tool(one["function"], one, model) for one in listed if _is_function(one)]
    dropped = {"tools"} if len(tools) < len(listed) else set()
    choice = _choice(body, tools, model, dropped)
    if not tools and used:
        # A conversation with calls in it is refused without tools, even where none shall be called any more.
        tools, choice = [{"name": name, "input_schema": ANY_OBJECT} for name in used], {"type": "none"}
    return _with_format(Tools(tools, choice), body.get("response_format"), model, dropped)


def _is_function(tool: Any) -> bool:
    return isinstance(tool, dict) and isinstance(tool.get("function"), dict)


def _tool(function: Mapping[str, Any], holder: Mapping[str, Any], model: Claude) -> dict[str, Any]:
    name, description, schema = (function.get(field) for field in ("name", "description", "parameters"))
    if not isinstance(name, str):
        raise Unsupported("tools", "must have a name for each function")
    tool: dict[str, Any] = {"name": name}
    if isinstance(description, str) and description:
        tool["description"] = description
    schema = schema if isinstance(schema, dict) else ANY_OBJECT
    schema = schema if "type" in schema else {"type": "object", **schema}
    if function.get("strict") is True and model.has_schemas:
        tool |= {"input_schema": closed(schema), "strict": True}
    else:
        tool["input_schema"] = schema
    return tool | (cache_control(holder) or cache_control(function))


def _choice(
    body: Mapping[str, Any], tools: list[dict[str, Any]], model: Claude, dropped: set[str]
) -> dict[str, Any] | None:
    given = body.get("tool_choice")
    choice = (
        _named(given) if isinstance(given, dict) else _WORDS.get(given) if isinstance(given, str) else None
    )
    if given is not None and choice is None:
        dropped.add("tool_choice")
    if not tools:
        return None
    if choice is not None and choice["type"] in ("any", "tool") and not model.can_be_forced:
        dropped.add("tool_choice")
        choice = {"type": "auto"}
    if body.get("parallel_tool_calls") is False and (choice is None or choice["type"] != "none"):
        choice = {**(choice or {"type": "auto"}), "disable_parallel_tool_use": True}
    return choice


_WORDS: dict[str, dict[str, Any]] = {
    "auto": {"type": "auto"},
    "none": {"type": "none"},
    "required": {"type": "any"},
    "any": {"type": "any"},
}


def _named(choice: Mapping[str, Any]) -> dict[str, Any] | None:
    function = choice.get("function")
    name = function.get("name") if isinstance(function, dict) else choice.get("name")
    return {"type": "tool", "name": name} if isinstance(name, str) else None


def _with_format(tools: Tools, wanted: Any, model: Claude, dropped: set[str]) -> Tools:
    """The same with what `response_format` asks for: a schema, a call in its stead, or only words about it."""
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    if kind == "json_schema":
        described = wanted.get("json_schema")
        schema = described.get("schema") if isinstance(described, dict) else None
        if not isinstance(schema, dict):
            raise Unsupported("response_format", "must have a JSON schema")
        if model.has_schemas:
            return tools._replace(
                format={"type": "json_schema", "schema": closed(schema)}, dropped=frozenset(dropped)
            )
        if not tools.is_forced and schema.get("type", "object") == "object":
            return _as_call(tools, {"type": "object", **schema}, dropped)
    if kind in ("json_schema", "json_object"):  # it will mostly be so, but nothing makes sure of it
        dropped.add("response_format")
        return tools._replace(instruction=ANSWER_IN_JSON, dropped=frozenset(dropped))
    if kind not in (None, "text"):
        dropped.add("response_format")
    return tools._replace(dropped=frozenset(dropped))


def _as_call(tools: Tools, schema: dict[str, Any], dropped: set[str]) -> Tools:
    tool = {"name": JSON_TOOL, "description": "Gives the answer.", "input_schema": schema}
    may_call_others = bool(tools.tools) and (tools.choice is None or tools.choice["type"] != "none")
    choice = {"type": "any"} if may_call_others else {"type": "tool", "name": JSON_TOOL}
    return tools._replace(tools=[*tools.tools, tool], choice=choice, dropped=frozenset(dropped))
