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
"""A request with more than 0 in it is made by fusion, or wants to be treated so."""
MOST_DIGITS = 9


def depth_of(headers: Mapping[bytes, bytes]) -> int:
    """How deep in fusion a request is; a header that makes no sense counts as once."""
    said = headers.get(HEADER, b"").strip()
    if said.isdigit() and len(said) <= MOST_DIGITS:
        return int(said)
    return 1 if said else 0


def without_fusion(call: Call, depth: int) -> Call:
    """The call without the plugin, from a depth of 1 on. Raises RefusedError (400) for the alias.

    Entries of the tool are taken out where those of all tools are that ask within themselves.
    """
    if depth < 1:
        return call
    for slug in call.models:
        if is_alias(slug):
            message = f"{slug[:100]} cannot be asked from within fusion."
            raise RefusedError(invalid_request(message, parameter="model"))
    return msgspec.structs.replace(call, plugins={**call.plugins, SLUG: None})


def is_fusion(tool: Any) -> bool:  # JSON of any kind
    """Whether an entry of `tools` is fusion."""
    kind = tool.get("type") if isinstance(tool, dict) else None
    return isinstance(kind, str) and kind.lower() in TYPES


def opened(body: Mapping[str, Any], name: str) -> list[Any]:
    """A list of the body's, also where it came back as text from the process that reads large bodies."""
    value = body.get(name)
    if isinstance(value, msgspec.Raw):
        value = msgspec.json.decode(value)
    return list(value) if isinstance(value, list) else []
