"""Read what a request says of server tools, and offer them to the model as functions. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from config.lib.declared import NotValid
from routing.call import Call
from routing.errors import Refusal, forbidden
from routing.gateway.client import RefusedError
from routing.gateway.dialects.parameters import refused
from routing.gateway.dialects.server_tools import unsupported
from routing.gateway.dialects.tool_entries import function_of
from routing.gateway.server_tools.limits import Limits, read_limits
from routing.plugins.operator import Operator
from routing.policy import Policy
from routing.tools import TOOLS, tool_named
from routing.tools.tool import PREFIXES, Json, Use

OF_LOOPS = ("max_tool_calls", "stop_server_tools_when")
MOST_TOOLS = 128
DEPTH_HEADER = "x-openrouter-%s-depth"
DISABLED = "server_tool_disabled"


class Asked(msgspec.Struct, frozen=True):
    """What a request wants of server tools: each by the name of its function, and when to stop.

    `call` is the one to decide on: its tools are functions, and nothing in it is meant for the loop any more.
    """

    call: Call
    uses: Mapping[str, Use]
    limits: Limits
    is_forced: bool = False
    """Whether the first answer has to call a tool."""


def has_server_tools(call: Call) -> bool:
    """Whether any of a call's tools, or the choice among them, is ours."""
    tools, choice = call.body.get("tools"), call.body.get("tool_choice")
    if not tools:
        return isinstance(choice, dict) and _is_ours(choice)
    return any(_is_ours(tool) for tool in _opened(tools)) or (isinstance(choice, dict) and _is_ours(choice))


def read_server_tools(
    call: Call, headers: Mapping[bytes, bytes], policy: Policy, operator: Operator
) -> Asked:
    """The call to begin with, and what it may run. Raises RefusedError (400, 403)."""
    given = list(_opened(call.body.get("tools") or []))
    if len(given) > MOST_TOOLS:
        raise refused("tools", f"may have at most {MOST_TOOLS} entries")
    if call.choices > 1:
        raise refused("n", "must be 1 where server tools are asked for")
    uses = _told_apart(list(_uses_of(given, policy, operator)))
    for use in uses:
        _check_operator(use, operator)
    _check_together(uses)
    kept = [use for use in uses if not _is_inside(use.slug, headers)]
    return _asked(call, given, {use.where: use for use in kept})


def _asked(call: Call, given: list[Json], uses: Mapping[str, Use]) -> Asked:
    limits, tools = read_limits(call.body), []
    for number, tool in enumerate(given):
        if not _is_ours(tool):
            tools.append(tool)
        elif use := uses.get(f"tools[{number}]"):
            tools.append(offered(use))
    named = {use.function: use for use in uses.values()}
    _check_names(given, named)
    body = {name: value for name, value in call.body.items() if name not in OF_LOOPS and name != "tools"}
    if tools:
        body["tools"] = tools
    choice = _choice(body.pop("tool_choice", None), given, named)
    if choice is not None and tools:
        body["tool_choice"] = choice
    parameters = call.parameters - {"tool_choice", *OF_LOOPS} - (set() if tools else {"tools"})
    if "tool_choice" in body:
        parameters |= {"tool_choice"}
    asked = msgspec.structs.replace(call, body=body, parameters=parameters)
    return Asked(asked, named, limits, is_forced=isinstance(choice, dict) or choice == "required")


def offered(use: Use) -> Json:
    """A tool as the model sees it."""
    function = {"name": use.function, **TOOLS[use.slug].function(use)}
    return {"type": "function", "function": function}


def _uses_of(given: list[Json], policy: Policy, operator: Operator) -> Iterator[Use]:
    """The server tools of a request, in order. Raises RefusedError (400, 403)."""
    counted: Counter[str] = Counter()
    for number, entry in enumerate(given):
        if not _is_ours(entry):
            continue
        kind, where = str(entry["type"]), f"tools[{number}]"
        tool = tool_named(kind)
        if tool is None:
            raise unsupported("tools", kind)
        if tool.slug in policy.disabled_tools:
            raise RefusedError(_disabled(kind, where))
        config, instance = _config(tool.slug, entry, where), counted[tool.slug]
        _check_nested(config, where, policy)
        counted[tool.slug] += 1
        if instance >= tool.most_instances:
            raise refused(where, f"is one {kind} too many: a request may have {tool.most_instances}")
        heeded = tool.without(config, policy.disabled_tools, operator)
        yield Use(tool.slug, kind, function_of(tool.slug, instance), where, heeded, instance)


