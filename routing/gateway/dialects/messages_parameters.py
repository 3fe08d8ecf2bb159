"""The parameters of a Messages request by the names of Chat Completions; presets are made from them too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from routing.gateway.dialects.messages_tools import entry_of
from routing.gateway.dialects.parameters import check, is_integer, is_object, is_text, refused

CACHED = "cache_control"
CHOICES = {"auto": "auto", "any": "required", "none": "none"}

Body = Mapping[str, Any]  # the caller's JSON


def renamed(body: Body, names: Mapping[str, str]) -> dict[str, Any]:
    """What a body says under some names, under others."""
    return {new: body[old] for old, new in names.items() if body.get(old) is not None}


def name_of(parameter: str, field: str, holder: Body) -> str:
    """The name that something must have. Raises RefusedError."""
    name = holder.get(field)
    if not isinstance(name, str):
        raise refused(parameter, f"must have a {field}")
    return name


def function(parameter: str, about: Body, named: Body) -> dict[str, Any]:
    """A function as Chat Completions names it."""
    return {"type": "function", "function": {**about, "name": name_of(parameter, "name", named)}}


def reasoning(thinking: Body) -> dict[str, Any]:
    """What `thinking` says. Raises RefusedError."""
    if thinking.get("type") == "disabled":
        return {"enabled": False}
    budget = thinking.get("budget_tokens")
    if budget is None:
        return {"enabled": True}
    if not is_integer(budget):
        raise refused("thinking.budget_tokens", "must be an integer")
    return {"max_tokens": budget}


def output(given: Body) -> dict[str, Any]:
    """What `output_config` says: how much effort (`verbosity` sets it), and in which form. Raises RefusedError."""
    check(given, {"effort": is_text, "format": is_object}, "output_config.")
    config = renamed(given, {"effort": "verbosity"})
    schema = (given.get("format") or {}).get("schema")
    if schema is not None:
        named = {"name": "answer", "schema": schema, "strict": True}
        config["response_format"] = {"type": "json_schema", "json_schema": named}
    return config


def tool_choice(choice: Body) -> dict[str, Any]:
    """What `tool_choice` says. Raises RefusedError."""
    config: dict[str, Any] = {}
    check(choice, {"type": is_text}, "tool_choice.")
    kind = choice.get("type")
    if kind in CHOICES:
        config["tool_choice"] = CHOICES[kind]
    elif kind == "tool":
        config["tool_choice"] = function("tool_choice", {}, choice)
    elif choice:
        raise refused("tool_choice.type", f"must be one of {', '.join([*CHOICES, 'tool'])}")
    if choice.get("disable_parallel_tool_use") is True:
        config["parallel_tool_calls"] = False
    return config


def tool(given: Body) -> dict[str, Any]:
    """A tool of the caller's own as a function; the gateway's in their one form, the providers' as they are.

    Raises RefusedError.
    """
    if given.get("type") not in (None, "custom"):
        return entry_of(given)
    about = {name: value for name, value in given.items() if name not in ("type", "input_schema", CACHED)}
    if "input_schema" in given:
        about["parameters"] = given["input_schema"]
    return {**function("tools", about, given), **renamed(given, {CACHED: CACHED})}
