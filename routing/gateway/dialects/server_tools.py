"""Tools that the gateway itself would have to run: refused in every dialect, and never passed on to a provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from routing.call import Call
from routing.errors import Refusal
from routing.gateway.client import RefusedError

RULE = "unsupported_server_tool"
WITH_TOOLS = frozenset({"chat", "messages", "responses"})
"""Dialects in which server tools can be asked for."""
OURS = ("openrouter:", "headgate:")
ROUTERS = ("openrouter/", "headgate/")
FUSION = ("openrouter/fusion", "headgate/fusion", "openrouter/fusion-flash", "headgate/fusion-flash")


def refuse_server_tools(body: Mapping[str, Any]) -> None:
    """Raise RefusedError (400) for a body that brings, or insists on, a tool of a server's own."""
    for name in ("tools", "tool_choice"):
        given = body.get(name)
        for tool in given if isinstance(given, list) else (given,):
            kind = tool.get("type") if isinstance(tool, dict) else None
            if isinstance(kind, str) and kind.lower().startswith(OURS):
                raise unsupported(name, kind)


def check_call(call: Call) -> None:
    """Refuse a call that needs such a tool in a dialect that has none, or a router that is one in disguise (400)."""
    if call.dialect in WITH_TOOLS:
        return
    if call.body.get("tools") or call.body.get("tool_choice"):
        refuse_server_tools(call.body)
    for slug in call.models:
        if slug.startswith(ROUTERS) and slug.partition(":")[0] in FUSION:
            raise unsupported("model", slug)


def unsupported(where: str, name: str) -> RefusedError:
    """The refusal (400) of a tool that somebody else than the caller would have to run."""
    whose = "hosted" if not name.lower().startswith((*OURS, *ROUTERS)) else "server"
    message = f"'{where}' asks for the {whose} tool {name[:100]}, which is not supported."
    about = {"parameter": where.partition("[")[0], "code": RULE, "tool": name[:100]}
    return RefusedError(Refusal(400, "invalid_request", message, RULE, metadata=about))