def _told_apart(uses: list[Use]) -> list[Use]:
    """The uses, each with whether it is one of several that callers are to tell apart."""
    counted = Counter(use.slug for use in uses if TOOLS[use.slug].names_the_first)
    return [
        msgspec.structs.replace(use, is_one_of_several=True) if counted[use.slug] > 1 else use for use in uses
    ]


def _config(slug: str, entry: Json, where: str) -> Json:
    given = entry.get("parameters")
    if given is None:
        given = {name: value for name, value in entry.items() if name not in ("type", "parameters")}
    if not isinstance(given, dict):
        raise refused(f"{where}.parameters", "must be an object")
    try:
        return TOOLS[slug].read_config({name: value for name, value in given.items() if value is not None})
    except NotValid as error:
        raise refused(f"{where}.{error.path}", error.fault.removesuffix(".")) from None


def _check_nested(config: Json, where: str, policy: Policy) -> None:
    """Refuse a tool that is disabled also where another tool may use it. Raises RefusedError (403)."""
    for number, entry in enumerate(config.get("tools") or ()):
        nested = tool_named(str(entry.get("type")))
        if nested is not None and nested.slug in policy.disabled_tools:
            raise RefusedError(_disabled(str(entry["type"]), f"{where}.parameters.tools[{number}]"))


def _disabled(kind: str, where: str) -> Refusal:
    message = f"'{where}' asks for the server tool {kind}, which this workspace has disabled."
    return forbidden(message, rule=DISABLED, layer="workspace", parameter=where, tool=kind, code=DISABLED)


def _check_operator(use: Use, operator: Operator) -> None:
    missing = TOOLS[use.slug].missing(use.config, operator)
    if missing is not None:
        raise refused(missing.at(f"{use.where}.parameters").removesuffix(".parameters"), missing.reason)


def _check_together(uses: list[Use]) -> None:
    for slug in dict.fromkeys(use.slug for use in uses):
        alike = [use for use in uses if use.slug == slug]
        for use, parameter, fault in TOOLS[slug].check_together(alike):
            raise refused(f"{use.where}.parameters.{parameter}" if parameter else use.where, fault)


def _check_names(given: list[Json], named: Mapping[str, Use]) -> None:
    for number, tool in enumerate(given):
        function = tool.get("function")
        if isinstance(function, dict) and function.get("name") in named:
            raise refused(f"tools[{number}].function.name", "is the name of a server tool of this request")


def _choice(choice: Any, given: list[Json], named: Mapping[str, Use]) -> Any:  # the caller's JSON
    """The choice among the tools as providers know it: of several of a kind the first is meant."""
    if not (isinstance(choice, dict) and _is_ours(choice)):
        return choice
    tool = tool_named(str(choice["type"]))
    for use in named.values():
        if tool is not None and use.slug == tool.slug:
            return {"type": "function", "function": {"name": use.function}}
    if any(_is_ours(entry) and tool_named(str(entry["type"])) is tool for entry in given):
        return None  # it is stripped inside of itself
    raise refused("tool_choice", "names a server tool that is not among the tools")


def _is_inside(slug: str, headers: Mapping[bytes, bytes]) -> bool:
    """Whether the request comes from such a tool already: none of them runs within itself."""
    depth = headers.get((DEPTH_HEADER % slug).encode(), b"")
    return depth.strip() not in (b"", b"0")


def _is_ours(tool: Json) -> bool:
    kind = tool.get("type")
    return kind != "function" and isinstance(kind, str) and kind.lower().startswith(PREFIXES)


def _opened(tools: Any) -> Any:
    """A list of tools, also where it came back as JSON text from the process that reads large bodies."""
    return msgspec.json.decode(tools) if isinstance(tools, msgspec.Raw) else tools
