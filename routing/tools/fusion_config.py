"""What may be said about fusion, by the tool's entry and the plugin's alike (SPEC §8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from config.lib.declared import Choice, Field, Group, NotValid, Number, Text, Texts, Whole, read

SLUG = "fusion"
TYPE = f"openrouter:{SLUG}"
TYPES = (TYPE, f"headgate:{SLUG}")
ROUTER, FLASH = "openrouter/fusion", "openrouter/fusion-flash"
ALIASES = frozenset({ROUTER, FLASH, "headgate/fusion", "headgate/fusion-flash"})

MOST_MODELS, MOST_TOOLS = 8, 8
LONGEST_SLUG = 256
MOST_PARAMETERS = 8_192
"""Bytes of JSON that one inner tool's parameters may come to."""
TOOL_CALLS, MOST_TOOL_CALLS = 4, 16
COMPLETION_TOKENS = 16_000
SECONDS, MOST_SECONDS = 180, 400
"""How long each model of the panel may take, and the analyst with all that he tries."""
HOTTEST = 2
EFFORTS = ("max", "xhigh", "high", "medium", "low", "minimal", "none")
PREFIXES = ("openrouter:", "headgate:")
SEARCH = "web_search"
INNER_TOOLS = (SEARCH, "web_fetch", "datetime", "search_models")
"""What the panel and the analyst may be given: nothing that asks further models."""


def is_alias(slug: str) -> bool:
    """Whether a model's name means fusion, with whatever variants behind it."""
    return slug.partition(":")[0].lower() in ALIASES


@dataclass(frozen=True, kw_only=True)
class Model(Text):
    """The name of a model that is not fusion itself."""

    most: int = LONGEST_SLUG
    pattern: str = r"[~@\w./:+-]+"

    def read(self, value: Any) -> str:  # JSON of any kind
        slug = super().read(value)
        if is_alias(slug):
            raise self.refused("must not be fusion itself.")
        return slug


@dataclass(frozen=True, kw_only=True)
class Panel(Texts):
    """The names of one to eight models."""

    most: int = MOST_MODELS
    longest: int = LONGEST_SLUG

    @property
    def schema(self) -> dict[str, Any]:
        return {**super().schema, "minItems": 1}

    def read(self, value: Any) -> list[str]:  # JSON of any kind
        slugs = super().read(value)
        if not slugs:
            raise self.refused("must name at least one model.")
        return [Model(name=self.name).read(slug) for slug in slugs]


@dataclass(frozen=True, kw_only=True)
class Tools(Field):
    """Server tools that ask no model, as a request's `tools` have them; an empty list means none."""

    @property
    def schema(self) -> dict[str, Any]:
        types = [f"{prefix}{slug}" for prefix in PREFIXES for slug in INNER_TOOLS]
        entry = {"type": {"type": "string", "enum": types}, "parameters": {"type": "object"}}
        items = {"type": "object", "properties": entry, "required": ["type"], "additionalProperties": False}
        return {"type": "array", "maxItems": MOST_TOOLS, "items": items}

    def read(self, value: Any) -> list[dict[str, Any]]:  # JSON of any kind
        if not isinstance(value, list) or len(value) > MOST_TOOLS:
            raise self.refused(f"must be a list of at most {MOST_TOOLS} tools.")
        return [self._entry(f"{self.name}[{number}]", entry) for number, entry in enumerate(value)]

    def _entry(self, where: str, entry: Any) -> dict[str, Any]:  # JSON of any kind
        types = tuple(f"{prefix}{slug}" for prefix in PREFIXES for slug in INNER_TOOLS)
        fields = (Choice(name="type", values=types), Anything(name="parameters"))
        given = read(fields, entry, within=where)
        if "type" not in given:
            raise NotValid(f"{where}.type", f"must be one of {', '.join(types)}.")
        return given


@dataclass(frozen=True, kw_only=True)
class Anything(Field):
    """An object that somebody else reads."""

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "object"}

    def read(self, value: Any) -> dict[str, Any]:  # JSON of any kind
        if not isinstance(value, dict):
            raise self.refused("must be an object.")
        try:
            size = len(msgspec.json.encode(value))
        except (RecursionError, UnicodeError):
            size = MOST_PARAMETERS + 1
        if size > MOST_PARAMETERS:
            raise self.refused(f"may come to {MOST_PARAMETERS} bytes.")
        return dict(value)


SHARED = (
    Panel(name="analysis_models", help="The models of the panel, one to eight."),
    Model(name="model", help="The analyst, who compares what the panel says."),
    Whole(
        name="max_tool_calls",
        minimum=1,
        maximum=MOST_TOOL_CALLS,
        help=f"Steps of searching and reading that each model may take; {TOOL_CALLS} unless told.",
    ),
    Tools(name="tools", help="Server tools for the panel and the analyst; the web's unless told."),
)
"""What the tool and the plugin have in common."""

REASONING = (
    Choice(name="effort", values=EFFORTS),
    Whole(name="max_tokens", minimum=1),
)
CACHE_CONTROL = (Choice(name="type", values=("ephemeral",)), Choice(name="ttl", values=("5m", "1h")))

TOOL_FIELDS = (
    *SHARED,
    Whole(
        name="max_completion_tokens",
        minimum=1,
        help=f"Tokens that each answer may have, reasoning included; {COMPLETION_TOKENS} unless told.",
    ),
    Group(name="reasoning", fields=REASONING, help="How the panel and the analyst reason."),
    Number(name="temperature", maximum=HOTTEST, help="The panel's; the analyst's is 0."),
    Group(name="cache_control", fields=CACHE_CONTROL, help="Caching of the prompt, where providers have it."),
    Whole(
        name="timeout_seconds",
        minimum=1,
        maximum=MOST_SECONDS,
        help=f"How long each model may take; {SECONDS} unless told.",
    ),
)
