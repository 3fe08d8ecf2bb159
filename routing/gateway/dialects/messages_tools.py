"""Anthropic's own server tools as the gateway's (platform.claude.com/docs/en/agents-and-tools/tool-use)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from routing.gateway.dialects.chunks import an_object
from routing.gateway.dialects.tool_entries import Entry, is_ours, read_entry, slug_of, without_nulls

NAMES = {"web_search": "web_search_20", "web_fetch": "web_fetch_20", "advisor": "advisor_20"}
"""What Anthropic's types of these tools begin with, before their date."""
FIELDS = {
    "web_search": {
        "max_uses": "max_uses",
        "allowed_domains": "allowed_domains",
        "blocked_domains": "excluded_domains",
        "user_location": "user_location",
    },
    "web_fetch": {
        "max_uses": "max_uses",
        "allowed_domains": "allowed_domains",
        "blocked_domains": "blocked_domains",
        "max_content_tokens": "max_content_tokens",
    },
    "advisor": {"model": "model"},
}
"""Their settings by the names that the gateway's tools have for them; all others are Anthropic's alone."""

Body = Mapping[str, Any]  # the caller's JSON


def entry_of(given: Body) -> Entry:
    """A tool that is none of the caller's own: the gateway's in their one form, others as they are."""
    kind = given.get("type")
    for slug, beginning in NAMES.items():
        if isinstance(kind, str) and kind.startswith(beginning) and kind.removeprefix(beginning).isdigit():
            return {"type": f"openrouter:{slug}", "parameters": _parameters(slug, given)}
    return read_entry(dict(given))


def _parameters(slug: str, given: Body) -> Entry:
    parameters = {new: given[old] for old, new in FIELDS[slug].items() if given.get(old) is not None}
    if isinstance(parameters.get("user_location"), dict):
        parameters["user_location"] = without_nulls(parameters["user_location"])
    return parameters


def chosen(config: Entry, tools: Sequence[Entry]) -> Entry:
    """What `tool_choice` says, of a server tool too: callers name it like a tool of their own, which goes first."""
    choice = config.get("tool_choice")
    if not isinstance(choice, dict):
        return config
    name = choice["function"]["name"]
    if any(an_object(tool, "function").get("name") == name for tool in tools):
        return config
    slug = slug_of(name if ":" in name else f"openrouter:{name}")
    found = (tool["type"] for tool in tools if is_ours(tool.get("type")) and slug_of(tool["type"]) == slug)
    kind = next(found, None)
    return {**config, "tool_choice": {"type": kind}} if kind else config
