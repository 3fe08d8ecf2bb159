"""Lay a preset under a request (SPEC §7): what the request says wins, field by field; tools are united by identity.

Pure, and done once a dialect has read the request into Chat Completions, the language of presets. The merged call is
derived anew, so that what is held, limited, looked at and sent is what the request has become.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import msgspec
from msgspec.structs import replace

from routing.call import CACHE_MARKERS, Call, PresetUse, ProviderPreferences
from routing.errors import Refusal
from routing.gateway.client import RefusedError
from routing.gateway.dialects.chat import (
    BYTES_PER_TOKEN,
    CHECKS,
    parameters_of,
    read_choices,
    read_max_tokens,
    read_models,
)
from routing.gateway.dialects.parameters import check, refused
from routing.gateway.dialects.preferences import read_preferences
from routing.gateway.dialects.server_tools import OURS, check_call
from routing.policy import PresetContent, PresetEntry

Body: TypeAlias = Mapping[str, Any]  # JSON of a caller or a preset

MARK = "@preset/"
CACHING = frozenset({"cache_enabled", "cache_ttl_seconds"})
EMBEDDINGS = "embeddings"
OF_EMBEDDINGS = frozenset({"model", "models", "provider"})
"""What of a preset means anything to them."""
UNSAYABLE: dict[str, frozenset[str]] = {
    "completions": frozenset({"tools", "tool_choice", "parallel_tool_calls"}),
    "messages": frozenset({"n"}),
    "responses": frozenset({"n"}),
}
"""What of a preset an entrance has no place for in its answers; a preset serves all of them, so it is left out."""
ALIKE = (frozenset({"max_tokens", "max_completion_tokens"}), frozenset({"reasoning", "reasoning_effort"}))
"""Two names for one thing: who says either means both."""
NAMED = ("advisor", "subagent")
"""Server tools that a request may have several of."""
MOST_REMEMBERED, MOST_REMEMBERED_BYTES = 512, 16 * 1024
"""Of presets that were read, and of the text of each: larger ones are read each time."""

_decode = msgspec.json.Decoder().decode


def preset_named(call: Call) -> str | None:
    """The slug of the preset that a call refers to, None for most. Raises RefusedError for two of them."""
    given = call.body.get("preset")
    marked = [slug for slug in call.models if MARK in slug]
    if not given and not marked:
        return None
    if not given and len(marked) == 1:
        return marked[0].partition(MARK)[2]
    named = dict.fromkeys([slug.partition(MARK)[2] for slug in marked] + ([given] if given else []))
    if len(named) > 1:
        raise refused("preset", "and the models must not name more than one preset")
    slug: str = next(iter(named))
    return slug


def find_preset(presets: Mapping[str, PresetEntry], slug: str) -> PresetEntry:
    """The preset of this slug that may be used. Raises RefusedError (400) naming it."""
    entry = presets.get(slug)
    if entry is not None and entry.content is not None:
        return entry
    if entry is None:
        code, fault = "preset_not_found", "does not exist in this workspace"
    else:
        code, fault = (
            "preset_disabled",
            f"is {entry.status}" if entry.status != "active" else "has no version",
        )
    message = f"The preset '{slug[:100]}' {fault}."
    raise RefusedError(
        Refusal(400, "invalid_request", message, code, metadata={"parameter": "preset", "code": code})
    )


def size_of(entry: PresetEntry) -> int:
    """How many bytes a preset adds to a request at most."""
    content = entry.content
    return 0 if content is None else len(content.config_text) + len((content.system_prompt or "").encode())


def with_preset(call: Call, entry: PresetEntry) -> Call:
    """The call with the preset under it. Raises RefusedError for what nobody may ask for."""
    content = entry.content
    if content is None:
        raise ValueError(f"{entry.slug} is not to be used")
    is_small = len(content.config_text) <= MOST_REMEMBERED_BYTES
    ready = ready_of(content) if is_small else read_content(content)
    body = merge(call.body, ready.config, content.system_prompt, call.dialect)
    derived = {} if call.dialect == EMBEDDINGS else _derived(call, body, size_of(entry), ready)
    merged = replace(
        call,
        body=body,
        models=_models(body, ready),
        preferences=_preferences(call, body, ready),
        preset=_use(entry, content, ready.config),
        **derived,
    )
    check_call(merged)
    return merged


class Ready(NamedTuple):
    """What a preset's content says, read and checked. Many requests share it: it is never changed."""

    config: Body
    models: tuple[str, ...]
    preferences: ProviderPreferences
    is_marked: bool


def read_content(content: PresetContent) -> Ready:
    """The content, read. Raises RefusedError for what could not be kept today."""
    config = _decode(content.config_text)
    check(config, CHECKS)
    is_marked = b'"cache_control"' in content.config_text
    return Ready(config, read_models(config), read_preferences(config), is_marked)


ready_of = lru_cache(maxsize=MOST_REMEMBERED)(read_content)


def _models(body: Body, ready: Ready) -> tuple[str, ...]:
    """The models of the merged body, which mostly are the preset's own."""
    config = ready.config
    is_its_own = body.get("model") is config.get("model") and body.get("models") is config.get("models")
    return ready.models if is_its_own else read_models(body)


