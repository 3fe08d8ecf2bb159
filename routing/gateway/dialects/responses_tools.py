"""The tools of a Responses request, and the choice among them, as Chat Completions has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

from routing.gateway.client import RefusedError
from routing.gateway.dialects.parameters import Check, check, is_flag, is_object, is_objects, is_text, refused
from routing.gateway.dialects.server_tools import unsupported
from routing.gateway.dialects.tool_entries import SEARCHES, is_ours, read_choice, read_entry

Tool: TypeAlias = Mapping[str, Any]  # the caller's JSON

SYNTAXES = ("lark", "regex")
CHOICES = ("auto", "none", "required")
OWN = ("function", "custom")
"""The kinds of tools that the caller executes himself; of all others the gateway executes its own."""

_CHECKS: dict[str, Check] = {
    "name": is_text,
    "description": is_text,
    "parameters": is_object,
    "strict": is_flag,
    "format": is_object,
    "cache_control": is_object,
}
_ALLOWED: dict[str, Check] = {"mode": is_text, "tools": is_objects}


class Tools(NamedTuple):
    """What a chat request says about tools: nothing of it where the request names none."""

    tools: list[dict[str, Any]]
    choice: str | dict[str, Any] | None


def read_tools(given: Any, choice: Any) -> Tools:
    """Tools and choice. Raises RefusedError for what only OpenAI, or nobody here, could execute."""
    if given is not None and not is_objects(given):
        raise refused("tools", "must be a list of objects")
    tools = [_tool(tool, f"tools[{index}]") for index, tool in enumerate(given or [])]
    if choice is None or isinstance(choice, str):
        if choice not in (None, *CHOICES):
            raise refused("tool_choice", f"must be one of {', '.join(CHOICES)} or an object")
        return Tools(tools, choice)
    if not isinstance(choice, dict):
        raise refused("tool_choice", "must be a string or an object")
    if choice.get("type") == "allowed_tools":
        return _allowed(tools, choice)
    return Tools(tools, _named(choice, "tool_choice"))


def _tool(tool: Tool, where: str) -> dict[str, Any]:
    kind = tool.get("type")
    if is_executed_here(kind):
        return read_entry(dict(tool))
    if kind not in OWN:
        raise _unsupported(kind, where)
    check(tool, _CHECKS, f"{where}.")
    if not tool.get("name"):
        raise refused(f"{where}.name", "is missing")
    about = {name: tool[name] for name in ("name", "description") if tool.get(name) is not None}
    ours = {"cache_control": tool["cache_control"]} if tool.get("cache_control") else {}
    if kind == "custom":
        about |= (
            {"format": _grammar(tool["format"], f"{where}.format")} if tool.get("format") is not None else {}
        )
        return {"type": "custom", "custom": about, **ours}
    about |= {name: tool[name] for name in ("parameters", "strict") if tool.get(name) is not None}
    return {"type": "function", "function": about, **ours}


def _grammar(form: Tool, where: str) -> dict[str, Any]:
    """The form of a custom tool's input: the two dialects differ in one level of nesting."""
    if form.get("type") == "text":
        return {"type": "text"}
    if form.get("type") != "grammar":
        raise refused(f"{where}.type", "must be one of text, grammar")
    check(form, {"definition": is_text, "syntax": is_text}, f"{where}.")
    if form.get("definition") is None:
        raise refused(f"{where}.definition", "is missing")
    if form.get("syntax") not in SYNTAXES:
        raise refused(f"{where}.syntax", f"must be one of {', '.join(SYNTAXES)}")
    return {"type": "grammar", "grammar": {name: form[name] for name in ("definition", "syntax")}}


def _named(choice: Tool, where: str) -> dict[str, Any]:
    """One tool by its name."""
    kind, name = choice.get("type"), choice.get("name")
    if is_executed_here(kind):
        chosen: dict[str, Any] = read_choice(choice)
        return chosen
    if kind not in OWN:
        raise _unsupported(kind, where)
    if not isinstance(name, str):
        raise refused(f"{where}.name", "must be a string")
    return {"type": kind, kind: {"name": name}}


def _allowed(tools: list[dict[str, Any]], choice: Tool) -> Tools:
    """A choice among some of the tools: every provider understands it if the others are not offered at all."""
    check(choice, _ALLOWED, "tool_choice.")
    if choice.get("mode") not in ("auto", "required"):
        raise refused("tool_choice.mode", "must be one of auto, required")
    wanted = [
        _named(one, f"tool_choice.tools[{index}]") for index, one in enumerate(choice.get("tools") or [])
    ]
    kept = [tool for tool in tools if _choice_of(tool) in wanted]
    if not kept:
        raise refused("tool_choice.tools", "names none of the request's tools")
    return Tools(kept, choice["mode"])


def _choice_of(tool: Tool) -> dict[str, Any]:
    kind = tool["type"]
    return {"type": kind, kind: {"name": tool[kind]["name"]}} if kind in OWN else {"type": kind}


def is_executed_here(kind: Any) -> bool:
    """Whether a tool of this type is the gateway's to run."""
    return is_ours(kind) or (isinstance(kind, str) and kind in SEARCHES)


def _unsupported(kind: Any, where: str) -> RefusedError:
    if not isinstance(kind, str):
        return refused(f"{where}.type", "must be a string")
    return unsupported(where, kind)
