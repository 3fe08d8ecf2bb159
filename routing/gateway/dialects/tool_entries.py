"""Entries of `tools` that are the gateway's to run, and the choice of one: in every spelling, as `openrouter:<slug>`.

The types of OpenAI's own web search are another spelling; Anthropic's are in messages_tools.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from routing.gateway.dialects.chunks import a_text, an_object, objects
from routing.gateway.dialects.server_tools import FUSION, OURS

PREFIX = "openrouter:"
FUNCTION = "openrouter_"
"""What the names of the functions begin with that models are offered, as in routing.tools, which is not for dialects:
plugins and tools read what callers say, and so import from here."""
ALIASES = {"experimental__search_models": "search_models"}
"""Other names of tools, as in routing.tools."""
SEARCH = "openrouter:web_search"
SEARCHES = frozenset(
    {"web_search", "web_search_preview", "web_search_preview_2025_03_11", "web_search_2025_08_26"}
)
"""The names of OpenAI's hosted web search."""
SEARCH_FIELDS = (
    *("allowed_domains", "excluded_domains", "engine", "max_characters", "max_results", "max_total_results"),
    *("max_uses", "mode", "search_context_size", "user_location", "x_search"),
)
BESIDE = frozenset({"type", "name", "parameters", "cache_control"})
"""What of an entry is no setting of its tool."""

Body = Mapping[str, Any]  # the caller's JSON
Entry = dict[str, Any]


def is_ours(kind: Any) -> bool:  # JSON of any kind
    """Whether a type names a server tool outright."""
    return isinstance(kind, str) and kind.lower().startswith(OURS)


def read_entries(tools: Sequence[Entry]) -> Sequence[Entry]:
    """The tools with those that are the gateway's to run in their one form."""
    for tool in tools:
        if tool.get("type") not in ("function", "custom"):
            return [read_entry(one) for one in tools]
    return tools


def read_entry(tool: Entry) -> Entry:
    """One tool: settings beside its type count as parameters, which win over them."""
    kind = tool.get("type")
    if isinstance(kind, str) and kind in SEARCHES:
        return search_of(tool)
    if not is_ours(kind) or not tool.keys() - {"type", "parameters"}:
        return tool
    beside = {name: value for name, value in tool.items() if name not in BESIDE and value is not None}
    return _entry(str(kind), beside, tool.get("parameters"))


def search_of(tool: Body) -> Entry:
    """The entry for one of OpenAI's: its domains may be given as filters."""
    settings = {name: tool[name] for name in SEARCH_FIELDS if tool.get(name) is not None}
    filters = an_object(tool, "filters")
    excluded = filters.get("excluded_domains") or filters.get("blocked_domains")
    domains = {"allowed_domains": filters.get("allowed_domains"), "excluded_domains": excluded}
    settings |= {name: listed for name, listed in domains.items() if listed is not None}
    if isinstance(settings.get("user_location"), dict):
        settings["user_location"] = without_nulls(settings["user_location"])
    return _entry(SEARCH, settings, tool.get("parameters"))


def without_nulls(given: Body) -> Entry:
    """What is set of an object."""
    return {name: value for name, value in given.items() if value is not None}


def _entry(kind: str, settings: Entry, parameters: Any) -> Entry:
    if parameters is not None and not isinstance(parameters, dict):
        return {"type": kind, "parameters": parameters}  # refused where tools are read
    return {"type": kind, "parameters": {**settings, **(parameters or {})}}


def read_choice(choice: Any) -> Any:  # JSON of any kind
    """A choice of tools: one of a server tool has its type and nothing else."""
    kind = choice.get("type") if isinstance(choice, dict) else None
    if isinstance(kind, str) and kind in SEARCHES:
        return {"type": SEARCH}
    return {"type": kind} if is_ours(kind) else choice


def slug_of(kind: str) -> str:
    """The slug of a tool by its type or by the name of its function, whichever of its names that holds."""
    name = kind.lower().partition(":")[2] or kind.removeprefix(FUNCTION).partition("__")[0]
    return ALIASES.get(name, name)


def functions_of(body: Body) -> frozenset[str]:
    """The names of the functions that models are offered for the server tools of a canonical body."""
    counts: dict[str, int] = {}
    names = []
    for tool in objects(body, "tools"):
        if is_ours(tool.get("type")):
            slug = slug_of(tool["type"])
            names.append(function_of(slug, counts.setdefault(slug, 0)))
            counts[slug] += 1
    return frozenset([*names, *_fusion(body)])


def has_functions(body: Body) -> bool:
    """Whether a model is offered server tools: before they are functions, and from then on."""
    for tool in objects(body, "tools"):
        if is_ours(tool.get("type")) or a_text(an_object(tool, "function"), "name").startswith(FUNCTION):
            return True
    return False


def _fusion(body: Body) -> list[str]:
    """Fusion comes as a plugin and as a model too."""
    plugins = [one for one in objects(body, "plugins") if one.get("id") == "fusion"]
    is_asked = any(one.get("enabled") is not False for one in plugins)
    named = body.get("model")
    is_model = isinstance(named, str) and named.partition(":")[0] in FUSION
    return [function_of("fusion")] if is_asked or is_model else []


def function_of(slug: str, instance: int = 0) -> str:
    """The name that a model calls a tool by."""
    return f"{FUNCTION}{slug}__{instance}" if instance else f"{FUNCTION}{slug}"