def _preferences(call: Call, body: Body, ready: Ready) -> ProviderPreferences:
    """The preferences of the merged body, anew only where request and preset have some."""
    given = body.get("provider")
    if given is ready.config.get("provider"):
        return ready.preferences
    return call.preferences if given is call.body.get("provider") else read_preferences(body)


def _derived(call: Call, body: Body, size: int, ready: Ready) -> dict[str, Any]:
    """What the chat reader would find in the merged body, of parts that it has checked already.

    The preset counts as input, as if all of it were.
    """
    return {
        "prompt_tokens": call.prompt_tokens + -(-size // BYTES_PER_TOKEN),
        "max_tokens": read_max_tokens(body),
        "choices": read_choices(body),
        "parameters": call.parameters | parameters_of(body),
        "detail": {**call.detail, CACHE_MARKERS: True} if ready.is_marked else call.detail,
    }


def _use(entry: PresetEntry, content: PresetContent, config: Body) -> PresetUse:
    is_cached, seconds = config.get("cache_enabled"), config.get("cache_ttl_seconds")
    return PresetUse(entry.public_id, entry.slug, content.number, content.version_id, is_cached, seconds)


def merge(body: Body, config: Body, prompt: str | None, dialect: str = "chat") -> dict[str, Any]:
    """The request's body over a preset's parameters, its system prompt in front."""
    kept = _kept(config, dialect)
    said = {name: value for name, value in body.items() if value is not None and name != "preset"}
    for names in ALIKE:
        if not names.isdisjoint(kept) and not names.isdisjoint(said):
            kept = {name: value for name, value in kept.items() if name not in names}
    said = _with_models(said, kept)
    if "tools" in kept and "tools" in said:
        said["tools"] = unite(kept["tools"], said["tools"])
    if "provider" in kept and "provider" in said:
        given = said["provider"].items()
        said["provider"] = {**kept["provider"], **{name: value for name, value in given if value is not None}}
    if prompt and "messages" in said:
        said["messages"] = with_prompt(said["messages"], prompt)
    merged = {**kept, **said}
    if not merged.get("tools") and "tool_choice" not in said:
        merged.pop("tool_choice", None)  # to many providers any choice is an error without tools
    return merged


def _kept(config: Body, dialect: str) -> Body:
    """What of a preset goes into a request of the dialect."""
    if dialect == EMBEDDINGS:
        return {name: value for name, value in config.items() if name in OF_EMBEDDINGS}
    left_out = UNSAYABLE.get(dialect, frozenset()) | CACHING
    if left_out.isdisjoint(config):
        return config
    return {name: value for name, value in config.items() if name not in left_out}


def _with_models(said: dict[str, Any], kept: Body) -> dict[str, Any]:
    """The request with plain models: `model@preset/slug` is the model, `@preset/slug` the preset's."""
    if MARK in said.get("model", ""):
        said["model"] = said["model"].partition(MARK)[0] or kept.get("model")
    if "models" in said and any(MARK in slug for slug in said["models"]):
        own = [slug for slug in (kept.get("model"), *(kept.get("models") or ())) if slug]
        plain = [slug.partition(MARK)[0] if MARK in slug else slug for slug in said["models"]]
        said["models"] = [slug for one in plain for slug in ([one] if one else own)]
    for name in ("model", "models", "tools"):
        if name in said and not said[name]:
            del said[name]
    return said


def unite(kept: list[Body], said: list[Body]) -> list[Body]:
    """A preset's tools in their order, each replaced by the request's of the same identity, then the request's own."""
    overriding = {identity: tool for tool in said if (identity := identity_of(tool)) is not None}
    known = [identity_of(tool) for tool in kept]
    united = [
        overriding.get(identity, tool) if identity else tool
        for identity, tool in zip(known, kept, strict=True)
    ]
    return united + [
        tool for tool in said if (identity := identity_of(tool)) is None or identity not in known
    ]


def identity_of(tool: Body) -> tuple[str, ...] | None:
    """What makes two tools the same one; None for a tool that is like no other."""
    kind = tool.get("type")
    kind = kind.lower() if isinstance(kind, str) else "function"
    if kind.startswith(OURS):
        name = kind.partition(":")[2]
        parameters = tool.get("parameters")
        instance = parameters.get("name") if isinstance(parameters, dict) and name in NAMED else None
        return ("server", name, instance if isinstance(instance, str) else "")
    holder = tool.get(kind) if isinstance(tool.get(kind), dict) else tool
    named = holder.get("name") if isinstance(holder, dict) else None
    return (kind, named) if isinstance(named, str) else None


def with_prompt(messages: list[Any], prompt: str) -> list[Any]:
    """The conversation with a system prompt in front; one message with the caller's own, if that comes first.

    Many providers take a system message at the beginning only, and one of them.
    """
    first, *others = messages
    content = first.get("content")
    if first.get("role") not in ("system", "developer") or not content:
        return [{"role": "system", "content": prompt}, *messages]
    if isinstance(content, str):
        return [{**first, "content": f"{prompt}\n\n{content}"}, *others]
    return [{**first, "content": [{"type": "text", "text": f"{prompt}\n\n"}, *content]}, *others]
