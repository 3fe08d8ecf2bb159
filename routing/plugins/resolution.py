"""Which plugins run for a request: what it asks for, over what its workspace says (SPEC §8)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from config.lib.declared import NotValid
from routing.call import Call
from routing.gateway.client import RefusedError
from routing.gateway.dialects.parameters import refused
from routing.plugins import PLUGINS
from routing.policy import PluginDefault

Asked = tuple[bool, dict[str, Any]]

WITHOUT_EFFECT = frozenset({"pareto-router", "auto-beta-router"})
"""Settings of routers that are not here: accepted, as the contract has it of a router that is not asked."""
NO_PLUGINS_FOR = frozenset({"embeddings"})
COMPRESSION, PARSER, MIDDLE_OUT = "context-compression", "file-parser", "middle-out"
MOST_ENTRIES = 32


def plugins_of(call: Call, defaults: Mapping[str, PluginDefault]) -> dict[str, Mapping[str, Any] | None]:
    """The plugins of a call with their configuration, None where it is to go without. Raises RefusedError (400).

    What a workspace prevents from being overridden is as the workspace says, whatever the request has to say of it.
    """
    if call.dialect in NO_PLUGINS_FOR:
        return {}
    asked = _asked(call.body)
    resolved: dict[str, Mapping[str, Any] | None] = {}
    for slug in PLUGINS:
        default, wish = defaults.get(slug), asked.get(slug)
        if default is not None and default.is_override_prevented:
            resolved[slug] = default.config if default.is_enabled else None
        elif wish is not None:
            resolved[slug] = {**(default.config if default else {}), **wish[1]} if wish[0] else None
        elif default is not None:
            resolved[slug] = default.config if default.is_enabled else None
    if PARSER not in resolved and call.media_tokens and has_files(call.body):
        resolved[PARSER] = {}
    return resolved


def has_files(body: Mapping[str, Any]) -> bool:
    """Whether any message brings a file."""
    return any(
        isinstance(part, dict) and part.get("type") == "file"
        for message in _opened(body, "messages")
        if isinstance(message.get("content"), list)
        for part in message["content"]
    )


def _opened(body: Mapping[str, Any], name: str) -> Any:
    """A list of the body's, also where it came back as JSON text from the process that reads large bodies."""
    value = body.get(name)
    return msgspec.json.decode(value) if isinstance(value, msgspec.Raw) else value or ()


def _asked(body: Mapping[str, Any]) -> dict[str, Asked]:
    """What the request says, by plugin; of several entries for one the later adds to the earlier."""
    asked: dict[str, Asked] = {}
    if body.get("transforms") is not None:  # the older way to say it
        asked[COMPRESSION] = (MIDDLE_OUT in _opened(body, "transforms"), {})
    entries = _opened(body, "plugins")
    if len(entries) > MOST_ENTRIES:
        raise refused("plugins", f"may have at most {MOST_ENTRIES} entries")
    for number, entry in enumerate(entries):
        for slug, is_on, config in _read(f"plugins[{number}]", entry):
            known = asked.get(slug, (True, {}))[1]
            asked[slug] = (is_on, {**known, **config})
    return asked


def _read(where: str, entry: Mapping[str, Any]) -> Iterator[tuple[str, bool, dict[str, Any]]]:
    slug, is_on = entry.get("id"), entry.get("enabled")
    if not isinstance(slug, str) or slug not in PLUGINS:
        if isinstance(slug, str) and slug in WITHOUT_EFFECT:
            return
        raise refused(f"{where}.id", f"must be one of {', '.join(PLUGINS)}")
    if is_on is not None and not isinstance(is_on, bool):
        raise refused(f"{where}.enabled", "must be a boolean")
    config = {name: value for name, value in entry.items() if name not in ("id", "enabled")}
    try:
        read = PLUGINS[slug].read_config(config)
    except NotValid as error:
        raise _not_valid(where, error) from None
    yield slug, is_on is not False, read


def _not_valid(where: str, error: NotValid) -> RefusedError:
    """A 400 that names the field as the request spells it."""
    path = error.path.removeprefix("config.").removeprefix("config")
    return refused(f"{where}.{path}".rstrip("."), error.fault.removesuffix("."))
