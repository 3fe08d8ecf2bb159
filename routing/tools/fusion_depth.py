"""Fusion never runs within fusion: what is taken out of the requests that it makes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from routing.call import Call
from routing.errors import invalid_request
from routing.gateway.client import RefusedError
from routing.tools.fusion_config import SLUG, TYPES, is_alias

HEADER = b"x-openrouter-fusion-depth"
"""A request with a number above 0 in it is made by fusion, or wants to be treated so."""
MOST_DIGITS = 9


def depth_of(headers: Mapping[bytes, bytes]) -> int:
    """How deep in fusion a request is; 0 also where the header makes no sense."""
    said = headers.get(HEADER, b"").strip()
    return int(said) if said.isdigit() and len(said) <= MOST_DIGITS else 0


def without_fusion(call: Call, depth: int) -> Call:
    """The call without the tool and the plugin, from a depth of 1 on. Raises RefusedError (400) for the alias."""
    if depth < 1:
        return call
    for slug in call.models:
        if is_alias(slug):
            message = f"{slug[:100]} cannot be asked from within fusion."
            raise RefusedError(invalid_request(message, parameter="model"))
    body = call.body
    if "tools" in body or "tool_choice" in body:
        body = _stripped(body)
    return msgspec.structs.replace(call, body=body, plugins={**call.plugins, SLUG: None})


def is_fusion(tool: Any) -> bool:  # JSON of any kind
    """Whether an entry of `tools`, or a `tool_choice`, is fusion."""
    kind = tool.get("type") if isinstance(tool, dict) else None
    return isinstance(kind, str) and kind.lower() in TYPES


def opened(body: Mapping[str, Any], name: str) -> list[Any]:
    """A list of the body's, also where it came back as text from the process that reads large bodies."""
    value = body.get(name)
    if isinstance(value, msgspec.Raw):
        value = msgspec.json.decode(value)
    return list(value) if isinstance(value, list) else []


def _stripped(body: dict[str, Any]) -> dict[str, Any]:
    tools = opened(body, "tools")
    left = [tool for tool in tools if not is_fusion(tool)]
    choice = body.get("tool_choice")
    is_chosen = is_fusion(msgspec.json.decode(choice) if isinstance(choice, msgspec.Raw) else choice)
    if len(left) == len(tools) and not is_chosen:
        return body
    rest = {name: value for name, value in body.items() if name not in ("tools", "tool_choice")}
    if left:
        rest["tools"] = left
        if "tool_choice" in body and not is_chosen:
            rest["tool_choice"] = body["tool_choice"]
    return rest
