"""What a preset may say: the parameters of a request that are no part of one conversation, and what caches it.

Parameters are judged by the gateway's own reader, so that what can be kept can be asked for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

from config.lib.api_body import UNSTORABLE
from routing.errors import invalid_request
from routing.gateway.client import RefusedError
from routing.gateway.dialects import chat
from routing.gateway.dialects.parameters import (
    Check,
    check,
    is_count,
    is_flag,
    is_object,
    is_objects,
    is_text,
    refused,
)

MOST_BYTES = 256 * 1024
"""Of a version's parameters and system prompt together."""
LONGEST_CACHE_SECONDS = 86_400
PRESET_MARK = "@preset/"

OF_ONE_REQUEST = frozenset({"messages", "preset", "stream", "stream_options", "user", "session_id", "trace"})
"""What a request says that is no configuration; as everything unknown, it is not kept."""
CACHING: dict[str, Check] = {"cache_enabled": is_flag, "cache_ttl_seconds": is_count}
PARAMETERS: dict[str, Check] = {
    **{name: kind for name, kind in chat.CHECKS.items() if name not in OF_ONE_REQUEST},
    "cache_control": is_object,
    "deferred_tools": is_object,
    "image_config": is_object,
    "max_tool_calls": is_count,
    "metadata": is_object,
    "prompt_cache_key": is_text,
    "prompt_cache_options": is_object,
    "service_tier": is_text,
    "stop_server_tools_when": is_objects,
    **CACHING,
}
SOMETHING = [{"role": "user", "content": ""}]


@dataclass(frozen=True)
class Content:
    """What one version of a preset says."""

    config: dict[str, Any] = field(default_factory=dict)
    system_prompt: str | None = None


def checked(content: Content) -> Content:
    """The content as it is kept: null left out, numbers as JSON has them. Raises RefusedError (400)."""
    config = {name: plain(name, value) for name, value in content.config.items() if value is not None}
    for name in sorted(config.keys() - PARAMETERS.keys()):
        raise refused(name[:100], "is no parameter of a preset")
    check(config, PARAMETERS)
    _check_models(config)
    if config.get("cache_ttl_seconds", 1) > LONGEST_CACHE_SECONDS:
        raise refused("cache_ttl_seconds", f"must be at most {LONGEST_CACHE_SECONDS}")
    prompt = plain("system_prompt", content.system_prompt) or None
    _check_size(config, prompt)
    asked = {name: value for name, value in config.items() if name not in CACHING}
    chat.read_call(msgspec.json.encode({**asked, "messages": SOMETHING}), {})
    return Content(config, prompt)


def _check_models(config: Mapping[str, Any]) -> None:
    for name in ("model", "models"):
        named = config.get(name) or []
        if any(PRESET_MARK in slug for slug in ([named] if isinstance(named, str) else named)):
            raise refused(name, "must not name a preset: presets do not refer to each other")


def _check_size(config: Mapping[str, Any], prompt: str | None) -> None:
    if len(msgspec.json.encode(config)) + len((prompt or "").encode()) > MOST_BYTES:
        message = f"A preset may have at most {MOST_BYTES} bytes of parameters and system prompt."
        raise RefusedError(invalid_request(message))


def plain(parameter: str, value: Any) -> Any:  # JSON of any kind
    """The value with plain numbers. Raises RefusedError for what JSON or PostgreSQL could not hold."""
    if isinstance(value, Decimal | float):
        number = float(value)
        if not math.isfinite(number):
            raise refused(parameter, "has a number that is too large")
        return number
    if isinstance(value, str) and UNSTORABLE.search(value):
        raise refused(parameter, "must not contain NUL or half a surrogate pair")
    if isinstance(value, list):
        return [plain(parameter, item) for item in value]
    if isinstance(value, dict):
        return {plain(parameter, name): plain(parameter, item) for name, item in value.items()}
    return value
