"""Tools and the choice among them in Gemini's words (ai.google.dev/gemini-api/docs/function-calling)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from routing.providers.gemini_schema import clean_schema
from routing.providers.wire_format import Unsupported

Json = dict[str, Any]  # JSON may be anything

_MODES = {"none": "NONE", "auto": "AUTO", "required": "ANY"}


def tool_fields(body: Mapping[str, Any]) -> tuple[Json, list[str]]:
    """The fields `tools` and `toolConfig`, and what of the caller's cannot be said. Raises Unsupported."""
    given = body.get("tools")
    tools = given if isinstance(given, list) else []
    fields: Json = {}
    if tools:
        fields["tools"] = [{"functionDeclarations": [_declaration(tool) for tool in tools]}]
        calling = _calling(body.get("tool_choice"))
        if calling:
            fields["toolConfig"] = {"functionCallingConfig": calling}
    dropped = ["tools.strict"] if any(_is_strict(tool) for tool in tools) else []
    if body.get("parallel_tool_calls") is False and tools:
        dropped.append("parallel_tool_calls")
    return fields, dropped


def _declaration(tool: Any) -> Json:
    found = (
        tool.get("function")
        if isinstance(tool, dict) and tool.get("type", "function") == "function"
        else None
    )
    function: Json = found if isinstance(found, dict) else {}
    name = function.get("name")
    if not isinstance(name, str) or not name:
        raise Unsupported("tools", "has a tool that is no function with a name")
    declaration: Json = {"name": name}
    if isinstance(function.get("description"), str):
        declaration["description"] = function["description"]
    schema = function.get("parameters")
    if isinstance(schema, dict) and schema:
        declaration["parametersJsonSchema"] = clean_schema(schema, "tools")
    return declaration


def _is_strict(tool: Any) -> bool:
    function = tool.get("function") if isinstance(tool, dict) else None
    return isinstance(function, dict) and function.get("strict") is True


def _calling(choice: Any) -> Json:
    if choice is None:
        return {}
    if isinstance(choice, str) and choice in _MODES:
        return {"mode": _MODES[choice]}
    kind = choice.get("type") if isinstance(choice, dict) else None
    if kind == "function":
        return {"mode": "ANY", "allowedFunctionNames": [_name(choice)]}
    allowed = choice.get("allowed_tools") if kind == "allowed_tools" else None
    if isinstance(allowed, dict) and isinstance(allowed.get("tools"), list):
        mode = "ANY" if allowed.get("mode") == "required" else "VALIDATED"
        return {"mode": mode, "allowedFunctionNames": [_name(tool) for tool in allowed["tools"]]}
    raise Unsupported("tool_choice", "is none that this provider knows")


def _name(holder: Any) -> str:
    function = holder.get("function") if isinstance(holder, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(name, str) or not name:
        raise Unsupported("tool_choice", "must name a function")
    return name
